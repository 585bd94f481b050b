//! The shapes of a level with everything but their sessions: evidence, priors, and what they say together.

use floopy_shared::domain::{shape::ShapeKey, weights::Weights};

use super::{Candidate, Done, Question, counts, demoted, public_tests};
use crate::learn::{
    alarm::ALARMED_TAU,
    estimate::Chain,
    evidence::{Evidence, Scales},
    pool::PooledCell,
    prior,
    residual::Solved,
    split,
    stats::ShapeStats,
};

/// One shape with everything but its sessions.
pub(super) struct Draft<'a> {
    pub(super) shape: ShapeKey,
    pub(super) stats: Option<&'a ShapeStats>,
    pub(super) keys: &'a [Candidate],
    pub(super) arms: Vec<Evidence>,
    pub(super) chains: Vec<Chain>,
    pub(super) weights: Weights,
}

impl Draft<'_> {
    /// Whether it is ranked on its own. The root always is; so is what many tenants know of.
    pub(super) fn is_told_apart(
        &self,
        question: &Question<'_>,
        solved: &[Solved],
        scales: &Scales,
    ) -> bool {
        if self.shape.is_root() || question.platform.pool.cells.contains_key(&self.shape) {
            return true;
        }
        let chains = self.chains.iter().zip(&self.arms).zip(solved);
        let predicted =
            chains.flat_map(|((chain, arm), solved)| chain.predicted(arm, *solved, scales));
        let was = question.incumbents.contains_key(&self.shape);
        split::is_told_apart(predicted.flatten(), was)
    }
}

/// One shape's evidence and the means it starts from.
struct Start<'a> {
    shape: ShapeKey,
    stats: Option<&'a ShapeStats>,
    arms: Vec<Evidence>,
    means: Vec<f64>,
}

/// The shapes of a level. How far they lie from their parents is estimated over all of them.
pub(super) fn drafts<'a>(
    question: &Question<'a>,
    (scales, done): (&Scales, &Done<'_>),
    level: Vec<ShapeKey>,
) -> Vec<Draft<'a>> {
    let noise = scales.noise.auto;
    let assumed = if done.shapes.is_empty() {
        done.root_tau
    } else {
        prior::CHILD_TAU
    };
    let starts: Vec<Start<'a>> = level
        .into_iter()
        .map(|shape| start(question, (scales, done), (shape, assumed)))
        .collect();
    let cells = starts
        .iter()
        .map(|s| (s.means.as_slice(), s.arms.as_slice()));
    let tau = prior::width(cells, (assumed, noise));
    let draft = |start: Start<'a>| {
        let priors = priors(question, &start, tau);
        let chain = |(prior, arm): (prior::Prior, &Evidence)| Chain::of(prior, arm, scales);
        let chains = priors.into_iter().zip(&start.arms).map(chain).collect();
        let (scored, rated) = counts(start.stats);
        Draft {
            shape: start.shape,
            stats: start.stats,
            keys: question.candidates,
            arms: start.arms,
            chains,
            weights: scales.weights(scored, rated),
        }
    };
    starts.into_iter().map(draft).collect()
}

/// What the candidates of a shape start from. What is demoted is also no longer sure: an alarm may have been
/// false, and then a candidate's own replies are to bring it back. Below the root its parent's composites say so.
fn priors(question: &Question<'_>, start: &Start<'_>, tau: f64) -> Vec<prior::Prior> {
    let width = |c: &Candidate, tau: f64| {
        if question.alarms.contains_key(&c.key) {
            tau.max(ALARMED_TAU)
        } else {
            tau
        }
    };
    let own = |(c, mean): (&Candidate, &f64)| prior::Prior {
        mean: *mean,
        tau: if start.shape.is_root() {
            width(c, tau)
        } else {
            tau
        },
    };
    let mut priors: Vec<prior::Prior> = question
        .candidates
        .iter()
        .zip(&start.means)
        .map(own)
        .collect();
    if let Some(cells) = question.platform.pool.cells.get(&start.shape) {
        let cell = |c: &Candidate| {
            let cell = cells.get(&c.key)?;
            Some(PooledCell {
                mean: demoted(question, c, cell.mean),
                tau: width(c, cell.tau),
            })
        };
        let cells: Vec<_> = question.candidates.iter().map(cell).collect();
        prior::pooled(&mut priors, &cells);
    }
    priors
}

fn start<'a>(
    question: &Question<'a>,
    (scales, done): (&Scales, &Done<'_>),
    (shape, assumed): (ShapeKey, f64),
) -> Start<'a> {
    let stats = question.stats.shapes.get(&shape);
    let arm = |candidate: &Candidate| {
        let sums = stats.and_then(|stats| stats.arms.get(&candidate.key));
        sums.map(|sums| Evidence::of(sums, &scales.calibration))
            .unwrap_or_default()
    };
    let arms: Vec<Evidence> = question.candidates.iter().map(arm).collect();
    let bases: Vec<f64> = match done.parent(stats) {
        Some(parent) => {
            let composites = parent.without(stats, scales);
            let unranked = stats.and_then(ShapeStats::parent);
            let unranked = unranked.filter(|above| !done.shapes.contains_key(*above));
            let shift = |c: &Candidate| public_tests::shift(c, &shape, unranked);
            let shifts = question.candidates.iter().map(shift);
            composites.iter().zip(shifts).map(|(q, d)| q + d).collect()
        }
        None => {
            let benchmark = |c: &Candidate| demoted(question, c, c.benchmark);
            question.candidates.iter().map(benchmark).collect()
        }
    };
    let spread = if shape.is_root() {
        prior::ROOT_LEVEL_SPREAD
    } else {
        prior::LEVEL_SPREAD
    };
    let means = prior::means(&bases, &arms, (assumed, spread), scales.noise.auto);
    Start {
        shape,
        stats,
        arms,
        means,
    }
}

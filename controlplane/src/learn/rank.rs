//! A tenant's rankings from a tenant's sums, level by level from the root.
//!
//! The root shape's prior is the public benchmark; every other shape's prior is its parent's composite.
//! Where public tests tell kinds of tasks apart, that moves a class's prior, and is what a new tenant starts from.
//! A parent's data contain its children's: a child starts from what its parent says without them, so that
//! nothing counts twice. A shape that its parent predicts as well is not ranked on its own.

mod counted;
mod draft;
mod guard;
mod levels;
mod listing;
mod promoted;
mod public_tests;
mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::{
    catalog::ShapePrior,
    constraints::Constraints,
    ids::{CandidateKey, TenantId},
    implicit::ImplicitKind,
    ranking::{Objective, Rankings, ShapeRanking},
    shape::{ROOT, ShapeKey},
};

pub use self::promoted::{Outcome, Shares, Standing};
use self::{
    counted::{counted, demoted, is_masked},
    draft::{Draft, drafts},
};
use super::{
    agreement::Agreement,
    alarm::Alarms,
    credit::latency_p95_ms,
    estimate::{Chain, Estimate},
    evidence::{Evidence, Scales},
    gates::Guarded,
    policy::{Contender, Goal, Held, Setting, decide},
    pool::{Contribution, Part, Pool},
    prior::{OPEN_TAU, ROOT_TAU},
    promotion::Ladder,
    residual::Solved,
    stats::{ShapeStats, TenantStats},
};

/// A model that may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub key: CandidateKey,
    pub benchmark: f64,
    /// What public tests say for one kind of task, on the benchmark's scale.
    pub shape_priors: Arc<[ShapePrior]>,
    /// Cost of a typical call in micro-USD.
    pub cost: Option<u64>,
}

/// Who serves each shape; what hysteresis needs to survive.
pub type Incumbents = BTreeMap<ShapeKey, CandidateKey>;

/// What does not belong to one tenant.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    /// How judges agree with people, over all tenants.
    pub agreement: Agreement,
    pub pool: Pool,
}

/// Everything the rankings of a tenant follow from.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub tenant: &'a TenantId,
    pub candidates: &'a [Candidate],
    pub stats: &'a TenantStats,
    pub platform: &'a Platform,
    pub incumbents: &'a Incumbents,
    /// The reference of a floor; the best benchmark where `None`.
    pub baseline: Option<&'a CandidateKey>,
    /// What keeps candidates back from serving instead of the baseline; `None`: nothing.
    pub guarded: Option<Guarded<'a>>,
    pub goal: Goal,
    pub shadow_rate: f64,
    /// What the shadow may cost, as a share of what the served replies cost.
    pub shadow_spend: f64,
    pub canary_rate: f64,
    /// Share of live traffic that is explored with; 0: only the shadow explores.
    pub live_exploration: f64,
    pub constraints: &'a Constraints,
    /// What losing a warm prompt cache is weighed with; see [`Rankings`].
    pub quality_per_usd: f64,
    /// Candidates that got worse.
    pub alarms: &'a Alarms,
    /// Who serves by promotions and pins.
    pub ladder: &'a Ladder,
    /// What of callers' acts counts.
    pub implicit: &'a [ImplicitKind],
}

/// Rankings and the incumbents they have now; `None` where there is no candidate at all.
pub fn rank(question: &Question<'_>) -> Option<(Rankings, Incumbents)> {
    let outcome = rank_standings(question)?;
    Some((outcome.rankings, outcome.incumbents))
}

/// The same with what promotions need.
pub fn rank_standings(question: &Question<'_>) -> Option<Outcome> {
    let stats = counted(question);
    let done = rank_shapes(question, &stats, ROOT_TAU)?;
    let standing =
        |(shape, ranked): (&ShapeKey, &Ranked<'_>)| (shape.clone(), ranked.standing.clone());
    let standings = done.shapes.iter().map(standing).collect();
    let incumbents = done
        .shapes
        .iter()
        .map(|(shape, ranked)| (shape.clone(), ranked.incumbent.clone()))
        .collect();
    let rankings = Rankings {
        tenant: question.tenant.clone(),
        shapes: done.shapes.into_values().map(|r| r.ranking).collect(),
        shadow_rate: question.shadow_rate,
        objective: match question.goal {
            Goal::Quality => Objective::Quality,
            Goal::Floor { .. } => Objective::Floor,
        },
        quality_per_usd: question.quality_per_usd,
    };
    Some(Outcome {
        rankings,
        incumbents,
        standings,
    })
}

/// What a tenant's evidence says to others.
pub fn contribution(question: &Question<'_>) -> Contribution {
    let stats = counted(question);
    let Some(done) = rank_shapes(question, &stats, OPEN_TAU) else {
        return Contribution::new();
    };
    let cell = |ranked: &Ranked<'_>, i: usize| {
        let (estimate, prior) = (&ranked.estimates[i], &ranked.draft.chains[i].prior);
        let part = Part::of(estimate.q, estimate.prior_share, prior.mean)?;
        Some((question.candidates[i].key.clone(), part))
    };
    let shape = |(shape, ranked): (&ShapeKey, &Ranked<'_>)| {
        let cells = (0..ranked.estimates.len()).filter_map(|i| cell(ranked, i));
        (shape.clone(), cells.collect())
    };
    done.shapes.iter().map(shape).collect()
}

/// `root_tau`: how far candidates may lie from their benchmarks.
fn rank_shapes<'a>(
    question: &Question<'a>,
    stats: &'a TenantStats,
    root_tau: f64,
) -> Option<Done<'a>> {
    // Whether a candidate is still masked follows from all that was observed of it.
    let masked = question.candidates.iter().map(|c| c.key.as_str());
    let masked = masked.filter(|key| is_masked(question, key)).collect();
    let question = &Question {
        stats,
        ..question.clone()
    };
    let scales = Scales::of(question.stats, &question.platform.agreement);
    let mut done = Done::new(question, masked, root_tau);
    for level in levels::levels(question) {
        let drafts = drafts(question, (&scales, &done), level);
        if let [root] = drafts.as_slice()
            && root.shape.is_root()
        {
            done.session_offset = sessions::offset(root);
        }
        let solved = sessions::solve(&drafts, &done, &scales);
        for (draft, solved) in drafts.into_iter().zip(solved) {
            let is_told_apart = draft.is_told_apart(question, &solved, &scales);
            if !is_told_apart && !public_tests::begin(question, &draft) {
                continue;
            }
            let shape = draft.shape.clone();
            let ranked = finish(question, (&scales, &done), (draft, solved))?;
            if !is_told_apart && !public_tests::lead(&ranked, &done) {
                continue;
            }
            done.shapes.insert(shape, ranked);
        }
    }
    Some(done)
}

/// One shape, finished: what its children start from.
struct Ranked<'a> {
    ranking: ShapeRanking,
    incumbent: CandidateKey,
    standing: Standing,
    /// In the order of the question's candidates.
    estimates: Vec<Estimate>,
    draft: Draft<'a>,
    solved: Vec<Solved>,
}

impl Ranked<'_> {
    /// The composites as they are without the evidence of one of the shapes below, which starts from them:
    /// nothing is to count twice. Of sessions all of the evidence stays.
    fn without(&self, below: Option<&ShapeStats>, scales: &Scales) -> Vec<f64> {
        let Some(below) = below else {
            return self.estimates.iter().map(|e| e.q).collect();
        };
        let one = |(position, estimate): (usize, &Estimate)| {
            let (chain, arm) = (&self.draft.chains[position], &self.draft.arms[position]);
            let key = &self.draft.keys[position].key;
            let (Some(all), Some(part)) = (
                self.draft.stats.and_then(|stats| stats.arms.get(key)),
                below.arms.get(key),
            ) else {
                return estimate.q;
            };
            let rest = Evidence {
                session: arm.session,
                ..Evidence::of(&all.without(part), &scales.calibration)
            };
            let solved = self.solved[position];
            let chain_rest = Chain::of(chain.prior, &rest, scales);
            let shifted = Solved {
                mean: solved.mean + chain_rest.toward - chain.toward,
                ..solved
            };
            chain_rest
                .estimate(&rest, shifted, (&self.draft.weights, scales))
                .q
        };
        self.estimates.iter().enumerate().map(one).collect()
    }
}

/// The levels above, finished.
struct Done<'a> {
    shapes: BTreeMap<ShapeKey, Ranked<'a>>,
    /// Positions of the question's candidates.
    positions: BTreeMap<&'a str, usize>,
    /// Candidates that have yet to prove themselves.
    masked: BTreeSet<&'a str>,
    /// How much higher than their turns' qualities sessions are rated.
    session_offset: f64,
    root_tau: f64,
}

impl<'a> Done<'a> {
    fn new(question: &Question<'a>, masked: BTreeSet<&'a str>, root_tau: f64) -> Self {
        let keys = question.candidates.iter().map(|c| c.key.as_str());
        Self {
            shapes: BTreeMap::new(),
            positions: keys.enumerate().map(|(i, key)| (key, i)).collect(),
            masked,
            session_offset: 0.0,
            root_tau,
        }
    }

    /// The shape that a shape starts from; the root itself has none.
    fn parent(&self, stats: Option<&ShapeStats>) -> Option<&Ranked<'a>> {
        let above = stats.and_then(|stats| self.shapes.get(stats.parent()?));
        above.or_else(|| self.shapes.get(ROOT))
    }

    /// A candidate's composite in a finished shape, or the nearest thing to it.
    fn composite(&self, shape: &ShapeKey, position: usize) -> Option<f64> {
        let ranked = self.shapes.get(shape);
        let ranked = ranked.or_else(|| self.shapes.get(ROOT))?;
        ranked.estimates.get(position).map(|e| e.q)
    }
}

/// Scored requests and rated sessions.
fn counts(stats: Option<&ShapeStats>) -> (f64, f64) {
    stats.map_or((0.0, 0.0), |s| (s.scored_requests(), s.rated_sessions()))
}

fn finish<'a>(
    question: &Question<'a>,
    (scales, done): (&Scales, &Done<'a>),
    (draft, solved): (Draft<'a>, Vec<Solved>),
) -> Option<Ranked<'a>> {
    let estimate =
        |i: usize| draft.chains[i].estimate(&draft.arms[i], solved[i], (&draft.weights, scales));
    let estimates: Vec<Estimate> = (0..draft.arms.len()).map(estimate).collect();
    let parent = done.parent(draft.stats);
    // A shape that is new takes over its parent's incumbent: sessions keep their model.
    let taken_over = parent.filter(|_| !public_tests::begin(question, &draft));
    let place = question.ladder.place(&draft.shape);
    let held = place
        .and_then(|place| place.serves.as_ref())
        .or(question.incumbents.get(&draft.shape))
        .or(taken_over.map(|parent| &parent.incumbent));
    let contender = |(c, e): (&Candidate, &Estimate)| Contender {
        estimate: *e,
        cost: c.cost,
        latency_p95_ms: latency(question, draft.stats, c),
        masked: done.masked.contains(c.key.as_str())
            || place.is_some_and(|place| place.barred.contains(&c.key)),
        forbidden: question.constraints.forbids(&c.key).is_some(),
        gate: None,
    };
    let mut contenders: Vec<Contender> = question
        .candidates
        .iter()
        .zip(&estimates)
        .map(contender)
        .collect();
    let setting = Setting {
        held: promoted::held(question, (&draft.shape, done), &contenders),
        ..setting(question, (held, done))
    };
    let guarded = guard::baseline(question, done);
    if let Some(baseline) = guarded {
        guard::judge(question, (&draft, scales), &mut contenders, baseline);
    }
    let mut traffic = decide(&contenders, &setting)?;
    // Told is how sure it would have been to leave the baseline, also where that is why it is not left.
    let assessed = listing::assess(question, &draft, &contenders, &traffic);
    if let Some(baseline) = guarded
        && guard::close_if_unsure(question, assessed.confidence, &mut contenders, baseline)
    {
        traffic = decide(&contenders, &setting)?;
    }
    let listed = (contenders.as_slice(), &traffic, setting.baseline);
    Some(Ranked {
        ranking: listing::ranking(question, &draft, listed, assessed),
        incumbent: question.candidates[traffic.incumbent].key.clone(),
        standing: promoted::standing(question, &contenders, &traffic),
        estimates,
        draft,
        solved,
    })
}

/// A candidate's latency in a shape, or over all where it was timed too seldom there.
fn latency(
    question: &Question<'_>,
    stats: Option<&ShapeStats>,
    candidate: &Candidate,
) -> Option<u64> {
    let of = |stats: &ShapeStats| latency_p95_ms(stats.arms.get(&candidate.key)?.latency);
    let root = || of(question.stats.shapes.get(ROOT)?);
    stats.and_then(of).or_else(root)
}

fn setting(question: &Question<'_>, (held, done): (Option<&CandidateKey>, &Done<'_>)) -> Setting {
    let position = |key: &CandidateKey| done.positions.get(key.as_str()).copied();
    let candidates = question.candidates;
    let best_benchmark = || {
        let by_benchmark = |a: &usize, b: &usize| {
            candidates[*a]
                .benchmark
                .total_cmp(&candidates[*b].benchmark)
                .then(b.cmp(a))
        };
        (0..candidates.len()).max_by(by_benchmark).unwrap_or(0)
    };
    Setting {
        goal: question.goal,
        incumbent: held.and_then(position),
        baseline: question
            .baseline
            .and_then(position)
            .unwrap_or_else(best_benchmark),
        watches_baseline: guard::baseline(question, done).is_some(),
        held: Held::Free,
        canary_rate: question.canary_rate,
        live_exploration: question.live_exploration,
        shadow_rate: question.shadow_rate,
        shadow_spend: question.shadow_spend,
    }
}

#[cfg(test)]
mod tests;

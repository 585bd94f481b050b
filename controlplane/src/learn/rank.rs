//! A tenant's rankings from a tenant's sums.
//!
//! The root shape's prior is the public benchmark; every other shape's prior is its parent's composite.
//! A parent's data contain its children's, so a child's own data count a little twice; with the parents'
//! many observations that is far less than the sampling error.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    confidence::{Inputs, confidence},
    ids::{CandidateKey, TenantId},
    ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, ShapeRanking},
    shape::ShapeKey,
    weights::phase,
};

use super::{
    estimate::{Estimate, Prior, Scales, estimate},
    normal::Z95,
    policy::{Contender, Goal, Setting, Traffic, decide},
    stats::{ArmStats, ShapeStats, TenantStats},
};

/// Scored requests from which a shape is ranked on its own: fewer say less than its parent.
const MIN_SCORED: f64 = 8.0;
/// Rated sessions from which a shape is ranked on its own.
const MIN_RATED: f64 = 1.0;
/// Shapes ranked per tenant at most.
const MAX_SHAPES: usize = 200;
/// Ranked candidates over all shapes at most: about 2 MB on the wire, half of what a proxy accepts.
const MAX_ENTRIES: usize = 20_000;

/// A model that may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub key: CandidateKey,
    pub benchmark: f64,
    /// Cost of a typical call in micro-USD.
    pub cost: Option<u64>,
}

/// Who serves each shape; what hysteresis needs to survive.
pub type Incumbents = BTreeMap<ShapeKey, CandidateKey>;

/// Everything the rankings of a tenant follow from.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub tenant: &'a TenantId,
    pub candidates: &'a [Candidate],
    pub stats: &'a TenantStats,
    pub incumbents: &'a Incumbents,
    /// The reference of a floor; the best benchmark where `None`.
    pub baseline: Option<&'a CandidateKey>,
    pub goal: Goal,
    pub shadow_rate: f64,
    pub canary_rate: f64,
}

/// Rankings and the incumbents they have now; `None` where there is no candidate at all.
pub fn rank(question: &Question<'_>) -> Option<(Rankings, Incumbents)> {
    let scales = Scales::of_tenant(question.stats);
    let mut done: BTreeMap<ShapeKey, Ranked> = BTreeMap::new();
    let mut shapes = Vec::new();
    for shape in ranked_shapes(question) {
        let ranked = rank_shape(question, &scales, &shape, &done)?;
        shapes.push(ranked.ranking.clone());
        done.insert(shape, ranked);
    }
    let incumbents = done
        .iter()
        .map(|(shape, r)| (shape.clone(), r.incumbent.clone()))
        .collect();
    let tenant = question.tenant.clone();
    Some((
        Rankings {
            tenant,
            shapes,
            shadow_rate: question.shadow_rate,
            objective: Objective::Quality,
            quality_per_usd: 0.0,
        },
        incumbents,
    ))
}

/// One shape, finished: what its children start from.
struct Ranked {
    ranking: ShapeRanking,
    incumbent: CandidateKey,
    /// Composites in the order of the question's candidates.
    composites: Vec<f64>,
}

/// The root, then the shapes with enough evidence, most first within each depth; parents before children.
fn ranked_shapes(question: &Question<'_>) -> Vec<ShapeKey> {
    let room = MAX_SHAPES
        .min(MAX_ENTRIES / question.candidates.len().max(1))
        .max(1)
        - 1;
    let evidence = |s: &ShapeStats| s.scored_requests() + s.rated_sessions;
    let enough =
        |s: &ShapeStats| s.scored_requests() >= MIN_SCORED || s.rated_sessions >= MIN_RATED;
    let mut shapes: Vec<(&ShapeKey, &ShapeStats)> = question
        .stats
        .shapes
        .iter()
        .filter(|(key, stats)| !key.is_root() && enough(stats))
        .collect();
    shapes.sort_by(|a, b| {
        evidence(b.1)
            .total_cmp(&evidence(a.1))
            .then_with(|| a.0.cmp(b.0))
    });
    shapes.truncate(room);
    let depth = |key: &ShapeKey, stats: &ShapeStats| {
        let parent = stats
            .parent()
            .filter(|parent| !parent.is_root() && *parent != key);
        usize::from(parent.is_some_and(|parent| shapes.iter().any(|(k, _)| *k == parent)))
    };
    let mut ordered: Vec<(usize, ShapeKey)> = shapes
        .iter()
        .map(|(key, stats)| (depth(key, stats), (*key).clone()))
        .collect();
    ordered.sort_by_key(|(depth, _)| *depth);
    std::iter::once(ShapeKey::root())
        .chain(ordered.into_iter().map(|(_, key)| key))
        .collect()
}

fn rank_shape(
    question: &Question<'_>,
    scales: &Scales,
    shape: &ShapeKey,
    done: &BTreeMap<ShapeKey, Ranked>,
) -> Option<Ranked> {
    let empty = ShapeStats::default();
    let stats = question.stats.shapes.get(shape).unwrap_or(&empty);
    // The parent that was ranked before, or the root; the root itself has none.
    let parent = stats
        .parent()
        .and_then(|parent| done.get(parent))
        .or_else(|| done.get(&ShapeKey::root()));
    let arm = |c: &Candidate| stats.arms.get(&c.key).copied().unwrap_or_default();
    let arms: Vec<ArmStats> = question.candidates.iter().map(arm).collect();
    let prior = match parent {
        Some(parent) => Prior::child(&parent.composites, &arms),
        None => {
            let benchmarks: Vec<f64> = question.candidates.iter().map(|c| c.benchmark).collect();
            Prior::root(&benchmarks, &arms)
        }
    };
    let (scored, rated) = (stats.scored_requests(), stats.rated_sessions);
    let weights = scales.weights(scored, rated);
    let estimates = estimate(&prior, &arms, &weights, scales);
    // A shape that is new takes over its parent's incumbent: sessions keep their model.
    let held = question
        .incumbents
        .get(shape)
        .or(parent.map(|parent| &parent.incumbent));
    let traffic = decide(&contenders(question, &estimates), &setting(question, held))?;
    let mut ranking = ShapeRanking {
        shape: shape.clone(),
        phase: phase(scored, rated),
        weights,
        candidates: Vec::new(),
        confidence: None,
        confidence_reason: floopy_shared::domain::confidence::ConfidenceReason::SingleCandidate,
        evidence: evidence(&estimates, &traffic, stats),
        baseline: None,
        calibrated: None,
    };
    ranking.candidates = listed(question, &estimates, &traffic);
    (ranking.confidence, ranking.confidence_reason) = confidence(&Inputs {
        top2_gap: ranking.evidence.top2_gap,
        winner_samples: estimates[traffic.incumbent].n,
        winner_variance: ranking.evidence.outcome_variance,
        phase: ranking.phase,
        used_shared_prior: false,
        candidates: estimates.len(),
    });
    let incumbent = question.candidates[traffic.incumbent].key.clone();
    Some(Ranked {
        ranking,
        incumbent,
        composites: estimates.iter().map(|e| e.q).collect(),
    })
}

fn contenders(question: &Question<'_>, estimates: &[Estimate]) -> Vec<Contender> {
    let contender = |(c, e): (&Candidate, &Estimate)| Contender {
        estimate: *e,
        cost: c.cost,
    };
    question
        .candidates
        .iter()
        .zip(estimates)
        .map(contender)
        .collect()
}

fn setting(question: &Question<'_>, held: Option<&CandidateKey>) -> Setting {
    let candidates = question.candidates;
    let position = |key: &CandidateKey| candidates.iter().position(|c| c.key == *key);
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
        canary_rate: question.canary_rate,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are never negative"
)]
fn evidence(estimates: &[Estimate], traffic: &Traffic, stats: &ShapeStats) -> Evidence {
    let leader = &estimates[traffic.incumbent];
    let others = (0..estimates.len())
        .filter(|i| *i != traffic.incumbent)
        .map(|i| estimates[i].q);
    let runner_up = others.fold(f64::NEG_INFINITY, f64::max);
    Evidence {
        samples: leader.n.round() as u64,
        top2_gap: if runner_up.is_finite() {
            (leader.q - runner_up).max(0.0)
        } else {
            0.0
        },
        outcome_variance: leader.outcome_variance,
        scored_requests: stats.scored_requests().round() as u64,
        rated_sessions: stats.rated_sessions,
    }
}

fn listed(
    question: &Question<'_>,
    estimates: &[Estimate],
    traffic: &Traffic,
) -> Vec<RankedCandidate> {
    let one = |i: &usize| {
        let e = &estimates[*i];
        let reach = Z95 * e.v.sqrt();
        RankedCandidate {
            key: question.candidates[*i].key.clone(),
            score: e.q,
            posterior: Posterior {
                mean: e.q,
                lower: (e.q - reach).clamp(0.0, 1.0),
                upper: (e.q + reach).clamp(0.0, 1.0),
                n: e.n,
            },
            probability: traffic.probabilities[*i],
            shadow_probability: traffic.shadow[*i],
            role: traffic.roles[*i],
            latency_p95_ms: None,
            p_floor: None,
            p_best: None,
        }
    };
    traffic.order.iter().map(one).collect()
}

#[cfg(test)]
mod tests;

//! What was concluded of a shape, as the proxies get it.

use floopy_shared::domain::{
    confidence::{ConfidenceReason, Inputs, confidence},
    ranking::{Evidence, Posterior, RankedCandidate, ShapeRanking},
    weights::{Phase, phase},
};

use super::{Draft, Question, counts};
use crate::learn::{
    belief::{Belief, belief, calibrated},
    estimate::Estimate,
    normal::Z95,
    policy::{Contender, Goal, Traffic, p_floor, reference},
};

/// How sure a decision is, and what that follows from.
pub(super) struct Assessed {
    phase: Phase,
    evidence: Evidence,
    pub(super) confidence: Option<f64>,
    confidence_reason: ConfidenceReason,
}

/// Assesses this division of the traffic.
pub(super) fn assess(
    question: &Question<'_>,
    draft: &Draft<'_>,
    contenders: &[Contender],
    traffic: &Traffic,
) -> Assessed {
    let estimates: Vec<Estimate> = contenders.iter().map(|c| c.estimate).collect();
    let (scored, rated) = counts(draft.stats);
    let phase = phase(scored, rated);
    let evidence = Evidence {
        used_shared_prior: question.platform.pool.cells.contains_key(&draft.shape),
        ..evidence(&estimates, traffic, (scored, rated))
    };
    let (confidence, confidence_reason) = confidence(&Inputs {
        top2_gap: evidence.top2_gap,
        winner_samples: estimates[traffic.incumbent].n,
        winner_variance: evidence.outcome_variance,
        phase,
        used_shared_prior: evidence.used_shared_prior,
        candidates: estimates.len(),
    });
    Assessed {
        phase,
        evidence,
        confidence,
        confidence_reason,
    }
}

/// The ranking of a shape.
pub(super) fn ranking(
    question: &Question<'_>,
    draft: &Draft<'_>,
    (contenders, traffic, baseline): (&[Contender], &Traffic, usize),
    assessed: Assessed,
) -> ShapeRanking {
    let estimates: Vec<Estimate> = contenders.iter().map(|c| c.estimate).collect();
    let belief = belief(&estimates, traffic.incumbent);
    ShapeRanking {
        shape: draft.shape.clone(),
        phase: assessed.phase,
        weights: draft.weights,
        candidates: listed(question, (contenders, traffic, baseline), &belief),
        confidence: assessed.confidence,
        confidence_reason: assessed.confidence_reason,
        evidence: assessed.evidence,
        baseline: Some(question.candidates[baseline].key.clone()),
        calibrated: (estimates.len() > 1).then(|| calibrated(belief.leader)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are never negative"
)]
fn evidence(estimates: &[Estimate], traffic: &Traffic, (scored, rated): (f64, f64)) -> Evidence {
    let leader = &estimates[traffic.incumbent];
    let others = (0..estimates.len())
        .filter(|i| *i != traffic.incumbent)
        .map(|i| estimates[i].q);
    let runner_up = others.fold(f64::NEG_INFINITY, f64::max);
    Evidence {
        samples: leader.n.round() as u64,
        top2_gap: if runner_up.is_finite() {
            leader.q - runner_up
        } else {
            0.0
        },
        outcome_variance: leader.outcome_variance,
        scored_requests: scored.round() as u64,
        rated_sessions: rated,
        used_shared_prior: false,
    }
}

fn listed(
    question: &Question<'_>,
    (contenders, traffic, baseline): (&[Contender], &Traffic, usize),
    belief: &Belief,
) -> Vec<RankedCandidate> {
    let asked = question.constraints.min_quality.map(|min| min.floor);
    let floor = match question.goal {
        Goal::Quality => asked,
        Goal::Floor {
            floor,
            assurance: _,
        } => asked.or(Some(floor)),
    };
    let against = reference(contenders, baseline);
    let p_floor = |i: usize, floor: f64| {
        // The baseline is its own reference.
        if i == baseline {
            1.0
        } else {
            p_floor(
                &contenders[i].estimate,
                &contenders[against].estimate,
                floor,
            )
        }
    };
    let one = |i: &usize| {
        let e = &contenders[*i].estimate;
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
            probability: traffic.probabilities[*i].clamp(0.0, 1.0),
            shadow_probability: traffic.shadow[*i].clamp(0.0, 1.0),
            role: traffic.roles[*i],
            latency_p95_ms: contenders[*i].latency_p95_ms,
            p_floor: floor.map(|floor| p_floor(*i, floor)),
            p_best: Some(belief.best[*i].clamp(0.0, 1.0)),
            gate: contenders[*i].gate,
        }
    };
    traffic.order.iter().map(one).collect()
}

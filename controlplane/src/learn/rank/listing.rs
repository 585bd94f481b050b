//! What was concluded of a shape, as the proxies get it.

use floopy_shared::domain::{
    confidence::{Inputs, confidence},
    ranking::{Evidence, Posterior, RankedCandidate, ShapeRanking},
    weights::phase,
};

use super::{Draft, Question, counts};
use crate::learn::{estimate::Estimate, normal::Z95, policy::Traffic};

/// The ranking of a shape.
pub(super) fn ranking(
    question: &Question<'_>,
    draft: &Draft<'_>,
    (estimates, traffic): (&[Estimate], &Traffic),
) -> ShapeRanking {
    let (scored, rated) = counts(draft.stats);
    let phase = phase(scored, rated);
    let evidence = evidence(estimates, traffic, (scored, rated));
    let (confidence, confidence_reason) = confidence(&Inputs {
        top2_gap: evidence.top2_gap,
        winner_samples: estimates[traffic.incumbent].n,
        winner_variance: evidence.outcome_variance,
        phase,
        used_shared_prior: question.platform.pool.cells.contains_key(&draft.shape),
        candidates: estimates.len(),
    });
    ShapeRanking {
        shape: draft.shape.clone(),
        phase,
        weights: draft.weights,
        candidates: listed(question, estimates, traffic),
        confidence,
        confidence_reason,
        evidence,
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
            (leader.q - runner_up).max(0.0)
        } else {
            0.0
        },
        outcome_variance: leader.outcome_variance,
        scored_requests: scored.round() as u64,
        rated_sessions: rated,
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
        }
    };
    traffic.order.iter().map(one).collect()
}

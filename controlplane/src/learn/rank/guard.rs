//! A tenant's gates, put to the candidates of one shape.

use floopy_shared::domain::{gates::Gate, shape::ROOT};

use super::{Done, Draft, Question, is_masked};
use crate::learn::{
    evidence::Scales,
    gates::{Challenger, Court},
    policy::Contender,
};

/// Where the baseline that gates compare with is among the candidates; `None`: nobody is kept back. A baseline that
/// a drift monitor took out, or that the tenant forbids, is nothing to be kept back from.
pub(super) fn baseline(question: &Question<'_>, done: &Done<'_>) -> Option<usize> {
    let key = question.guarded.and(question.baseline)?;
    let is_out = is_masked(question, key.as_str()) || question.constraints.forbids(key).is_some();
    done.positions
        .get(key.as_str())
        .copied()
        .filter(|_| !is_out)
}

/// Judges everybody but the baseline.
pub(super) fn judge(
    question: &Question<'_>,
    (draft, scales): (&Draft<'_>, &Scales),
    contenders: &mut [Contender],
    baseline: usize,
) {
    let Some(guarded) = question.guarded else {
        return;
    };
    let above = draft.stats.and_then(|stats| stats.parent());
    let mut levels = vec![draft.shape.as_str()];
    levels.extend(above.map(|shape| shape.as_str()));
    levels.push(ROOT);
    levels.dedup();
    let of = &question.candidates[baseline];
    let court = Court {
        guarded,
        levels: &levels,
        scales,
        baseline: &of.key,
        baseline_price: of.cost,
    };
    let others = question.candidates.iter().zip(contenders).enumerate();
    for (_, (candidate, contender)) in others.filter(|(at, _)| *at != baseline) {
        contender.gate = court.judge(&Challenger {
            key: &candidate.key,
            samples: contender.estimate.n,
            price: candidate.cost,
        });
    }
}

/// Keeps back everybody but the baseline where the decision is less sure than the tenant asks for; whether that
/// changes anything.
pub(super) fn close_if_unsure(
    question: &Question<'_>,
    confidence: Option<f64>,
    contenders: &mut [Contender],
    baseline: usize,
) -> bool {
    let asked = question
        .guarded
        .map_or(0.0, |guarded| guarded.gates.confidence_threshold);
    if confidence.is_none_or(|confidence| confidence >= asked) {
        return false;
    }
    let others = contenders.iter_mut().enumerate();
    for (_, contender) in others.filter(|(at, _)| *at != baseline) {
        contender.gate = contender.gate.or(Some(Gate::ConfidenceThreshold));
    }
    true
}

//! What a scored reply says of routing beside its candidate alone, over all requests and over those of its kind of task.

use floopy_shared::domain::{
    decision::{Decision, Strategy},
    experiment::Arrangement,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

use super::{Cell, Credit, Judged, Source, weight_micro};
use crate::learn::sums::{Sums, to_micro};

/// The smallest probability that is believed: below, one reply would stand for thousands.
const LEAST_PROPENSITY: f64 = 0.001;

/// What a scored reply says of routing and of its candidate alone; see `versus`.
pub(super) fn compare(
    credit: &mut Credit,
    decision: &Decision,
    (subject, judged, day): (&CandidateKey, Judged, i64),
) {
    let drawn = match decision.shadow_of {
        // Copies for an experiment are of its calls alone, not of what routing decides on.
        Some(_)
            if decision
                .experiment
                .is_some_and(|e| e.arrangement == Arrangement::Shadow) =>
        {
            return;
        }
        Some(_) => 1.0 / decision.propensity.max(LEAST_PROPENSITY),
        None if decision.strategy == Strategy::FeedbackDriven => 1.0,
        None => return,
    };
    let (weight, score) = (drawn * judged.weight, to_micro(judged.composite));
    let shapes = compared_in(&decision.shapes);
    let mut add = |arm: &str| {
        for shape in &shapes {
            for (source, weight) in [
                (Source::Versus, weight),
                (Source::VersusSquared, weight * weight),
            ] {
                let cell = Cell {
                    shape: shape.to_string(),
                    arm: arm.to_owned(),
                    source,
                    day,
                };
                *credit.entry(cell).or_default() += Sums::of(weight_micro(weight), score);
            }
        }
    };
    add(subject.as_str());
    if decision.shadow_of.is_none() {
        add("");
    }
}

/// Everything together, and the kind of task: the shape right below the root. Those below are too many, and have too few
/// requests, for anything to be said of each.
fn compared_in(chain: &[ShapeKey]) -> Vec<&str> {
    let kind = chain.len().checked_sub(2).and_then(|at| chain.get(at));
    let kind = kind.map(ShapeKey::as_str).filter(|kind| *kind != ROOT);
    [ROOT].into_iter().chain(kind).collect()
}

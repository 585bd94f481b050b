//! What of a call's credit is news for the drift monitors.

use floopy_shared::domain::{decision::Decision, ids::CandidateKey, shape::ROOT};

use crate::{
    learn::{
        credit::{Cell, Credit, Source},
        monitor::{Observation, Observed},
        sums::{Sums, to_unit},
    },
    store::packed,
};

/// The outcomes that were not credited before. Revisions of a credit are no news: an outcome happens once.
pub(super) fn news(decision: &Decision, before: &[u8], after: &Credit) -> Vec<Observation> {
    let Some(shape) = decision.shapes.first() else {
        return Vec::new();
    };
    // What cannot be read was never credited as far as anybody knows.
    let before = packed::unpack_credit(before).unwrap_or_default();
    let new = |(cell, sums): (&Cell, &Sums)| {
        if cell.shape != ROOT || before.contains_key(cell) {
            return None;
        }
        let outcome = outcome(cell.source, *sums)?;
        Some(Observation {
            tenant: decision.tenant.clone(),
            shape: shape.clone(),
            arm: CandidateKey::parse(&cell.arm).ok()?,
            outcome,
        })
    };
    after.iter().filter_map(new).collect()
}

fn outcome(source: Source, sums: Sums) -> Option<Observed> {
    match source {
        Source::Auto => Some(Observed::Scored(to_unit(sums.sum))),
        Source::Failed => Some(Observed::Failed),
        Source::Latency => Some(Observed::Answered),
        Source::Session
        | Source::Manual
        | Source::Rated
        | Source::Parent
        | Source::Pair
        | Source::Agreement
        | Source::Shadow
        | Source::Versus
        | Source::VersusSquared
        | Source::Cost
        | Source::Tried => None,
    }
}

//! What of a call's credit is news for the drift monitors.

use floopy_shared::domain::{
    decision::{AttemptResult, Decision},
    ids::{CandidateKey, SessionId},
    shape::ROOT,
};

use sha2::{Digest, Sha256};

use crate::{
    learn::{
        credit::{Cell, Credit, Source},
        monitor::{Call, Observation, Observed},
        sums::Sums,
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
        let outcome = outcome(cell.source, *sums, decision)?;
        // What was refused is told by the answer; learning takes it for a failure only until it is judged.
        let is_of_ranking = !(outcome == Observed::Failed && decision.outcome.refused);
        Some(Observation {
            tenant: decision.tenant.clone(),
            shape: shape.clone(),
            arm: CandidateKey::parse(&cell.arm).ok()?,
            outcome,
            ranked: decision.ranked_shape.clone().filter(|_| is_of_ranking),
            session: decision.session_id.as_ref().map(hash),
        })
    };
    after.iter().filter_map(new).collect()
}

fn outcome(source: Source, sums: Sums, decision: &Decision) -> Option<Observed> {
    match source {
        // However much it counts.
        Source::Auto => sums.moments().mean().map(Observed::Scored),
        Source::Failed => Some(Observed::Failed),
        Source::Latency => Some(Observed::Answered(call(decision))),
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
        | Source::Tried
        | Source::Judging
        | Source::AskedAgain
        | Source::Retried
        | Source::Left
        | Source::InvalidToolCall
        | Source::Capped
        | Source::Abandoned => None,
    }
}

/// What tells sessions apart, mostly: two in four billion are taken for one.
fn hash(session: &SessionId) -> u32 {
    let digest = Sha256::digest(session.as_str());
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// What is known of the call that was answered.
fn call(decision: &Decision) -> Call {
    let mut attempts = decision.attempts.iter();
    let served = attempts.find(|attempt| attempt.result == AttemptResult::Ok);
    Call {
        latency_ms: served.map(|attempt| attempt.latency_ms),
        cost_micro_usd: decision.outcome.cost_micro_usd,
        refused: decision.outcome.refused,
    }
}

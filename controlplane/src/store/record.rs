//! Records as they are stored: decisions and scoring jobs in their wire form, which later versions can read,
//! and a decision's turn as text.

use floopy_proto::v1;
use floopy_shared::domain::{
    constraints::Constraints, decision::Decision, event::ScoringJob, ids::CandidateKey,
    shape::ShapeKey,
};
use prost::Message;

use super::StoreError;
use crate::learn::credit::Turn;

/// The bytes of a decision.
pub(crate) fn encode_decision(decision: &Decision) -> Vec<u8> {
    v1::Decision::from(decision).encode_to_vec()
}

/// Reads the bytes of a decision.
pub(crate) fn decode_decision(bytes: &[u8]) -> Result<Decision, StoreError> {
    let message = v1::Decision::decode(bytes).map_err(|e| StoreError::corrupt("decision", e))?;
    message
        .try_into()
        .map_err(|e| StoreError::corrupt("decision", e))
}

/// The bytes of a tenant's constraints.
pub(crate) fn encode_constraints(constraints: &Constraints) -> Vec<u8> {
    v1::Constraints::from(constraints).encode_to_vec()
}

/// Reads the bytes of a tenant's constraints.
pub(crate) fn decode_constraints(bytes: &[u8]) -> Result<Constraints, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("constraints", e);
    let message = v1::Constraints::decode(bytes).map_err(|e| corrupt(&e))?;
    message.try_into().map_err(|e| corrupt(&e))
}

/// The bytes of a scoring job.
pub(crate) fn encode_job(job: &ScoringJob) -> Vec<u8> {
    v1::ScoringJob::from(job).encode_to_vec()
}

/// Reads the bytes of a scoring job.
pub(crate) fn decode_job(bytes: &[u8]) -> Result<ScoringJob, StoreError> {
    let message =
        v1::ScoringJob::decode(bytes).map_err(|e| StoreError::corrupt("scoring job", e))?;
    message
        .try_into()
        .map_err(|e| StoreError::corrupt("scoring job", e))
}

/// A turn as text: all that a session's credit needs of a decision, without reading its record.
pub(crate) fn encode_turn(turn: &Turn) -> String {
    let shapes: Vec<&str> = turn.shapes.iter().map(ShapeKey::as_str).collect();
    // Strings and integers always serialise.
    serde_json::to_string(&(turn.day, turn.candidate.as_str(), shapes)).unwrap_or_default()
}

/// A turn as it is read: its day, its candidate and its shapes.
pub(crate) type StoredTurn = (i64, String, Vec<String>);

/// Reads a turn back.
pub(crate) fn decode_turn((day, candidate, shapes): &StoredTurn) -> Result<Turn, StoreError> {
    let shape = |name: &String| {
        ShapeKey::named(name).ok_or_else(|| StoreError::corrupt("turn's shape", name))
    };
    Ok(Turn {
        day: *day,
        shapes: shapes.iter().map(shape).collect::<Result<_, _>>()?,
        candidate: CandidateKey::parse(candidate).map_err(|e| StoreError::corrupt("turn", e))?,
    })
}

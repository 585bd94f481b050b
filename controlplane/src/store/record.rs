//! Records as bytes: decisions and scoring jobs are kept in their wire form, which later versions can read.

use floopy_proto::v1;
use floopy_shared::domain::{constraints::Constraints, decision::Decision, event::ScoringJob};
use prost::Message;

use super::StoreError;

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

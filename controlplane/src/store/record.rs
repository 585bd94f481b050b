//! Records as they are stored: decisions and scoring jobs in their wire form, which later versions can read,
//! and a decision's turn as text.

use floopy_proto::v1;
use floopy_shared::domain::{
    batch::{Batch, BatchFile},
    constraints::Constraints,
    decision::Decision,
    event::{Score, ScoringJob},
    ids::CandidateKey,
    rule::Routing,
    shape::ShapeKey,
};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, decode_key, skip_field},
};

use super::StoreError;
use crate::learn::credit::Turn;

/// Room for a decision without its candidates; most take less.
const SHORT_BYTES: usize = 1_024;

/// The bytes of a decision.
#[cfg(test)]
pub(crate) fn encode_decision(decision: &Decision) -> Vec<u8> {
    v1::Decision::from(decision).encode_to_vec()
}

/// The bytes of a decision in two parts: all but the candidates that it considered, and these. They are most of
/// its bytes, and hardly ever read again. One part after the other is the whole.
pub(crate) fn encode_decision_in_parts(decision: &Decision) -> (Vec<u8>, Vec<u8>) {
    let mut message = v1::Decision::from(decision);
    let candidates = v1::Decision {
        candidates: std::mem::take(&mut message.candidates),
        ..v1::Decision::default()
    };
    (message.encode_to_vec(), candidates.encode_to_vec())
}

/// Reads the bytes of a decision.
pub(crate) fn decode_decision(bytes: &[u8]) -> Result<Decision, StoreError> {
    let message = v1::Decision::decode(bytes).map_err(|e| StoreError::corrupt("decision", e))?;
    message
        .try_into()
        .map_err(|e| StoreError::corrupt("decision", e))
}

/// Reads a decision without the candidates that it considered. Only decisions written by versions before
/// [`encode_decision_in_parts`] have them here.
pub(crate) fn decode_decision_in_short(bytes: &[u8]) -> Result<Decision, StoreError> {
    let short = without_candidates(bytes).map_err(|e| StoreError::corrupt("decision", e))?;
    decode_decision(&short)
}

/// The number of `candidates` in the wire form of a decision.
const CANDIDATES: u32 = 13;

fn without_candidates(mut bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut short = Vec::with_capacity(SHORT_BYTES);
    while !bytes.is_empty() {
        let field = bytes;
        let (number, wire_type) = decode_key(&mut bytes)?;
        skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
        if number != CANDIDATES {
            let length = field.len() - bytes.len();
            short.extend_from_slice(&field[..length]);
        }
    }
    Ok(short)
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

/// The bytes of a tenant's routing.
pub(crate) fn encode_routing(routing: &Routing) -> Vec<u8> {
    v1::Routing::from(routing).encode_to_vec()
}

/// Reads the bytes of a tenant's routing.
pub(crate) fn decode_routing(bytes: &[u8]) -> Result<Routing, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("routing", e);
    let message = v1::Routing::decode(bytes).map_err(|e| corrupt(&e))?;
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
        judged: None,
    })
}

/// The bytes of a score, which tell it from others.
pub(crate) fn encode_score(score: &Score) -> Vec<u8> {
    v1::Score::from(score).encode_to_vec()
}

/// The bytes of a file's entry.
pub(crate) fn encode_batch_file(file: &BatchFile) -> Vec<u8> {
    v1::BatchFile::from(file).encode_to_vec()
}

/// Reads the bytes of a file's entry.
pub(crate) fn decode_batch_file(bytes: &[u8]) -> Result<BatchFile, StoreError> {
    let message = v1::BatchFile::decode(bytes).map_err(|e| StoreError::corrupt("file", e))?;
    let file = message.try_into();
    file.map_err(|e| StoreError::corrupt("file", e))
}

/// The bytes of a batch's entry.
pub(crate) fn encode_batch(batch: &Batch) -> Vec<u8> {
    v1::Batch::from(batch).encode_to_vec()
}

/// Reads the bytes of a batch's entry.
pub(crate) fn decode_batch(bytes: &[u8]) -> Result<Batch, StoreError> {
    let message = v1::Batch::decode(bytes).map_err(|e| StoreError::corrupt("batch", e))?;
    let batch = message.try_into();
    batch.map_err(|e| StoreError::corrupt("batch", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_decision_in_short_lacks_its_candidates_and_nothing_else() {
        let whole = fixture::decision(1);
        assert!(!whole.candidates.is_empty());
        let bytes = encode_decision(&whole);
        let short = decode_decision_in_short(&bytes).expect("read");
        let expected = Decision {
            candidates: Vec::new(),
            ..whole
        };
        assert_eq!(short, expected);
        assert!(decode_decision_in_short(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn the_parts_of_a_decision_one_after_the_other_are_the_whole() {
        let whole = fixture::decision(1);
        let (short, candidates) = encode_decision_in_parts(&whole);
        assert_eq!(
            decode_decision(&short).expect("read"),
            decode_decision_in_short(&encode_decision(&whole)).expect("read")
        );
        let joined = [short, candidates].concat();
        assert_eq!(decode_decision(&joined).expect("read"), whole);
    }
}

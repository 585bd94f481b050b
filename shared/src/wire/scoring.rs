//! What judges report.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, unit, uuid};
use crate::domain::{
    event::{MAX_SCORE_WEIGHT, Score},
    ids::RequestId,
};

impl From<&Score> for v1::Score {
    fn from(s: &Score) -> Self {
        Self {
            request_id: id_bytes(s.request_id.0),
            relevance: s.relevance,
            coherence: s.coherence,
            helpfulness: s.helpfulness,
            safety: s.safety,
            composite: s.composite,
            judge: s.judge.clone(),
            cost_micro_usd: s.cost_micro_usd,
            probability: s.probability.unwrap_or(0.0),
            weight: s.weight,
        }
    }
}

impl TryFrom<v1::Score> for Score {
    type Error = InvalidWire;

    fn try_from(s: v1::Score) -> Result<Self, InvalidWire> {
        Ok(Self {
            request_id: RequestId(uuid(&s.request_id, "request_id")?),
            relevance: unit(s.relevance, "relevance")?,
            coherence: unit(s.coherence, "coherence")?,
            helpfulness: unit(s.helpfulness, "helpfulness")?,
            safety: unit(s.safety, "safety")?,
            composite: unit(s.composite, "composite")?,
            judge: s.judge,
            cost_micro_usd: s.cost_micro_usd,
            probability: Some(unit(s.probability, "probability")?).filter(|p| *p > 0.0),
            weight: weight(s.weight)?,
        })
    }
}

/// A judge of an earlier version tells none, and each of its scores counts as one.
fn weight(weight: f64) -> Result<f64, InvalidWire> {
    if weight == 0.0 {
        return Ok(1.0);
    }
    if (0.0..=MAX_SCORE_WEIGHT).contains(&weight) {
        return Ok(weight);
    }
    let reason = format_args!("{weight} is not within 0..{MAX_SCORE_WEIGHT}");
    Err(InvalidWire::invalid("weight", reason))
}

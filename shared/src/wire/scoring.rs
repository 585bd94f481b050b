//! What judges report.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, unit, uuid};
use crate::domain::{event::Score, ids::RequestId};

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
        })
    }
}

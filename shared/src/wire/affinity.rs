//! What tied a call to whoever served before.

use floopy_proto::v1;

use super::{
    InvalidWire, names,
    ranking::{optional_candidate, optional_candidate_text},
};
use crate::domain::affinity::Affinity;

impl From<&Affinity> for v1::Affinity {
    fn from(a: &Affinity) -> Self {
        Self {
            held: optional_candidate_text(a.held.as_ref()),
            warm: a.warm,
            tool_loop: a.tool_loop,
            origin: a.origin.map_or(v1::Origin::Unspecified, Into::into).into(),
            bound: a.bound,
        }
    }
}

impl TryFrom<v1::Affinity> for Affinity {
    type Error = InvalidWire;

    fn try_from(a: v1::Affinity) -> Result<Self, InvalidWire> {
        Ok(Self {
            held: optional_candidate(a.held)?,
            warm: a.warm,
            tool_loop: a.tool_loop,
            origin: names::optional(a.origin, names::origin)?,
            bound: a.bound,
        })
    }
}

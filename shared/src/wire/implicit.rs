//! What callers did that says something of a reply.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, ranking, uuid};
use crate::domain::{
    ids::RequestId,
    implicit::{Earlier, Implicit, ImplicitKind},
};

impl From<&Implicit> for v1::Implicit {
    fn from(implicit: &Implicit) -> Self {
        use v1::implicit::Kind;
        let kind = match implicit.kind {
            ImplicitKind::AskedAgain => Kind::AskedAgain,
            ImplicitKind::Retried => Kind::Retried,
            ImplicitKind::Left => Kind::Left,
            ImplicitKind::InvalidToolCall => Kind::InvalidToolCall,
            ImplicitKind::Capped => Kind::Capped,
            ImplicitKind::Abandoned => Kind::Abandoned,
        };
        Self {
            kind: kind.into(),
            about: implicit.about.as_ref().map(Into::into),
        }
    }
}

impl From<&Earlier> for v1::Earlier {
    fn from(earlier: &Earlier) -> Self {
        let shapes = earlier.shapes.iter();
        Self {
            request_id: id_bytes(earlier.request_id.0),
            candidate: earlier.candidate.to_string(),
            shapes: shapes.map(|shape| shape.as_str().to_owned()).collect(),
            created_at_ms: earlier.created_at_ms,
        }
    }
}

/// Reads what is known of it; of what a later version tells, nothing is.
pub(super) fn known(implicit: Vec<v1::Implicit>) -> Result<Vec<Implicit>, InvalidWire> {
    use v1::implicit::Kind;
    let read = implicit.into_iter().filter_map(|implicit| {
        let kind = match Kind::try_from(implicit.kind) {
            Ok(Kind::AskedAgain) => ImplicitKind::AskedAgain,
            Ok(Kind::Retried) => ImplicitKind::Retried,
            Ok(Kind::Left) => ImplicitKind::Left,
            Ok(Kind::InvalidToolCall) => ImplicitKind::InvalidToolCall,
            Ok(Kind::Capped) => ImplicitKind::Capped,
            Ok(Kind::Abandoned) => ImplicitKind::Abandoned,
            Ok(Kind::Unspecified) | Err(_) => return None,
        };
        let about = implicit.about.map(Earlier::try_from).transpose();
        Some(about.map(|about| Implicit { kind, about }))
    });
    read.collect()
}

impl TryFrom<v1::Earlier> for Earlier {
    type Error = InvalidWire;

    fn try_from(earlier: v1::Earlier) -> Result<Self, InvalidWire> {
        let shapes = earlier.shapes.iter();
        Ok(Self {
            request_id: RequestId(uuid(&earlier.request_id, "about.request_id")?),
            candidate: ranking::candidate(&earlier.candidate)?,
            shapes: shapes
                .map(|s| ranking::shape(s))
                .collect::<Result<_, _>>()?,
            created_at_ms: earlier.created_at_ms,
        })
    }
}

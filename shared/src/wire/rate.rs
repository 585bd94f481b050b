//! The limits that a tenant sets for calls beyond those of its keys.

use floopy_proto::v1;

use super::InvalidWire;
use crate::domain::rate::{RateBy, RateLimit, validate};

impl From<&RateLimit> for v1::RateLimit {
    fn from(limit: &RateLimit) -> Self {
        Self {
            name: limit.name.clone(),
            by: limit.by.write(),
            window_seconds: limit.window_s,
            requests: limit.requests,
            tokens: limit.tokens,
            when_named: limit.when_named,
        }
    }
}

impl TryFrom<v1::RateLimit> for RateLimit {
    type Error = InvalidWire;

    fn try_from(limit: v1::RateLimit) -> Result<Self, InvalidWire> {
        let by = RateBy::parse(&limit.by);
        Ok(Self {
            by: by.ok_or_else(|| InvalidWire::invalid("by", format_args!("{:?}", limit.by)))?,
            name: limit.name,
            window_s: limit.window_seconds,
            requests: limit.requests,
            tokens: limit.tokens,
            when_named: limit.when_named,
        })
    }
}

/// All of a tenant's.
pub(super) fn rates(limits: Vec<v1::RateLimit>) -> Result<Vec<RateLimit>, InvalidWire> {
    let limits = limits.into_iter().map(TryInto::try_into);
    let limits: Vec<RateLimit> = limits.collect::<Result<_, _>>()?;
    validate(&limits).map_err(|e| InvalidWire::invalid("rate_limits", e))?;
    Ok(limits)
}

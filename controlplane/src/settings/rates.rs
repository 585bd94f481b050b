//! A tenant's own limits as they are written: a list that is replaced as a whole.

use floopy_shared::domain::{
    constraints::InvalidConstraints,
    rate::{RateBy, RateLimit, validate},
};
use serde::{Deserialize, Serialize};

/// The key of the group, whose value is the list.
pub(crate) const RATE_LIMITS: &str = "rate_limits";
/// Where nobody says how long the window is.
const WINDOW_S: u32 = 60;

/// One of them; `max_requests`, `max_tokens` or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRate {
    name: String,
    by: String,
    #[serde(default)]
    window_seconds: Option<u32>,
    #[serde(default)]
    max_requests: Option<u64>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    when_named: bool,
}

/// As proxies know them, if they can be meant.
pub(crate) fn to_domain(written: &[WrittenRate]) -> Result<Vec<RateLimit>, InvalidConstraints> {
    let limits = written.iter().enumerate().map(|(at, limit)| {
        let by = RateBy::parse(&limit.by).ok_or_else(|| {
            let by = &limit.by;
            let reason = format!("{by:?} is not known; it must be tenant, key or property:<name>");
            InvalidConstraints::new(format!("{RATE_LIMITS}[{at}].by"), reason)
        });
        Ok(RateLimit {
            name: limit.name.clone(),
            by: by?,
            window_s: limit.window_seconds.unwrap_or(WINDOW_S),
            requests: limit.max_requests,
            tokens: limit.max_tokens,
            when_named: limit.when_named,
        })
    });
    let limits = limits.collect::<Result<Vec<_>, InvalidConstraints>>()?;
    validate(&limits)?;
    Ok(limits)
}

/// As they are told.
pub(crate) fn written(limits: &[RateLimit]) -> Vec<WrittenRate> {
    let written = limits.iter().map(|limit| WrittenRate {
        name: limit.name.clone(),
        by: limit.by.write(),
        window_seconds: Some(limit.window_s),
        max_requests: limit.requests,
        max_tokens: limit.tokens,
        when_named: limit.when_named,
    });
    written.collect()
}

//! How evaluations of data sets are carried out.

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// How evaluations of data sets are carried out.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluations {
    /// Calls under way at a time, of all tenants together.
    #[serde(deserialize_with = "concurrency")]
    pub concurrency: u32,
    /// How long a reply may wait for its judge before its result is told without a score.
    #[serde(deserialize_with = "score_wait_ms")]
    pub score_wait_ms: u64,
    /// How long the proxy may be away before the evaluations that need it have failed.
    #[serde(deserialize_with = "patience_ms")]
    pub patience_ms: u64,
}

impl Default for Evaluations {
    fn default() -> Self {
        Self {
            concurrency: 16,
            score_wait_ms: 120_000,
            patience_ms: 60_000,
        }
    }
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, D::Error> {
    let value = i64::deserialize(deserializer)?;
    let known = u64::try_from(value).ok().filter(|v| range.contains(v));
    known.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        D::Error::custom(format!(
            "{value} is not allowed, it must be {least} to {most}"
        ))
    })
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1..=256).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

fn score_wait_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 1_000..=3_600_000)
}

fn patience_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, 1_000..=3_600_000)
}

/// An address without a path, such as `http://proxy:8080`.
pub(super) fn proxy_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let uri: Option<Uri> = text.parse().ok();
    let is_address = uri.is_some_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.authority().is_some() && matches!(uri.path(), "" | "/")
    });
    if is_address {
        Ok(Some(text.trim_end_matches('/').to_owned()))
    } else {
        Err(D::Error::custom(format!(
            "{text:?} is not allowed, it must be a proxy's address, as in \"http://127.0.0.1:8080\""
        )))
    }
}

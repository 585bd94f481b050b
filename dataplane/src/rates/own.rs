//! The limits that a tenant sets for itself: which of them hold for a call, and whose calls it counts with.

use std::sync::Arc;

use floopy_shared::domain::{
    money::Usage,
    rate::{RateBy, RateLimit},
};
use http::{HeaderMap, HeaderName, StatusCode};
use xxhash_rust::xxh3::xxh3_128;

use super::windows::Counted;
use crate::{admit::Admitted, http::respond::Refusal, pipeline::PROPERTY};

static POLICY: HeaderName = HeaderName::from_static("floopy-ratelimit-policy");

/// What a call uses is counted here once it is known.
#[derive(Debug, Default)]
pub(crate) struct Charged(pub(super) Vec<Arc<Counted>>);

impl Charged {
    /// Counts what it used.
    pub(crate) fn spend(&self, usage: Usage, now_ms: u64) {
        let tokens = usage.input.saturating_add(usage.output);
        for counted in &self.0 {
            counted.lock().add(tokens, now_ms);
        }
    }
}

/// A limit that holds for a call, and the name of those that it counts with.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub limit: &'a RateLimit,
    subject: String,
}

impl Held<'_> {
    /// By which all proxies know what is used of it.
    pub(super) fn name(&self, tenant: &str, of: &str) -> String {
        let Self { limit, subject } = self;
        format!("own-{of}:{tenant}:{}:{subject}", limit.name)
    }
}

/// Those that hold for a call.
pub(super) fn held<'a>(
    admitted: &'a Admitted,
    headers: &HeaderMap,
    named: Option<&'a str>,
) -> impl Iterator<Item = Held<'a>> {
    let rates = admitted.tenant.rates.iter();
    let holds = move |limit: &&RateLimit| !limit.when_named || named == Some(&limit.name);
    rates.filter(holds).filter_map(|limit| {
        let subject = match &limit.by {
            RateBy::Tenant => "-".to_owned(),
            RateBy::Key => admitted.key_id.clone(),
            // Values are the tenant's users: they are told to nobody.
            RateBy::Property(name) => {
                let value = headers.get(format!("{PROPERTY}{name}"))?;
                format!("{:032x}", xxh3_128(value.as_bytes()))
            }
        };
        Some(Held { limit, subject })
    })
}

/// The limit that a call asks to be held to. One that nobody knows would hold it to nothing.
pub(super) fn named<'a>(
    admitted: &'a Admitted,
    headers: &HeaderMap,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(&POLICY) else {
        return Ok(None);
    };
    let value = value.to_str().unwrap_or_default().trim();
    let rates = &admitted.tenant.rates;
    if let Some(limit) = rates.iter().find(|limit| limit.name == value) {
        return Ok(Some(&limit.name));
    }
    let known: Vec<&str> = rates.iter().map(|limit| limit.name.as_str()).collect();
    let known = if known.is_empty() {
        "this tenant has none (rate_limits in /v1/constraints)".to_owned()
    } else {
        format!("known are {}", known.join(", "))
    };
    let shown: String = value.chars().take(64).collect();
    let message = format!("{POLICY} is {shown:?}, it must be the name of a rate limit: {known}");
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message);
    Err(refusal.about(Some(POLICY.as_str())))
}

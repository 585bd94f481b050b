//! The headers that say what was decided.

use floopy_shared::domain::decision::Decision;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::record::Record;

static DECISION_REASON: HeaderName = HeaderName::from_static("floopy-decision-reason");
static FIREWALL: HeaderName = HeaderName::from_static("floopy-firewall");
static FIREWALL_OUTPUT: HeaderName = HeaderName::from_static("floopy-firewall-output");
static FIREWALL_REDACTED: HeaderName = HeaderName::from_static("floopy-firewall-redacted");
static MODEL: HeaderName = HeaderName::from_static("floopy-model");
static OVERHEAD: HeaderName = HeaderName::from_static("floopy-overhead-us");

/// The decision headers, on replies and errors alike.
pub(super) fn annotate(headers: &mut HeaderMap, record: &Record) {
    let decision = record.decision();
    headers.insert(
        DECISION_REASON.clone(),
        HeaderValue::from_static(decision.reason.as_str()),
    );
    record.tell_cache(headers);
    if let Some(screening) = decision.firewall.as_deref() {
        let word = HeaderValue::from_static(screening.as_str());
        headers.insert(FIREWALL.clone(), word);
    }
    if let Some(watched) = decision.watched.as_deref() {
        let word = HeaderValue::from_static(watched.as_str());
        headers.insert(FIREWALL_OUTPUT.clone(), word);
    }
    if let Some(value) = redacted(decision) {
        headers.insert(FIREWALL_REDACTED.clone(), value);
    }
    headers.insert(
        OVERHEAD.clone(),
        HeaderValue::from(decision.outcome.overhead_us),
    );
    let model = record
        .shown_model()
        .and_then(|key| HeaderValue::from_bytes(key.as_str().as_bytes()).ok());
    if let Some(model) = model {
        headers.insert(MODEL.clone(), model);
    }
}

/// Such as `email=2, card=1`; `None`: nothing was taken out.
fn redacted(decision: &Decision) -> Option<HeaderValue> {
    if decision.redacted.is_empty() {
        return None;
    }
    let counts = decision.redacted.iter();
    let counts = counts.map(|of| format!("{}={}", of.kind.as_str(), of.count));
    HeaderValue::try_from(counts.collect::<Vec<_>>().join(", ")).ok()
}

//! Files and batches: OpenAI's API towards callers, whatever their provider's is.
//!
//! The provider may know the operator's credentials alone, so whose a file or a batch is stands in the books of the control
//! plane, and nothing is answered that is not in them. Calls do not come this way, and nothing here may delay them.

pub(crate) mod books;
pub(crate) mod content;
pub(crate) mod create;
mod fold;
mod input;
mod lines;
mod look;
pub(crate) mod names;
pub(crate) mod once;
mod output;
mod outputs;
mod reconcile;
pub(crate) mod remote;
mod status;
pub(crate) mod upload;

use std::sync::Arc;

use floopy_shared::domain::ids::TenantId;
use http::{HeaderMap, HeaderName, StatusCode};
use tokio::sync::Notify;

use self::books::{Books, Unanswered};
pub(crate) use self::{
    look::{cancel, look, object_of},
    reconcile::Reconciler,
};
use crate::{
    admit::Admitted,
    gateway::Gateway,
    http::respond::Refusal,
    provider::{BatchApi, Provider, Providers},
    upstream::Streaming,
};

/// Names the provider of a file.
pub(crate) static PROVIDER: HeaderName = HeaderName::from_static("floopy-provider");

/// Seconds after which asking again makes sense.
const RETRY_AFTER_S: u64 = 2;

/// What files and batches need, once per process.
pub(crate) struct Batches {
    pub books: Books,
    pub streaming: Streaming,
    /// Somebody waits for a batch to be looked after.
    pub due: Notify,
}

impl From<Unanswered> for Refusal {
    fn from(unanswered: Unanswered) -> Self {
        let message = unanswered.to_string();
        match unanswered {
            Unanswered::Away => {
                Self::unavailable("control_plane_unavailable", message, RETRY_AFTER_S)
            }
            Unanswered::Full(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "files_full", message).about(Some("file"))
            }
            Unanswered::Refused(_) => Self::new(StatusCode::BAD_GATEWAY, "internal", message),
        }
    }
}

/// A wrong value of a field.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(field))
}

/// Providers that take batches.
fn choices(providers: &Providers) -> Vec<Arc<Provider>> {
    let named = providers.names().filter_map(|name| providers.get(name));
    let takes = |provider: &&Arc<Provider>| provider.batch_api().is_some();
    named.filter(takes).map(Arc::clone).collect()
}

fn listed(choices: &[Arc<Provider>]) -> String {
    let names: Vec<String> = choices.iter().map(|p| format!("{:?}", p.name())).collect();
    names.join(", ")
}

/// The provider that a caller names, or the only one that takes batches.
pub(crate) fn chosen(admitted: &Admitted, headers: &HeaderMap) -> Result<Arc<Provider>, Refusal> {
    let choices = choices(admitted.providers());
    let about = |message: String| Err(invalid(PROVIDER.as_str(), message));
    if choices.is_empty() {
        return about("no provider is configured that takes batches".to_owned());
    }
    let Some(named) = headers.get(&PROVIDER) else {
        return match choices.as_slice() {
            [only] => Ok(Arc::clone(only)),
            several => about(format!(
                "the header {PROVIDER} is missing, and several providers take batches: it must be one of {}",
                listed(several)
            )),
        };
    };
    let named = String::from_utf8_lossy(named.as_bytes());
    let named = named.trim();
    if let Some(found) = choices.iter().find(|provider| provider.name() == named) {
        return Ok(Arc::clone(found));
    }
    let shown: String = named.chars().take(64).collect();
    about(format!(
        "the header {PROVIDER} is {shown:?}, it must be one of {}",
        listed(&choices)
    ))
}

/// The provider of a file or a batch that was made before.
pub(crate) fn provider_of(
    gateway: &Gateway,
    (tenant, name): (&TenantId, &str),
) -> Result<Arc<Provider>, Refusal> {
    let known = gateway.current.snapshot();
    let found = known.access.of(tenant).get(name);
    let found = found.filter(|provider| provider.batch_api().is_some());
    found.map(Arc::clone).ok_or_else(|| {
        let message = format!("its provider {name:?} is not configured any more");
        Refusal::unavailable("provider_not_configured", message, 60)
    })
}

fn api_of(provider: &Provider) -> Result<BatchApi, Refusal> {
    provider.batch_api().ok_or_else(|| {
        let message = format!("{} takes no batches", provider.name());
        invalid(PROVIDER.as_str(), message)
    })
}

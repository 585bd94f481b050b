//! Why a call cannot be routed, and what to do about it.

use floopy_shared::domain::decision::{CandidateTrace, Filter};

use super::{InvalidWish, Unresolved, select};

/// Why there is nobody to send a call to.
#[derive(Debug, thiserror::Error)]
pub enum Unroutable {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error(transparent)]
    Wish(#[from] InvalidWish),
    #[error("no candidate can serve this request: {}", reasons(.0))]
    NoCandidate(Vec<CandidateTrace>),
    /// The caller named models, and the tenant may use none of them.
    #[error("this tenant may not use {}", reasons(.0))]
    Forbidden(Vec<CandidateTrace>),
    #[error(
        "no provider can be asked: none has a key, or the credential that is stored for it cannot be opened here; set one of {}",
        select::ENV_EXAMPLES
    )]
    NoProvider,
}

impl Unroutable {
    /// Whoever was looked at, with the reasons.
    pub fn candidates(&self) -> &[CandidateTrace] {
        match self {
            Self::NoCandidate(candidates) | Self::Forbidden(candidates) => candidates,
            Self::Unresolved(_) | Self::Wish(_) | Self::NoProvider => &[],
        }
    }

    /// Whether the same call may succeed in a while.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unresolved(_) | Self::Wish(_) | Self::NoProvider | Self::Forbidden(_) => false,
            Self::NoCandidate(traces) => {
                traces.iter().any(|t| t.filter == Some(Filter::CircuitOpen))
            }
        }
    }
}

fn reasons(traces: &[CandidateTrace]) -> String {
    let shown = traces
        .iter()
        .take(16)
        .map(|trace| format!("{} ({})", trace.key, why(trace.filter)));
    let listed = shown.collect::<Vec<_>>().join(", ");
    let is_keyless = |trace: &CandidateTrace| trace.filter == Some(Filter::NoProviderKey);
    if !traces.is_empty() && traces.iter().all(is_keyless) {
        "none of the models that are known is one of a provider with a key here; name a model of such a provider, or \
         have the operator add its models to the catalog"
            .to_owned()
    } else if listed.is_empty() {
        "the catalog has none of this kind".to_owned()
    } else {
        listed
    }
}

fn why(filter: Option<Filter>) -> &'static str {
    match filter {
        None => "eligible",
        Some(Filter::NoProviderKey) => "its provider has no key",
        Some(Filter::CapabilityMissing) => "lacks a capability that the request needs",
        Some(Filter::ContextTooLong) => "the request is longer than its context",
        Some(Filter::CircuitOpen) => "failed repeatedly and is left alone for a while",
        Some(Filter::Drift) => "has become worse and is left alone until it recovers",
        Some(Filter::AllowProviders) => "its provider is not in the tenant's allow_providers",
        Some(Filter::DenyProviders) => "its provider is in the tenant's deny_providers",
        Some(Filter::AllowModels) => "it is not in the tenant's allow_models",
        Some(Filter::DenyModels) => "it is in the tenant's deny_models",
        Some(Filter::MaxCost) => {
            "would cost more than the tenant's max_cost_micro_usd, or an unknown amount"
        }
        Some(Filter::MaxLatency) => "is slower than the tenant's max_latency_ms",
        Some(Filter::MinQuality) => "is not sure enough to keep the tenant's min_quality",
        Some(Filter::Gate(_)) => "has yet to pass the tenant's gates",
    }
}

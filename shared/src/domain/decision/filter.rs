//! Why a candidate could not serve.

use super::super::gates::Gate;

/// Why a candidate could not serve this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    NoProviderKey,
    CapabilityMissing,
    ContextTooLong,
    CircuitOpen,
    /// Taken out by a drift monitor.
    Drift,
    /// The tenant's `allow_providers` lacks it.
    AllowProviders,
    DenyProviders,
    /// The tenant's `allow_models` lacks it.
    AllowModels,
    DenyModels,
    /// Its forecast is above the tenant's `max_cost_micro_usd`, or unknown.
    MaxCost,
    /// Its 95 % quantile is above the tenant's `max_latency_ms`.
    MaxLatency,
    /// It is not sure enough to keep the tenant's `min_quality`.
    MinQuality,
    /// It has yet to pass one of the tenant's gates, and the baseline is there.
    Gate(Gate),
}

impl Filter {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoProviderKey => "no_provider_key",
            Self::CapabilityMissing => "capability_missing",
            Self::ContextTooLong => "context_too_long",
            Self::CircuitOpen => "circuit_open",
            Self::Drift => "drift",
            Self::AllowProviders => "constraint_allow_providers",
            Self::DenyProviders => "constraint_deny_providers",
            Self::AllowModels => "constraint_allow_models",
            Self::DenyModels => "constraint_deny_models",
            Self::MaxCost => "constraint_max_cost_micro_usd",
            Self::MaxLatency => "constraint_max_latency_ms",
            Self::MinQuality => "constraint_min_quality",
            Self::Gate(gate) => gate.reason(),
        }
    }

    /// The gate, if it is one.
    pub fn gate(self) -> Option<Gate> {
        match self {
            Self::Gate(gate) => Some(gate),
            Self::NoProviderKey
            | Self::CapabilityMissing
            | Self::ContextTooLong
            | Self::CircuitOpen
            | Self::Drift
            | Self::AllowProviders
            | Self::DenyProviders
            | Self::AllowModels
            | Self::DenyModels
            | Self::MaxCost
            | Self::MaxLatency
            | Self::MinQuality => None,
        }
    }

    /// Whether the tenant forbids the candidate, whoever asks for it.
    pub fn is_forbidden(self) -> bool {
        match self {
            Self::AllowProviders | Self::DenyProviders | Self::AllowModels | Self::DenyModels => {
                true
            }
            Self::NoProviderKey
            | Self::CapabilityMissing
            | Self::ContextTooLong
            | Self::CircuitOpen
            | Self::Drift
            | Self::MaxCost
            | Self::MaxLatency
            | Self::MinQuality
            | Self::Gate(_) => false,
        }
    }

    /// Whether it is a wish for routing that the candidate misses: the baseline may serve all the same.
    pub fn is_wish(self) -> bool {
        match self {
            Self::MaxCost | Self::MaxLatency | Self::MinQuality | Self::Gate(_) => true,
            Self::NoProviderKey
            | Self::CapabilityMissing
            | Self::ContextTooLong
            | Self::CircuitOpen
            | Self::Drift
            | Self::AllowProviders
            | Self::DenyProviders
            | Self::AllowModels
            | Self::DenyModels => false,
        }
    }
}

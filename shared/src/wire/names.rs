//! Closed sets, both ways.

use floopy_proto::v1;

use super::InvalidWire;
use crate::domain::{
    affinity::{Origin, Release},
    catalog::ModelKind,
    decision::{AttemptResult, Ending, Filter, Reason, Stage, Strategy},
    experiment::{Arrangement, Variant},
    gates::Gate,
    ranking::{Objective, Role},
    weights::Phase,
};

/// Writes `From<domain> for wire` and `TryFrom<i32>`-style readers for enums with the same variants.
macro_rules! closed_set {
    ($read:ident, $domain:ident, $wire:ident, $field:literal, { $($variant:ident),+ $(,)? }) => {
        impl From<$domain> for v1::$wire {
            fn from(value: $domain) -> Self {
                match value {
                    $($domain::$variant => Self::$variant,)+
                }
            }
        }

        /// Reads the wire number.
        pub(super) fn $read(value: i32) -> Result<$domain, InvalidWire> {
            match v1::$wire::try_from(value) {
                $(Ok(v1::$wire::$variant) => Ok($domain::$variant),)+
                Ok(v1::$wire::Unspecified) | Err(_) => Err(InvalidWire::Unknown { field: $field, value }),
            }
        }
    };
}

closed_set!(phase, Phase, Phase, "phase", { Day0, Auto, Nps });
closed_set!(role, Role, Role, "role", { Incumbent, Canary, Fallback, Explorer, Masked });
closed_set!(objective, Objective, Objective, "objective", { Quality, Floor });
closed_set!(origin, Origin, Origin, "origin", { Anthropic, OpenAi, OpenAiStyle, Gemini });
closed_set!(release, Release, Release, "released", { Filtered, NotRanked, OriginUnavailable });
closed_set!(model_kind, ModelKind, ModelKind, "kind", { Chat, Embedding });
closed_set!(variant, Variant, Variant, "variant", { A, B });
closed_set!(arrangement, Arrangement, Arrangement, "arrangement", { Canary, Shadow });
closed_set!(stage, Stage, Stage, "stage", { Started, Finished });
closed_set!(strategy, Strategy, Strategy, "strategy", {
    FeedbackDriven, Fallback, LegacyModel, RoundRobin, Weighted, LatencyBased, SmartCost,
});
closed_set!(reason, Reason, Reason, "reason", {
    Dispatched, Fallback, DefaultModel, Explored, Error, Shadow, Baseline, Pinned, KeptWarm, Passthrough,
    CacheHit, Firewall,
});
closed_set!(gate, Gate, Gate, "gate", {
    MaxRegression, MaxOutcomeVariance, MaxCostIncrease, MaxCostDrop, ConfidenceThreshold, MinSamples,
    RequireShadow,
});
closed_set!(attempt_result, AttemptResult, AttemptResult, "result", {
    Ok, ConnectFailed, TimedOut, UpstreamError, InvalidReply, BrokenStream, ClientGone, Cancelled,
    Unsupported, AddressRefused,
});
closed_set!(ending, Ending, Ending, "ending", {
    Completed, Error, ClientDisconnected, BrokenStream, Interrupted,
});

impl From<Filter> for v1::Filter {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::NoProviderKey => Self::NoProviderKey,
            Filter::CapabilityMissing => Self::CapabilityMissing,
            Filter::ContextTooLong => Self::ContextTooLong,
            Filter::CircuitOpen => Self::CircuitOpen,
            Filter::Drift => Self::Drift,
            Filter::AllowProviders => Self::AllowProviders,
            Filter::DenyProviders => Self::DenyProviders,
            Filter::AllowModels => Self::AllowModels,
            Filter::DenyModels => Self::DenyModels,
            Filter::MaxCost => Self::MaxCost,
            Filter::MaxLatency => Self::MaxLatency,
            Filter::MinQuality => Self::MinQuality,
            Filter::Gate(_) => Self::Gate,
        }
    }
}

/// The gate that a filter is, if it is one.
pub(super) fn gate_of(filter: Option<Filter>) -> v1::Gate {
    let gate = filter.and_then(Filter::gate);
    gate.map_or(v1::Gate::Unspecified, Into::into)
}

/// Reads a filter, and which gate it is where it is one.
pub(super) fn filter(value: i32, gate_value: i32) -> Result<Filter, InvalidWire> {
    match v1::Filter::try_from(value) {
        Ok(v1::Filter::NoProviderKey) => Ok(Filter::NoProviderKey),
        Ok(v1::Filter::CapabilityMissing) => Ok(Filter::CapabilityMissing),
        Ok(v1::Filter::ContextTooLong) => Ok(Filter::ContextTooLong),
        Ok(v1::Filter::CircuitOpen) => Ok(Filter::CircuitOpen),
        Ok(v1::Filter::Drift) => Ok(Filter::Drift),
        Ok(v1::Filter::AllowProviders) => Ok(Filter::AllowProviders),
        Ok(v1::Filter::DenyProviders) => Ok(Filter::DenyProviders),
        Ok(v1::Filter::AllowModels) => Ok(Filter::AllowModels),
        Ok(v1::Filter::DenyModels) => Ok(Filter::DenyModels),
        Ok(v1::Filter::MaxCost) => Ok(Filter::MaxCost),
        Ok(v1::Filter::MaxLatency) => Ok(Filter::MaxLatency),
        Ok(v1::Filter::MinQuality) => Ok(Filter::MinQuality),
        Ok(v1::Filter::Gate) => gate(gate_value).map(Filter::Gate),
        Ok(v1::Filter::Unspecified) | Err(_) => Err(InvalidWire::Unknown {
            field: "filter",
            value,
        }),
    }
}

/// Reads a wire number whose 0 means that there is none.
pub(super) fn optional<T>(
    value: i32,
    read: impl Fn(i32) -> Result<T, InvalidWire>,
) -> Result<Option<T>, InvalidWire> {
    (value != 0).then(|| read(value)).transpose()
}

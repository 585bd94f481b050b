//! A tenant's constraints.

use floopy_proto::v1;

use super::InvalidWire;
use crate::domain::constraints::{Constraints, MinQuality};

impl From<&Constraints> for v1::Constraints {
    fn from(c: &Constraints) -> Self {
        let min_quality = |m: MinQuality| v1::MinQuality {
            floor: m.floor,
            assurance: m.assurance,
        };
        Self {
            allow_providers: c.allow_providers.clone(),
            deny_providers: c.deny_providers.clone(),
            allow_models: c.allow_models.clone(),
            deny_models: c.deny_models.clone(),
            max_cost_micro_usd: c.max_cost_micro_usd,
            max_latency_ms: c.max_latency_ms,
            min_quality: c.min_quality.map(min_quality),
        }
    }
}

impl TryFrom<v1::Constraints> for Constraints {
    type Error = InvalidWire;

    fn try_from(c: v1::Constraints) -> Result<Self, InvalidWire> {
        let min_quality = |m: v1::MinQuality| MinQuality {
            floor: m.floor,
            assurance: m.assurance,
        };
        let constraints = Self {
            allow_providers: c.allow_providers,
            deny_providers: c.deny_providers,
            allow_models: c.allow_models,
            deny_models: c.deny_models,
            max_cost_micro_usd: c.max_cost_micro_usd,
            max_latency_ms: c.max_latency_ms,
            min_quality: c.min_quality.map(min_quality),
        };
        constraints
            .validate()
            .map_err(|e| InvalidWire::invalid("constraints", e))?;
        Ok(constraints)
    }
}

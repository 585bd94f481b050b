//! Gates as they are written: a key that is missing has its default, `null` switches a gate off.

use floopy_shared::domain::{
    constraints::InvalidConstraints,
    gates::{DEFAULT_GATES, Gates, Rolling, Window},
};
use serde::{Deserialize, Serialize};

/// The keys in the order in which they are told.
pub(crate) const KEYS: [&str; 7] = [
    "max_regression",
    "max_outcome_variance",
    "max_cost_increase",
    "max_cost_drop_without_validation",
    "confidence_threshold",
    "min_samples_before_promotion",
    "require_shadow_before_live",
];

/// A group of constraints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WrittenGates {
    max_regression: Option<WrittenRolling>,
    max_outcome_variance: Option<f64>,
    max_cost_increase: Option<WrittenRolling>,
    max_cost_drop_without_validation: Option<f64>,
    confidence_threshold: Option<f64>,
    min_samples_before_promotion: Option<u32>,
    require_shadow_before_live: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRolling {
    value: f64,
    window: WrittenWindow,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum WrittenWindow {
    #[serde(rename = "rolling_24h")]
    Day,
    #[serde(rename = "rolling_7d")]
    Week,
}

impl Default for WrittenGates {
    fn default() -> Self {
        DEFAULT_GATES.into()
    }
}

impl WrittenGates {
    /// As routing knows them, if they are in range.
    pub(crate) fn to_domain(self) -> Result<Gates, InvalidConstraints> {
        let gates = Gates {
            max_regression: self.max_regression.map(Into::into),
            max_outcome_variance: self.max_outcome_variance,
            max_cost_increase: self.max_cost_increase.map(Into::into),
            max_cost_drop_without_validation: self.max_cost_drop_without_validation,
            confidence_threshold: self.confidence_threshold.unwrap_or(0.0),
            min_samples_before_promotion: self.min_samples_before_promotion,
            require_shadow_before_live: self.require_shadow_before_live.unwrap_or(false),
        };
        gates.validate()?;
        Ok(gates)
    }
}

impl From<Gates> for WrittenGates {
    fn from(gates: Gates) -> Self {
        Self {
            max_regression: gates.max_regression.map(Into::into),
            max_outcome_variance: gates.max_outcome_variance,
            max_cost_increase: gates.max_cost_increase.map(Into::into),
            max_cost_drop_without_validation: gates.max_cost_drop_without_validation,
            confidence_threshold: Some(gates.confidence_threshold),
            min_samples_before_promotion: gates.min_samples_before_promotion,
            require_shadow_before_live: Some(gates.require_shadow_before_live),
        }
    }
}

impl From<Rolling> for WrittenRolling {
    fn from(rolling: Rolling) -> Self {
        Self {
            value: rolling.value,
            window: match rolling.window {
                Window::Rolling24h => WrittenWindow::Day,
                Window::Rolling7d => WrittenWindow::Week,
            },
        }
    }
}

impl From<WrittenRolling> for Rolling {
    fn from(rolling: WrittenRolling) -> Self {
        Self {
            value: rolling.value,
            window: match rolling.window {
                WrittenWindow::Day => Window::Rolling24h,
                WrittenWindow::Week => Window::Rolling7d,
            },
        }
    }
}

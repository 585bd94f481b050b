//! What is due of what was saved.

use serde::{Deserialize, Serialize};

use floopy_shared::process::config::range;

/// What is due of what was saved.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Savings {
    /// Share of the savings that `invoice_micro_usd` of `GET /v1/optimization/savings` tells.
    #[serde(deserialize_with = "range::share")]
    pub rate: f64,
}

impl Default for Savings {
    fn default() -> Self {
        Self { rate: 0.15 }
    }
}

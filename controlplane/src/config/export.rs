//! What an export may come to.

use serde::{Deserialize, Serialize};

use super::check;

/// What an export may come to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// Decisions that the span of one export may have.
    #[serde(deserialize_with = "check::export_rows")]
    pub max_rows: u64,
    /// After this it ends with a trailer that says how to go on: clients give a whole reply 60 seconds.
    #[serde(deserialize_with = "check::export_deadline_ms")]
    pub deadline_ms: u64,
    /// Between the beginnings of two exports of a tenant; going on with one that was cut off does not count.
    #[serde(deserialize_with = "check::export_interval_ms")]
    pub interval_ms: u64,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            max_rows: 5_000_000,
            deadline_ms: 50_000,
            interval_ms: 5_000,
        }
    }
}

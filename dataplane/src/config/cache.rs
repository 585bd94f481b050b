//! How replies are kept to be given again.

use serde::{Deserialize, Serialize};

/// How replies are kept to be given again.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Of all replies of all tenants; 0: nothing is kept.
    pub max_bytes: usize,
    /// Of one reply; longer ones are not kept.
    pub max_entry_bytes: usize,
    /// Of what finds the replies to questions in other words, of all tenants; 0: none is found.
    pub semantic_bytes: usize,
    /// How long a call waits for an identical one that is under way; 0: not at all.
    pub wait_ms: u64,
    /// Calls that wait for one at most.
    pub waiting: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_entry_bytes: 1 << 20,
            semantic_bytes: 64 << 20,
            wait_ms: 10_000,
            waiting: 256,
        }
    }
}

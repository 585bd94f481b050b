//! What is kept for batches.

use serde::{Deserialize, Serialize};

/// What is kept for batches.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Batches {
    /// Of all files of one tenant that are kept here, because their provider takes none.
    pub tenant_bytes: u64,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            // Ten files as large as a proxy lets them be by default.
            tenant_bytes: 1_000 << 20,
        }
    }
}

//! Asking the servers whose tools models may call.

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// How the servers are asked whose tools models may call.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// Addresses and ranges beside the internet that tenants' servers may be at, by any name.
    pub allow_networks: Vec<Network>,
    /// How long a call may take with all its rounds.
    pub deadline_ms: u64,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            deadline_ms: 120_000,
        }
    }
}

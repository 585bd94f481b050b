//! The Redis that proxies may share.

use floopy_shared::process::config::Secret;
use serde::{Deserialize, Serialize};

/// The Redis that proxies may share: stored replies, and what is used of limits. Whether it is there or not, calls are
/// served.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// `redis://`, `rediss://` for TLS, or `unix://`, with user and password in it; without it, there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// How every name in it begins. Who shares one Redis between Floopys that have nothing in common gives each its own.
    pub prefix: String,
    /// How long a call waits for a stored reply at most.
    pub lookup_ms: u64,
    /// How often proxies tell each other what was used of limits.
    pub sync_ms: u64,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "floopy".to_owned(),
            lookup_ms: 5,
            sync_ms: 500,
        }
    }
}

//! The Qdrant that proxies may share.

use floopy_shared::process::config::Secret;
use serde::{Deserialize, Serialize};

/// The Qdrant that proxies may share: questions with the replies to them, found by what they mean. Whether it is there or
/// not, calls are served, and each proxy finds what it stored itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Qdrant {
    /// Of its REST API, as in `http://qdrant:6333`; without it, there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// It is shown with every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// Made where it is missing. Floopys that have nothing in common each have their own.
    pub collection: String,
    /// How long a call waits for the reply to a question in other words at most.
    pub lookup_ms: u64,
    /// Questions of all tenants that are kept there; while there are more, none is added.
    pub max_points: u64,
}

impl Default for Qdrant {
    fn default() -> Self {
        Self {
            url: None,
            api_key: None,
            collection: "floopy-questions".to_owned(),
            lookup_ms: 20,
            max_points: 1_000_000,
        }
    }
}

//! A tenant's cache, as it is configured.

use serde::{Deserialize, Serialize};

use super::range::ttl_seconds;
use crate::domain::cache::Caching;

/// Whether replies are stored to be given again, for calls that do not say.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    pub enabled: bool,
    /// How long a reply is good for; absent: a week.
    #[serde(
        deserialize_with = "ttl_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub ttl_seconds: Option<u32>,
}

impl Cache {
    /// As proxies know it, before anything was flushed.
    pub fn to_domain(self) -> Caching {
        Caching {
            enabled: self.enabled,
            ttl_s: self.ttl_seconds,
            ..Caching::default()
        }
    }
}

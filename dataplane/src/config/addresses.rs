//! How often one address may call.

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// How often one address may call, whoever calls from it: counted before keys are looked at.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Addresses {
    /// Of one IPv4 address, or one /64 of IPv6; 0: not limited.
    pub requests_per_minute: u32,
    /// Proxies before this one, which are not limited. Of what comes from them, the last address in `x-forwarded-for`
    /// that is none of them counts.
    pub trusted: Vec<Network>,
}

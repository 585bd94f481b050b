//! Where calls of providers may lead.

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// What may be called beside the internet.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// Addresses and ranges that may be called by any name.
    pub allow_networks: Vec<Network>,
}

//! Where webhooks may lead.

use floopy_shared::network::Network;
use serde::{Deserialize, Serialize};

/// Where webhooks may lead.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Beside the internet: addresses or ranges as in `10.0.0.0/8`. Tenants name the addresses that are called from
    /// here, so what is allowed is allowed to all of them.
    pub allow_networks: Vec<Network>,
}

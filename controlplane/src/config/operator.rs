//! Who may manage tenants.

use floopy_shared::process::config::Secret;
use serde::{Deserialize, Serialize};

/// Who may manage tenants.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// The operator's key, 24 to 256 visible ASCII characters. Absent: one is made at the first start and written to
    /// `operator.key` in the directory of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
}

/// Where the key comes from if the configuration has none.
const VARIABLE: &str = "FLOOPY_OPERATOR_KEY";

impl Operator {
    /// Takes the key from the environment where the configuration has none.
    pub fn or_environment(&mut self, environment: impl Fn(&str) -> Option<String>) {
        let found = environment(VARIABLE).filter(|key| !key.trim().is_empty());
        if let (None, Some(key)) = (&self.key, found) {
            self.key = Some(Secret::new(key.trim()));
        }
    }
}

//! A tenant that a proxy knows by itself.

use floopy_shared::{
    domain::rule::Routing,
    process::config::{Cache, Constraints, Firewall, Rule, Secret},
};
use serde::{Deserialize, Serialize};

/// A tenant that is known before the control plane was ever reached.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapTenant {
    /// As the control plane will know it.
    pub id: String,
    /// An API key of it, which may do everything.
    pub key: Secret,
    /// Nothing of its content is ever kept.
    #[serde(default)]
    pub zero_retention: bool,
    /// The rule for calls that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Calls are forwarded untouched and never routed, unless they say `floopy-passthrough: false`.
    #[serde(default)]
    pub passthrough: bool,
    /// What routing may do for it.
    #[serde(default)]
    pub constraints: Constraints,
    /// What is stored of its replies.
    #[serde(default)]
    pub cache: Cache,
    /// What is done about calls that look like attacks.
    #[serde(default)]
    pub firewall: Firewall,
    /// What `auto` may mean; calls name one with `floopy-routing-rule`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

impl BootstrapTenant {
    /// As routing knows it.
    pub(crate) fn routing(&self) -> Routing {
        Routing {
            rules: self.rules.iter().map(|rule| rule.0.clone()).collect(),
            rule: self.rule.clone(),
            passthrough: self.passthrough,
            experiments: Vec::new(),
        }
    }
}

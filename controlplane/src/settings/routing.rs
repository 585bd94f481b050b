//! Routing rules that a tenant made for itself, beside those of the configuration.

use std::collections::HashMap;

use floopy_shared::{
    domain::{
        ids::TenantId,
        rule::{MAX_RULES, Routing},
        snapshot::Tenant,
    },
    process::config::Rule,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::read;
use crate::store::{StoreError, settings::Document};

/// A rule, and whether calls that name none follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WrittenRule {
    pub(crate) rule: Rule,
    pub(crate) is_default: bool,
}

impl WrittenRule {
    /// Reads what was checked before it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        read(document)
    }

    /// Adds it to a tenant's; one of the configuration that has got its name meanwhile stays, and beyond as many as a
    /// tenant may have nothing is added: proxies would take none of them.
    pub(crate) fn add_to(self, routing: &mut Routing) {
        let Rule(rule) = self.rule;
        let is_known = routing.rules.iter().any(|known| known.name == rule.name);
        if is_known || routing.rules.len() >= MAX_RULES {
            return;
        }
        if self.is_default {
            routing.rule = Some(rule.name.clone());
        }
        routing.rules.push(rule);
    }
}

/// The id of a rule of the configuration, which has none of its own: always the same for its name.
pub(crate) fn configured_id(tenant: &TenantId, name: &str) -> String {
    let digest = Sha256::digest(format!("{tenant}/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Gives rules their ids, and keys the names of their rules in place of the ids; of one that is gone nothing is left.
/// `own`: the names of the tenant's own rules by their ids.
pub(crate) fn name_rules(tenant: &mut Tenant, own: &HashMap<String, String>) {
    for rule in &mut tenant.routing.rules {
        let by_name = own.iter().find(|(_, name)| **name == rule.name);
        rule.id = by_name.map_or_else(
            || configured_id(&tenant.id, &rule.name),
            |(id, _)| id.clone(),
        );
    }
    for key in &mut tenant.keys {
        let Some(id) = key.scope.rule.take() else {
            continue;
        };
        key.scope.rule = name_of(&id, (&tenant.id, &tenant.routing), own);
    }
}

/// The name of the rule with this id.
pub(super) fn name_of(
    id: &str,
    (tenant, routing): (&TenantId, &Routing),
    own: &HashMap<String, String>,
) -> Option<String> {
    let configured = || {
        let mut rules = routing.rules.iter();
        rules.find(|rule| configured_id(tenant, &rule.name) == id)
    };
    let name = own.get(id).cloned();
    name.or_else(|| configured().map(|rule| rule.name.clone()))
}

//! What a tenant may set for itself, as it is written in JSON: checked, and on top of the configuration.

pub(crate) mod gates;
pub(crate) mod limits;
pub(crate) mod prompts;
pub(crate) mod routing;

use std::collections::HashMap;

use floopy_shared::{
    domain::{constraints::InvalidConstraints, ids::TenantId, snapshot::Tenant},
    process::config::Constraints,
};
use sqlx::SqliteConnection;

use self::{
    gates::WrittenGates,
    limits::WrittenLimits,
    routing::{WrittenRule, name_rules},
};
use crate::store::{
    Store, StoreError,
    settings::{self, Document, Kind},
    tenants,
};

/// The groups of constraints, each replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Limits,
    Gates,
    Routing,
}

impl Group {
    pub(crate) const ALL: [Self; 3] = [Self::Limits, Self::Gates, Self::Routing];

    /// The id of its document.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Gates => "gates",
            Self::Routing => "routing",
        }
    }
}

/// Every tenant, with what it set for itself on top of what the configuration says. What cannot be read is one
/// tenant's trouble, and the others' no reason to wait.
pub(crate) async fn tenants(store: &Store) -> Result<Vec<Tenant>, StoreError> {
    let mut tenants = tenants::all(store).await?;
    let mut names: HashMap<TenantId, HashMap<String, String>> = HashMap::new();
    for kind in [Kind::Constraints, Kind::Rule] {
        for (id, document) in settings::of_all(store, kind).await? {
            // The tenants are in the order of their ids.
            let Ok(at) = tenants.binary_search_by(|tenant| tenant.id.cmp(&id)) else {
                continue;
            };
            match apply(&mut tenants[at], kind, &document) {
                Ok(Some(name)) => {
                    names.entry(id).or_default().insert(document.id, name);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, tenant = %id, setting = document.id, "a setting is left out");
                }
            }
        }
    }
    let none = HashMap::new();
    for tenant in &mut tenants {
        let own = names.get(&tenant.id).unwrap_or(&none);
        name_rules(tenant, own);
    }
    Ok(tenants)
}

/// One tenant with what it set for itself.
pub(crate) async fn tenant(
    conn: &mut SqliteConnection,
    id: &TenantId,
) -> Result<Tenant, StoreError> {
    let mut tenant = tenants::one(conn, id).await?;
    let mut names = HashMap::new();
    for kind in [Kind::Constraints, Kind::Rule] {
        for document in settings::list(conn, id, kind).await? {
            let named = apply(&mut tenant, kind, &document)?;
            names.extend(named.map(|name| (document.id, name)));
        }
    }
    name_rules(&mut tenant, &names);
    Ok(tenant)
}

/// Puts one document on top of a tenant; the name of a rule.
fn apply(
    tenant: &mut Tenant,
    kind: Kind,
    document: &Document,
) -> Result<Option<String>, StoreError> {
    match kind {
        Kind::Constraints => constrain(tenant, document).map(|()| None),
        Kind::Rule => {
            let rule = WrittenRule::read(document)?;
            let name = rule.rule.0.name.clone();
            rule.add_to(&mut tenant.routing);
            Ok(Some(name))
        }
        Kind::Project | Kind::Prompt | Kind::PromptVersion => Ok(None),
    }
}

fn constrain(tenant: &mut Tenant, document: &Document) -> Result<(), StoreError> {
    let group = Group::ALL
        .into_iter()
        .find(|group| group.as_str() == document.id);
    match group {
        Some(Group::Limits) => {
            tenant.limits = read::<WrittenLimits>(document)?
                .to_domain()
                .map_err(unreadable)?;
        }
        Some(Group::Gates) => {
            tenant.gates = read::<WrittenGates>(document)?
                .to_domain()
                .map_err(unreadable)?;
        }
        Some(Group::Routing) => tenant.constraints = read::<Constraints>(document)?.to_domain(),
        // Of a later version.
        None => {}
    }
    Ok(())
}

/// Reads what was checked before it was written.
fn read<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, StoreError> {
    serde_json::from_str(&document.body).map_err(|e| StoreError::corrupt("setting", e))
}

fn unreadable(invalid: InvalidConstraints) -> StoreError {
    StoreError::corrupt("setting", invalid)
}

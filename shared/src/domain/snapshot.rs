//! The immutable view a request is decided on, and how updates turn one into the next.

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use super::tenant::{ApiKey, Closed, Environment, KeyScope, Tenant};
use super::{
    catalog::Catalog,
    credential::{CredentialId, Sealed},
    ids::{KeyHash, TenantId},
    known::KnownMap,
    prompt::Prompts,
    ranking::Rankings,
};

/// A table's name on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    Catalog,
    Tenant(TenantId),
    Ranking(TenantId),
    Prompts(TenantId),
    Credential(CredentialId),
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog => f.write_str("catalog"),
            Self::Tenant(id) => write!(f, "tenant/{id}"),
            Self::Ranking(id) => write!(f, "ranking/{id}"),
            Self::Prompts(id) => write!(f, "prompts/{id}"),
            Self::Credential(id) => write!(f, "credential/{id}"),
        }
    }
}

impl TableName {
    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        match name.split_once('/') {
            None => (name == "catalog").then_some(Self::Catalog),
            Some(("tenant", id)) => TenantId::new(id).ok().map(Self::Tenant),
            Some(("ranking", id)) => TenantId::new(id).ok().map(Self::Ranking),
            Some(("prompts", id)) => TenantId::new(id).ok().map(Self::Prompts),
            Some(("credential", id)) => CredentialId::parse(id).map(Self::Credential),
            Some(_) => None,
        }
    }
}

/// The content of one table.
#[derive(Debug, Clone, PartialEq)]
pub enum TableBody {
    Catalog(Arc<Catalog>),
    Tenant(Arc<Tenant>),
    Rankings(Arc<Rankings>),
    Prompts(Arc<Prompts>),
    Credential(Arc<Sealed>),
}

/// One table as received; `body` is the reason where it could not even be read.
#[derive(Debug, Clone)]
pub struct TableUpdate {
    pub name: String,
    pub version: u64,
    pub body: Result<TableBody, String>,
}

/// One message of the control plane.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub version: u64,
    pub tables: Vec<TableUpdate>,
    pub removed: Vec<String>,
}

/// A table that was refused; the rest of its update was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub table: String,
    pub version: u64,
    pub reason: String,
}

/// Everything a proxy decides on.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    version: u64,
    versions: BTreeMap<TableName, u64>,
    catalog: Arc<Catalog>,
    /// Of tenants with models of their own.
    catalogs: KnownMap<TenantId, Arc<Catalog>>,
    tenants: KnownMap<TenantId, Arc<Tenant>>,
    keys: KnownMap<KeyHash, Arc<Tenant>>,
    rankings: KnownMap<TenantId, Arc<Rankings>>,
    /// Of tenants that have any.
    prompts: KnownMap<TenantId, Arc<Prompts>>,
    credentials: BTreeMap<CredentialId, Arc<Sealed>>,
}

impl Snapshot {
    /// Version 0: the built-in catalog with its benchmark priors, and the tenants the operator wrote down.
    pub fn cold(catalog: Catalog, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let mut snapshot = Self {
            catalog: Arc::new(catalog),
            ..Self::default()
        };
        for tenant in tenants {
            snapshot.tenants.insert(tenant.id.clone(), Arc::new(tenant));
        }
        snapshot.index_catalogs();
        snapshot.index_keys();
        snapshot
    }

    /// Grows with every accepted update.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version held of every table.
    pub fn table_versions(&self) -> impl Iterator<Item = (&TableName, u64)> {
        self.versions.iter().map(|(name, version)| (name, *version))
    }

    /// The content of a table that is held.
    pub fn table(&self, name: &TableName) -> Option<TableBody> {
        match name {
            TableName::Catalog => Some(TableBody::Catalog(Arc::clone(&self.catalog))),
            TableName::Tenant(id) => self.tenants.get(id).cloned().map(TableBody::Tenant),
            TableName::Ranking(id) => self.rankings.get(id).cloned().map(TableBody::Rankings),
            TableName::Prompts(id) => self.prompts.get(id).cloned().map(TableBody::Prompts),
            TableName::Credential(id) => {
                let sealed = self.credentials.get(id).cloned();
                sealed.map(TableBody::Credential)
            }
        }
    }

    /// The models that every tenant may use.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The models that a tenant may use: everybody's, and its own.
    pub fn catalog_of(&self, tenant: &TenantId) -> &Arc<Catalog> {
        self.catalogs.get(tenant).unwrap_or(&self.catalog)
    }

    /// Of the tables that the tenant's prices are from: everybody's, and its own where it has models of its own.
    pub fn prices_version(&self, tenant: &Tenant) -> u64 {
        let version = |name: &TableName| self.versions.get(name).copied().unwrap_or(0);
        let everybodys = version(&TableName::Catalog);
        if tenant.models.is_empty() {
            return everybodys;
        }
        everybodys.max(version(&TableName::Tenant(tenant.id.clone())))
    }

    /// The tenant of this key.
    pub fn tenant_of_key(&self, hash: &KeyHash) -> Option<(&Arc<Tenant>, &ApiKey)> {
        let tenant = self.keys.get(hash)?;
        let key = tenant.keys.iter().find(|key| key.hash == *hash)?;
        Some((tenant, key))
    }

    /// A tenant that this snapshot knows.
    pub fn tenant(&self, id: &TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.get(id)
    }

    /// The tenants this snapshot knows.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenants.values()
    }

    /// What was learned for this tenant, if anything was pushed yet.
    pub fn rankings(&self, tenant: &TenantId) -> Option<&Arc<Rankings>> {
        self.rankings.get(tenant)
    }

    /// The tenant's stored prompts, if it has any.
    pub fn prompts(&self, tenant: &TenantId) -> Option<&Arc<Prompts>> {
        self.prompts.get(tenant)
    }

    /// What providers are shown, sealed.
    pub fn credentials(&self) -> impl Iterator<Item = &Arc<Sealed>> {
        self.credentials.values()
    }

    /// The next snapshot. A bad table rejects only itself; a version that does not grow is refused.
    pub fn apply(&self, update: Update) -> (Self, Vec<Rejection>) {
        let mut next = self.clone();
        let mut rejections = Vec::new();
        next.version = next.version.max(update.version);
        for removed in &update.removed {
            next.remove(removed);
        }
        let mut tables = update.tables;
        // Rankings come last: they may name new models of the catalog, or of their tenant.
        tables.sort_by_key(|table| order(&table.name));
        for table in tables {
            let TableUpdate {
                name,
                version,
                body,
            } = table;
            if let Err(reason) = next.put(&name, version, body) {
                rejections.push(Rejection {
                    table: name,
                    version,
                    reason,
                });
            }
        }
        next.index_keys();
        (next, rejections)
    }

    fn put(
        &mut self,
        name: &str,
        version: u64,
        body: Result<TableBody, String>,
    ) -> Result<(), String> {
        let parsed = TableName::parse(name).ok_or_else(|| format!("no table is named {name:?}"))?;
        let held = self.versions.get(&parsed).copied().unwrap_or(0);
        if version < held {
            return Err(format!(
                "version {version} is older than {held}, which is held"
            ));
        }
        match (&parsed, body?) {
            (TableName::Catalog, TableBody::Catalog(catalog)) => {
                self.catalog = catalog;
                self.index_catalogs();
            }
            (TableName::Tenant(id), TableBody::Tenant(tenant)) if *id == tenant.id => {
                self.check_keys(&tenant)?;
                self.index_catalog(&tenant)?;
                self.tenants.insert(id.clone(), tenant);
            }
            (TableName::Ranking(id), TableBody::Rankings(rankings)) if *id == rankings.tenant => {
                self.check_candidates(&rankings)?;
                let catalog = self.catalog_of(id);
                let rankings = share_keys(Arc::unwrap_or_clone(rankings), catalog);
                self.rankings.insert(id.clone(), Arc::new(rankings));
            }
            (TableName::Prompts(id), TableBody::Prompts(prompts)) if *id == prompts.tenant => {
                prompts.validate().map_err(|e| e.to_string())?;
                self.prompts.insert(id.clone(), prompts);
            }
            (TableName::Credential(id), TableBody::Credential(sealed)) if *id == sealed.id => {
                self.credentials.insert(id.clone(), sealed);
            }
            _ => return Err(format!("the content is not that of a table named {name:?}")),
        }
        self.versions.insert(parsed, version);
        Ok(())
    }

    fn check_keys(&self, tenant: &Tenant) -> Result<(), String> {
        let taken = tenant.keys.iter().find(|key| {
            self.tenants.values().any(|other| {
                other.id != tenant.id && other.keys.iter().any(|held| held.hash == key.hash)
            })
        });
        match taken {
            Some(key) => Err(format!("key {} belongs to another tenant", key.id)),
            None => Ok(()),
        }
    }

    fn check_candidates(&self, rankings: &Rankings) -> Result<(), String> {
        let catalog = self.catalog_of(&rankings.tenant);
        rankings.validate().map_err(|e| e.to_string())?;
        let unknown = rankings
            .shapes
            .iter()
            .flat_map(|shape| &shape.candidates)
            .find(|candidate| catalog.get(&candidate.key).is_none());
        match unknown {
            Some(candidate) => Err(format!("candidate {} is not in the catalog", candidate.key)),
            None => Ok(()),
        }
    }

    fn remove(&mut self, name: &str) {
        let Some(parsed) = TableName::parse(name) else {
            return;
        };
        match &parsed {
            TableName::Catalog => return,
            TableName::Tenant(id) => {
                self.catalogs.remove(id);
                self.tenants.remove(id);
            }
            TableName::Ranking(id) => drop(self.rankings.remove(id)),
            TableName::Prompts(id) => drop(self.prompts.remove(id)),
            TableName::Credential(id) => drop(self.credentials.remove(id)),
        }
        self.versions.remove(&parsed);
    }

    /// What each tenant with models of its own sees.
    fn index_catalogs(&mut self) {
        self.catalogs.clear();
        let with_own = self.tenants.values().filter(|t| !t.models.is_empty());
        for tenant in with_own.cloned().collect::<Vec<_>>() {
            // What was accepted once has no duplicates, whatever the catalog.
            let _accepted = self.index_catalog(&tenant);
        }
    }

    fn index_catalog(&mut self, tenant: &Tenant) -> Result<(), String> {
        if tenant.models.is_empty() {
            self.catalogs.remove(&tenant.id);
            return Ok(());
        }
        let catalog = self.catalog.with_own(&tenant.models);
        let catalog = catalog.map_err(|e| e.to_string())?;
        self.catalogs.insert(tenant.id.clone(), Arc::new(catalog));
        Ok(())
    }

    fn index_keys(&mut self) {
        self.keys = self
            .tenants
            .values()
            .flat_map(|tenant| tenant.keys.iter().map(|key| (key.hash, Arc::clone(tenant))))
            .collect();
    }
}

/// Where a table comes among those of an update, from 0 to 2.
pub fn order(name: &str) -> u8 {
    match TableName::parse(name) {
        Some(TableName::Catalog) => 0,
        Some(TableName::Tenant(_)) => 1,
        Some(TableName::Ranking(_) | TableName::Prompts(_) | TableName::Credential(_)) | None => 2,
    }
}

/// A thousand tenants rank the same few models: each name is held once, by the catalog.
fn share_keys(mut rankings: Rankings, catalog: &Catalog) -> Rankings {
    for shape in &mut rankings.shapes {
        for candidate in &mut shape.candidates {
            if let Some(model) = catalog.get(&candidate.key) {
                candidate.key = model.key.clone();
            }
        }
        shape.candidates.shrink_to_fit();
    }
    rankings
}

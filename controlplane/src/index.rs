//! What every proxy should hold now: versioned tables, and what each proxy still lacks of them.
//!
//! One job publishes; every stream watches. Pure and synchronous, save for the wake-up.

pub(crate) mod build;
pub(crate) mod dirty;
pub(crate) mod gone;
pub(crate) mod material;
pub(crate) mod subscription;
pub(crate) mod tables;
pub(crate) mod totals;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel},
    ids::TenantId,
};
use tokio::sync::watch;

use self::tables::{Changes, Tables};

/// Models that tenants have for themselves.
pub(crate) type OwnModels = BTreeMap<TenantId, Arc<[Arc<CatalogModel>]>>;

/// What may serve whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownModels {
    /// For everybody.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) own: Arc<OwnModels>,
}

impl KnownModels {
    /// What a tenant may use.
    pub(crate) fn of(&self, tenant: &TenantId) -> Arc<Catalog> {
        let own = self.own.get(tenant).map(|own| self.catalog.with_own(own));
        match own {
            Some(Ok(catalog)) => Arc::new(catalog),
            Some(Err(_)) | None => Arc::clone(&self.catalog),
        }
    }
}

/// The current tables, watched by every stream.
#[derive(Debug)]
pub(crate) struct Index {
    current: watch::Sender<Arc<Tables>>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            current: watch::Sender::new(Arc::default()),
        }
    }
}

impl Index {
    /// Follows the tables.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Tables>> {
        self.current.subscribe()
    }

    /// The tables now.
    pub(crate) fn current(&self) -> Arc<Tables> {
        Arc::clone(&self.current.borrow())
    }

    /// Whether anything was published yet: before, nothing must be told to anybody.
    pub(crate) fn ready(&self) -> bool {
        self.current.borrow().version() > 0
    }

    /// Applies changes under a new version and wakes the streams; nothing happens where nothing changed.
    pub(crate) fn publish(&self, changes: Changes, version: u64) {
        self.current.send_if_modified(|tables| {
            let next = tables.with(changes, version);
            let changed = next.version() != tables.version();
            *tables = Arc::new(next);
            changed
        });
    }
}

/// What a proxy says of itself when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) node: String,
    /// Providers it holds credentials for.
    pub(crate) providers: BTreeSet<String>,
    /// Tables it holds, by name.
    pub(crate) known: Vec<(String, u64)>,
}

//! Evaluations: the rows of a data set asked of the live proxy, as an application would, and judged.
//!
//! Calls go through a proxy, so that routing, rules, credentials, fall-backs, budgets and records are those of live
//! traffic. They carry a key of their own per tenant, which is made here, told to the proxies by its hash, held in
//! memory only and taken back once nothing of the tenant is under way. `jobs::evaluations` asks.

mod ask;
mod config;
mod row;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use floopy_shared::{
    domain::{
        ids::{KeyHash, TenantId},
        snapshot::{ApiKey, KeyScope, Tenant},
    },
    process::config::Secret,
};
use tokio::sync::Notify;

pub(crate) use self::{
    ask::{Asker, NoReply, Question, Reply},
    config::RunConfig,
    row::WrittenRow,
};
use crate::store::{StoreError, keys, meta};

/// What REST, the job and whoever tells the proxies share.
#[derive(Debug, Default)]
pub(crate) struct Evaluations {
    /// The proxy's address, once it is known.
    proxy: OnceLock<String>,
    keys: Mutex<BTreeMap<TenantId, Key>>,
    /// Something began or was cancelled.
    pub(crate) changed: Notify,
}

/// A key and what proxies know of it.
#[derive(Debug)]
struct Key {
    secret: Secret,
    told: ApiKey,
}

impl Evaluations {
    /// Says where the proxy is; what was said first stands.
    pub(crate) fn set_proxy(&self, url: &str) {
        let _ = self.proxy.set(url.trim_end_matches('/').to_owned());
    }

    /// Where the proxy is.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.get().map(String::as_str)
    }

    /// Holds keys of these tenants and of nobody else; whose keys came or went.
    pub(crate) fn hold(&self, tenants: &BTreeSet<TenantId>) -> Result<Vec<TenantId>, StoreError> {
        let mut keys = lock(&self.keys);
        let gone = keys.keys().filter(|tenant| !tenants.contains(*tenant));
        let mut changed: Vec<TenantId> = gone.cloned().collect();
        for tenant in &changed {
            keys.remove(tenant);
        }
        for tenant in tenants {
            if !keys.contains_key(tenant) {
                keys.insert(tenant.clone(), Key::new()?);
                changed.push(tenant.clone());
            }
        }
        Ok(changed)
    }

    /// The key of a tenant.
    pub(crate) fn key(&self, tenant: &TenantId) -> Option<Secret> {
        lock(&self.keys).get(tenant).map(|key| key.secret.clone())
    }

    /// Puts the keys among those of their tenants, for the proxies alone.
    pub(crate) fn add_keys(&self, tenants: &mut [Tenant]) {
        let keys = lock(&self.keys);
        for tenant in tenants {
            let key = keys.get(&tenant.id);
            tenant.keys.extend(key.map(|key| key.told.clone()));
        }
    }
}

impl Key {
    fn new() -> Result<Self, StoreError> {
        let mut secret = [0; 32];
        meta::random(&mut secret)?;
        let secret = format!("fl_{}", hex::encode(secret));
        let told = ApiKey {
            id: keys::id_of(&secret).replacen("key_", "evaluation_", 1),
            hash: KeyHash::of(&secret),
            read: false,
            write: true,
            scope: KeyScope {
                evaluation: true,
                ..KeyScope::default()
            },
            default_project: None,
        };
        Ok(Self {
            secret: Secret::new(secret),
            told,
        })
    }
}

fn lock(keys: &Mutex<BTreeMap<TenantId, Key>>) -> MutexGuard<'_, BTreeMap<TenantId, Key>> {
    // A map of keys is whole after any panic elsewhere.
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants(names: &[&str]) -> BTreeSet<TenantId> {
        let tenant = |name: &&str| TenantId::new(name).expect("valid");
        names.iter().map(tenant).collect()
    }

    #[test]
    fn a_tenant_has_a_key_as_long_as_something_of_it_is_under_way_and_a_new_one_afterwards() {
        let evaluations = Evaluations::default();
        let both = tenants(&["a", "b"]);
        assert_eq!(evaluations.hold(&both).expect("made").len(), 2);
        assert!(evaluations.hold(&both).expect("made").is_empty());
        let a = TenantId::new("a").expect("valid");
        let first = evaluations.key(&a).expect("held");
        let mut told = vec![Tenant::new(a.clone())];
        evaluations.add_keys(&mut told);
        let key = &told[0].keys[0];
        assert_eq!(key.hash, KeyHash::of(first.expose()));
        assert!(key.scope.evaluation && !key.read);
        let gone = evaluations.hold(&tenants(&["b"])).expect("made");
        assert_eq!(gone, std::slice::from_ref(&a));
        assert!(evaluations.key(&a).is_none());
        evaluations.hold(&both).expect("made");
        let second = evaluations.key(&a).expect("held");
        assert_ne!(first.expose(), second.expose());
    }
}

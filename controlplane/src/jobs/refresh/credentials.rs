//! Providers' credentials: read as a whole when any changed, told to the proxies as they are sealed. Who has its own can be
//! served by whom nobody else can.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floopy_shared::domain::{
    credential::{CredentialId, Sealed},
    ids::TenantId,
    snapshot::Tenant,
};

use super::Refresh;
use crate::{
    index::build,
    learn::rank::Candidate,
    store::{StoreError, credentials},
};

/// What is known of credentials.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// `None`: not read yet.
    held: Option<BTreeMap<CredentialId, Arc<Sealed>>>,
    /// Providers that everybody has a credential for.
    everybodys: BTreeSet<String>,
    /// Providers of tenants' own.
    own: BTreeMap<TenantId, BTreeSet<String>>,
}

impl Credentials {
    /// These providers, and those that everybody has a credential for.
    pub(super) fn everybodys(&self, providers: &BTreeSet<String>) -> BTreeSet<String> {
        providers.union(&self.everybodys).cloned().collect()
    }

    /// Takes what was read. Says whose candidates it changed; `None`: everybody's.
    fn take(&mut self, read: Vec<Sealed>) -> Option<BTreeSet<TenantId>> {
        let mut next = Self::default();
        for sealed in &read {
            let provider = sealed.id.provider().to_owned();
            match sealed.id.tenant() {
                None => next.everybodys.insert(provider),
                Some(tenant) => next.own.entry(tenant.clone()).or_default().insert(provider),
            };
        }
        let all_change = next.everybodys != self.everybodys;
        let tenants = next.own.keys().chain(self.own.keys());
        let changed = tenants.filter(|tenant| next.own.get(tenant) != self.own.get(tenant));
        let changed = changed.cloned().collect();
        let mut held = self.held.take().unwrap_or_default();
        let shared = |sealed: Sealed| {
            let same = held.remove(&sealed.id).filter(|held| **held == sealed);
            (sealed.id.clone(), same.unwrap_or_else(|| Arc::new(sealed)))
        };
        next.held = Some(read.into_iter().map(shared).collect());
        *self = next;
        (!all_change).then_some(changed)
    }
}

impl Refresh {
    /// Reads them if any changed. Says whose candidates that changes.
    pub(super) async fn read_credentials(&mut self) -> Result<BTreeSet<TenantId>, StoreError> {
        // Taken before they are read: what changes meanwhile is marked again.
        let is_changed = self.parts.dirty.take_credentials();
        if !is_changed && self.credentials.held.is_some() {
            return Ok(BTreeSet::new());
        }
        let read = match credentials::all_sealed(&self.parts.store).await {
            Ok(read) => read,
            Err(error) => {
                self.parts.dirty.mark_credentials();
                return Err(error);
            }
        };
        self.pending = true;
        let all = || self.tenants.keys().cloned().collect();
        Ok(self.credentials.take(read).unwrap_or_else(all))
    }

    /// Those of everybody and of tenants that exist.
    pub(super) fn known_credentials(&self) -> impl Iterator<Item = &Arc<Sealed>> {
        let held = self.credentials.held.iter().flat_map(BTreeMap::values);
        let is_known = |tenant| self.tenants.contains_key(tenant);
        held.filter(move |sealed| sealed.id.tenant().is_none_or(is_known))
    }

    /// The candidates of a tenant with models or credentials of its own.
    pub(super) fn own_candidates(
        &self,
        tenant: &Tenant,
        everybodys: &BTreeSet<String>,
    ) -> Option<Vec<Candidate>> {
        let own = self.credentials.own.get(&tenant.id);
        if tenant.models.is_empty() && own.is_none() {
            return None;
        }
        let catalog = self.terms.models.catalog.with_own(&tenant.models).ok()?;
        let providers = own.map(|own| everybodys.union(own).cloned().collect());
        let providers = providers.as_ref().unwrap_or(everybodys);
        Some(build::candidates(&catalog, providers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &str, revision: u64) -> Sealed {
        Sealed {
            id: CredentialId::parse(text).expect("valid"),
            revision,
            bytes: Vec::new().into(),
        }
    }

    #[test]
    fn only_whose_providers_changed_are_ranked_anew() {
        let tenants = |ids: &[&str]| {
            let ids = ids.iter().map(|id| TenantId::new(id).expect("valid"));
            Some(ids.collect::<BTreeSet<_>>())
        };
        let mut credentials = Credentials::default();
        let first = vec![sealed("openai/a", 1), sealed("openai/b", 1)];
        assert_eq!(credentials.take(first), tenants(&["a", "b"]));
        let rotated = vec![sealed("openai/a", 2), sealed("openai/b", 1)];
        let kept = |of: &Credentials| {
            let held = of.held.as_ref().expect("read");
            Arc::clone(&held[&sealed("openai/b", 1).id])
        };
        let before = kept(&credentials);
        assert_eq!(credentials.take(rotated), tenants(&[]));
        assert!(Arc::ptr_eq(&before, &kept(&credentials)));
        assert_eq!(
            credentials.take(vec![sealed("openai/b", 1)]),
            tenants(&["a"])
        );
        let everybodys = vec![sealed("groq", 1), sealed("openai/b", 1)];
        assert_eq!(credentials.take(everybodys), None);
        let reached = credentials.everybodys(&["openai".to_owned()].into());
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), ["groq", "openai"]);
    }
}

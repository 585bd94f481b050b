//! Whom each tenant may ask, and under which credentials: its own, else everybody's of the store, else those that are
//! configured here. A tenant's own that cannot be opened closes its provider to that tenant.
//!
//! Credentials come sealed with the snapshot and are opened into memory when it is taken in.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use floopy_shared::domain::{
    credential::{CannotOpen, Credential, CredentialId, KeyRing, Sealed, open},
    ids::TenantId,
    known::KnownMap,
    snapshot::{Snapshot, TableName},
};

use crate::{
    config,
    provider::{Provider, Providers},
    upstream::breaker::{Breakers, Census},
};

/// Opens credentials.
#[derive(Debug)]
pub(crate) struct Opener {
    keys: KeyRing,
    configured: Vec<config::Provider>,
    /// Those of them that can be asked.
    usable: Arc<Providers>,
    breaker: config::Breaker,
}

/// What a snapshot's credentials open.
#[derive(Debug, Default)]
pub(crate) struct Access {
    everybodys: Arc<Providers>,
    /// Of tenants with credentials of their own.
    own: KnownMap<TenantId, Arc<Providers>>,
    opened: BTreeMap<CredentialId, Opened>,
}

#[derive(Debug, Clone)]
struct Opened {
    sealed: Arc<Sealed>,
    /// `None`: it cannot be opened, or not be used.
    provider: Option<Arc<Provider>>,
}

/// What one tenant's credentials open and close.
#[derive(Debug, Default)]
struct Own {
    opened: Vec<Arc<Provider>>,
    closed: BTreeSet<String>,
}

impl Opener {
    pub(crate) fn new(keys: KeyRing, config: &config::Config, usable: Providers) -> Self {
        Self {
            keys,
            configured: config.providers.clone(),
            usable: Arc::new(usable),
            breaker: config.breaker.clone(),
        }
    }

    /// The same keys, with other providers.
    pub(crate) fn with(&self, configured: &[config::Provider], usable: Providers) -> Self {
        Self {
            keys: self.keys.clone(),
            configured: configured.to_vec(),
            usable: Arc::new(usable),
            breaker: self.breaker.clone(),
        }
    }

    /// The providers that are configured here.
    pub(crate) fn configured(&self) -> &Providers {
        &self.usable
    }

    /// Why a credential cannot be used, if it cannot.
    pub(crate) fn check(&self, sealed: &Sealed) -> Result<(), String> {
        self.open(sealed).map(drop)
    }

    /// What is sealed for something else than a provider.
    pub(crate) fn open_secret(&self, sealed: &Sealed) -> Result<Credential, CannotOpen> {
        open(&self.keys, sealed)
    }

    /// What there is without credentials of the store.
    pub(crate) fn configured_only(&self) -> Arc<Access> {
        Arc::new(Access {
            everybodys: Arc::clone(&self.usable),
            ..Access::default()
        })
    }

    /// What the credentials of a snapshot open. What did not change since `before` stays as it is, with all that is
    /// known of its provider.
    pub(crate) fn access(&self, snapshot: &Snapshot, before: &Arc<Access>) -> Arc<Access> {
        let is_held = |sealed: &Arc<Sealed>| before.held(sealed).is_some();
        if snapshot.credentials().count() == before.opened.len()
            && snapshot.credentials().all(is_held)
        {
            return Arc::clone(before);
        }
        let mut opened = BTreeMap::new();
        for sealed in snapshot.credentials() {
            let held = before.held(sealed).cloned();
            let found = held.unwrap_or_else(|| self.opened(sealed));
            opened.insert(sealed.id.clone(), found);
        }
        let (mut everybodys, mut own) = (Vec::new(), HashMap::<TenantId, Own>::new());
        for (id, found) in &opened {
            let provider = found.provider.clone();
            let Some(tenant) = id.tenant() else {
                everybodys.extend(provider);
                continue;
            };
            let own = own.entry(tenant.clone()).or_default();
            match provider {
                Some(provider) => own.opened.push(provider),
                None => drop(own.closed.insert(id.provider().to_owned())),
            }
        }
        let everybodys = Arc::new(self.usable.with(everybodys));
        let of = |own: Own| Arc::new(everybodys.without(&own.closed).with(own.opened));
        let own = own.into_iter().map(|(tenant, own)| (tenant, of(own)));
        Arc::new(Access {
            own: own.collect(),
            everybodys,
            opened,
        })
    }

    fn opened(&self, sealed: &Arc<Sealed>) -> Opened {
        let provider = self.open(sealed).map(Arc::new);
        if let Err(reason) = &provider {
            tracing::warn!(reason, "a credential is not used");
        }
        Opened {
            provider: provider.ok(),
            sealed: Arc::clone(sealed),
        }
    }

    fn open(&self, sealed: &Sealed) -> Result<Provider, String> {
        let id = &sealed.id;
        let refused = |why: String| {
            let whose = id.tenant().map_or_else(
                || "everybody's credential".to_owned(),
                |tenant| format!("the credential of tenant {tenant}"),
            );
            format!(
                "{whose} for provider {} cannot be used: {why}",
                id.provider()
            )
        };
        let credential = open(&self.keys, sealed).map_err(|e| refused(e.to_string()))?;
        let configured = self.configured.iter().find(|p| p.name == id.provider());
        let named = || config::Provider::named(id.provider());
        let place = configured.cloned().unwrap_or_else(named);
        let breakers = Arc::new(Breakers::new(&self.breaker));
        Provider::stored(place, &credential, breakers).map_err(refused)
    }
}

impl Access {
    /// What this very credential opened before.
    fn held(&self, sealed: &Sealed) -> Option<&Opened> {
        let held = self.opened.get(&sealed.id)?;
        (*held.sealed == *sealed).then_some(held)
    }

    /// Whether a table is a credential that cannot be used.
    pub(crate) fn is_closed(&self, table: &TableName) -> bool {
        match table {
            TableName::Credential(id) => self
                .opened
                .get(id)
                .is_some_and(|found| found.provider.is_none()),
            TableName::Catalog
            | TableName::Tenant(_)
            | TableName::Ranking(_)
            | TableName::Prompts(_) => false,
        }
    }

    /// The providers that a tenant may ask.
    pub(crate) fn of(&self, tenant: &TenantId) -> &Arc<Providers> {
        if self.own.is_empty() {
            return &self.everybodys;
        }
        self.own.get(tenant).unwrap_or(&self.everybodys)
    }

    /// How the candidates are that are asked under credentials of the store.
    pub(crate) fn census(&self) -> Census {
        let own = self
            .opened
            .values()
            .filter_map(|found| found.provider.as_ref()?.breakers());
        own.map(|breakers| breakers.census()).sum()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use floopy_shared::domain::{
        credential::{Hidden, seal},
        snapshot::{TableBody, TableUpdate, Update},
    };
    use http::Request;

    use super::*;
    use crate::{
        network::Guard,
        upstream::{Client, Resolver},
    };

    fn keys(n: u8) -> KeyRing {
        KeyRing::read(&hex::encode([n; 32])).expect("a key")
    }

    fn opener() -> Opener {
        let local = config::Provider {
            base_url: Some("http://h.test/v1".into()),
            api_key: Some(floopy_shared::process::config::Secret::new("sk-configured")),
            ..config::Provider::named("local")
        };
        let config = config::Config {
            providers: vec![local],
            ..config::Config::default()
        };
        let usable = Providers::new(&config.providers).expect("valid");
        Opener::new(keys(1), &config, usable)
    }

    fn sealed(keys: &KeyRing, id: &str, key: &str) -> Arc<Sealed> {
        let id = CredentialId::parse(id).expect("valid");
        let credential = Credential {
            api_key: Some(Hidden::new(key.to_owned())),
            ..Credential::default()
        };
        let newest = keys.newest().expect("a key");
        Arc::new(seal(newest, (&id, 1), &credential, [key.as_bytes()[3]; 24]).expect("sealed"))
    }

    fn snapshot(credentials: &[Arc<Sealed>]) -> Snapshot {
        let table = |sealed: &Arc<Sealed>| TableUpdate {
            name: TableName::Credential(sealed.id.clone()).to_string(),
            version: 1,
            body: Ok(TableBody::Credential(Arc::clone(sealed))),
        };
        let update = Update {
            version: 1,
            tables: credentials.iter().map(table).collect(),
            removed: Vec::new(),
        };
        let (snapshot, refused) = Snapshot::default().apply(update);
        assert_eq!(refused, []);
        snapshot
    }

    /// What a tenant's calls are sent with; `None`: it has no such provider.
    async fn shown(access: &Access, tenant: &str, provider: &str) -> Option<String> {
        let tenant = TenantId::new(tenant).expect("valid");
        let provider = access.of(&tenant).get(provider)?;
        let mut request = Request::new(Bytes::new());
        let client = Client::new(
            &config::Timeouts::default(),
            1,
            (Guard::default(), Resolver::system()),
        );
        let applied = provider.credentials.apply(&mut request, (&client, 0));
        applied.await.expect("applied");
        let header = request.headers().get("authorization");
        header.map(|value| value.to_str().expect("ascii").to_owned())
    }

    #[tokio::test]
    async fn a_tenants_own_comes_before_everybodys_and_that_before_the_configured_one() {
        let (opener, keys) = (opener(), keys(1));
        let none = opener.access(&snapshot(&[]), &opener.configured_only());
        let found = shown(&none, "a", "local").await;
        assert_eq!(found.as_deref(), Some("Bearer sk-configured"));
        assert_eq!(shown(&none, "a", "groq").await, None);
        let all = [
            sealed(&keys, "local", "sk-everybodys"),
            sealed(&keys, "local/a", "sk-own-of-a"),
            sealed(&keys, "groq/a", "sk-groq-of-a"),
        ];
        let access = opener.access(&snapshot(&all), &none);
        for (tenant, provider, expected) in [
            ("a", "local", Some("Bearer sk-own-of-a")),
            ("a", "groq", Some("Bearer sk-groq-of-a")),
            ("b", "local", Some("Bearer sk-everybodys")),
            ("b", "groq", None),
        ] {
            let found = shown(&access, tenant, provider).await;
            assert_eq!(found.as_deref(), expected, "{tenant} {provider}");
        }
        assert!(!format!("{access:?} {opener:?}").contains("sk-"));
    }

    #[tokio::test]
    async fn a_tenants_own_that_cannot_be_opened_closes_its_provider_to_that_tenant_alone() {
        let (opener, keys) = (opener(), keys(1));
        let all = [
            sealed(&keys, "local", "sk-everybodys"),
            sealed(&self::keys(2), "local/a", "sk-own-of-a"),
            sealed(&keys, "groq/a", "sk-groq-of-a"),
        ];
        let access = opener.access(&snapshot(&all), &opener.configured_only());
        for (tenant, provider, expected) in [
            ("a", "local", None),
            ("a", "groq", Some("Bearer sk-groq-of-a")),
            ("b", "local", Some("Bearer sk-everybodys")),
        ] {
            let found = shown(&access, tenant, provider).await;
            assert_eq!(found.as_deref(), expected, "{tenant} {provider}");
        }
        // Set anew with a key that is known, it opens.
        let again = [all[0].clone(), sealed(&keys, "local/a", "sk-own-of-a")];
        let access = opener.access(&snapshot(&again), &access);
        let found = shown(&access, "a", "local").await;
        assert_eq!(found.as_deref(), Some("Bearer sk-own-of-a"));
    }

    #[test]
    fn what_did_not_change_keeps_what_is_known_of_it() {
        let (opener, keys) = (opener(), keys(1));
        let (a, b) = (
            sealed(&keys, "local/a", "sk-own-a"),
            sealed(&keys, "local/b", "sk-own-b"),
        );
        let provider = |access: &Access, tenant: &str| {
            let tenant = TenantId::new(tenant).expect("valid");
            Arc::clone(access.of(&tenant).get("local").expect("there"))
        };
        let first = opener.access(&snapshot(&[a, b.clone()]), &opener.configured_only());
        let rotated = sealed(&keys, "local/a", "sk-xwn-a");
        let second = opener.access(&snapshot(&[rotated, b]), &first);
        assert!(Arc::ptr_eq(&provider(&first, "b"), &provider(&second, "b")));
        assert!(!Arc::ptr_eq(
            &provider(&first, "a"),
            &provider(&second, "a")
        ));
    }

    #[test]
    fn a_credential_that_cannot_be_used_is_refused_by_tenant_and_provider() {
        let opener = opener();
        let of = |keys: u8, id: &str| {
            let sealed = sealed(&self::keys(keys), id, "sk-marker");
            opener.check(&sealed).expect_err(id)
        };
        let unknown = of(2, "local/a");
        let expected =
            "the credential of tenant a for provider local cannot be used: it is sealed with key";
        assert!(unknown.starts_with(expected), "{unknown}");
        let nowhere = of(1, "elsewhere");
        let expected =
            "everybody's credential for provider elsewhere cannot be used: it has no base_url";
        assert!(nowhere.starts_with(expected), "{nowhere}");
        let bare = of(1, "azure/a");
        assert!(bare.contains("has no base_url"), "{bare}");
        assert!(!format!("{unknown}{nowhere}{bare}").contains("marker"));
    }
}

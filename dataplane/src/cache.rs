//! Replies that are given again: whole ones and streams, each to the request that it answered, within one tenant.
//!
//! `wish` says whether a call asks the cache, `key` what names its request, `store` holds the replies, `shared` those that
//! other proxies brought, `flights` has identical calls wait for the first of them. Who may be given what is checked anew at
//! every hit.

mod canonical;
mod entry;
mod fill;
mod flights;
mod keeper;
mod key;
mod look;
mod shared;
mod store;
mod wish;
mod written;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    cache::{CacheKey, Caching},
    ids::{RequestId, TenantId},
};
use tokio::time::timeout;

pub(crate) use self::{
    entry::{Entry, Standing},
    fill::{Fill, Given},
    keeper::Keeper,
    key::{Asked, Form},
    look::Stored,
    shared::{Shared, SharedKeeper},
    store::Census,
    wish::{Wish, wish},
};
use self::{
    flights::{Flights, Lead, Turn},
    store::Store,
};
use crate::config;

/// The replies of one proxy, and those that it shares with others.
#[derive(Debug)]
pub(crate) struct Cache {
    config: config::Cache,
    store: Store,
    shared: Option<Arc<Shared>>,
    flights: Arc<Flights>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub tenant: &'a TenantId,
    pub key: CacheKey,
    /// The name of the rule that decides, if one does.
    pub rule: Option<&'a str>,
    pub wish: &'a Wish,
    pub caching: &'a Caching,
    pub request: RequestId,
    pub now_ms: u64,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    Hit(Arc<Entry>),
    /// Nothing. Others may wait for this call.
    Miss(Option<Leading>),
}

/// While it lives, identical calls wait for what this one stores.
#[derive(Debug)]
pub(crate) struct Leading {
    _lead: Lead,
}

impl Cache {
    pub(crate) fn new(config: config::Cache, shared: Option<Arc<Shared>>) -> Self {
        Self {
            store: Store::new(config.max_bytes),
            shared,
            flights: Arc::default(),
            config,
        }
    }

    /// What proxies share, if they do.
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    /// Whether it holds anything at all.
    pub(crate) fn is_on(&self) -> bool {
        self.config.max_bytes > 0
    }

    /// Takes away what is of no tenant that may keep something.
    fn keep_only(&self, may_keep: impl Fn(&TenantId) -> bool) {
        self.store.keep_only(may_keep);
    }

    pub(crate) fn census(&self) -> Census {
        self.store.census()
    }

    /// A reply that may be given. Where an identical call is under way, it is waited for; how long comes with what was
    /// found.
    pub(crate) async fn find(
        &self,
        looked: &Looked<'_>,
        fits: impl Fn(&Entry) -> bool,
    ) -> (Found, Duration) {
        let at_once = |found| (found, Duration::ZERO);
        if !looked.wish.reads {
            return at_once(Found::Miss(None));
        }
        if let Some(entry) = self.get(looked, &fits) {
            return at_once(Found::Hit(entry));
        }
        // Who wants several replies to one request wants another one.
        if looked.wish.bucket > 1 {
            return at_once(Found::Miss(None));
        }
        if !looked.wish.writes || self.config.wait_ms == 0 {
            let shared = self.fetch(looked, &fits).await;
            return at_once(shared.map_or(Found::Miss(None), Found::Hit));
        }
        let begun = Instant::now();
        let (lead, waits) = match self.flights.join(looked.key, self.config.waiting) {
            Turn::Lead(lead) => (Some(Leading { _lead: lead }), false),
            Turn::Wait(mut over) => {
                let patience = Duration::from_millis(self.config.wait_ms);
                // That the other call is over is told by an error; what came of it is in the store or nowhere.
                let _ = timeout(patience, over.changed()).await;
                (None, true)
            }
            Turn::Alone => (None, false),
        };
        let waited = begun.elapsed();
        // Whoever led before may have stored its reply since.
        let found = match self.get(looked, &fits) {
            Some(entry) => Some(entry),
            // It was looked for by whoever was waited for.
            None if waits => None,
            None => self.fetch(looked, &fits).await,
        };
        (found.map_or(Found::Miss(lead), Found::Hit), waited)
    }

    /// A reply that another proxy shared, which from now on is here, too.
    async fn fetch(
        &self,
        looked: &Looked<'_>,
        fits: &impl Fn(&Entry) -> bool,
    ) -> Option<Arc<Entry>> {
        let shared = self.shared.as_ref()?;
        let entry = shared.get(looked, self.config.max_entry_bytes).await?;
        if standing(looked, fits, &entry) != Standing::Good {
            return None;
        }
        let entry = Arc::new(entry);
        self.store.put(looked.tenant, 1, Arc::clone(&entry));
        shared.given();
        Some(entry)
    }

    fn get(&self, looked: &Looked<'_>, fits: &impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let whose = (looked.tenant, &looked.key);
        let which = (looked.wish.bucket, looked.request);
        self.store
            .get(whose, which, |entry| standing(looked, fits, entry))
    }

    /// Stores what a call brought. One of several replies to a request stays here: which of them a call gets is drawn from
    /// those of its proxy.
    fn put(&self, (tenant, flushed): (&TenantId, u64), bucket: usize, entry: Entry) {
        let entry = Arc::new(entry);
        if let Some(shared) = self.shared.as_ref().filter(|_| bucket == 1) {
            shared.offer(tenant, flushed, &entry);
        }
        self.store.put(tenant, bucket, entry);
    }

    /// Longest reply that is stored.
    fn max_entry_bytes(&self) -> usize {
        self.config.max_entry_bytes
    }
}

/// Whether a reply may be given to who looks for one.
fn standing(looked: &Looked<'_>, fits: &impl Fn(&Entry) -> bool, entry: &Entry) -> Standing {
    let Looked { wish, now_ms, .. } = *looked;
    let is_young = wish.max_age_ms.is_none_or(|max| entry.age_ms(now_ms) < max);
    if entry.is_gone(looked.caching, now_ms) {
        Standing::Gone
    } else if is_young && fits(entry) {
        Standing::Good
    } else {
        Standing::Unfit
    }
}

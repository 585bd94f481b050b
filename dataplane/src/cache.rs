//! Replies that are given again: whole ones and streams, each to the request that it answered, within one tenant.
//!
//! `wish` says whether a call asks the cache, `key` what names its request, `store` holds the replies, `flights` has
//! identical calls wait for the first of them. Who may be given what is checked anew at every hit.

mod canonical;
mod entry;
mod fill;
mod flights;
mod keeper;
mod key;
mod store;
mod wish;

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
    store::Census,
    wish::{Wish, wish},
};
use self::{
    flights::{Flights, Lead, Turn},
    store::Store,
};
use crate::config;

/// The replies of one proxy.
#[derive(Debug)]
pub(crate) struct Cache {
    config: config::Cache,
    store: Store,
    flights: Arc<Flights>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub tenant: &'a TenantId,
    pub key: CacheKey,
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
    pub(crate) fn new(config: config::Cache) -> Self {
        Self {
            store: Store::new(config.max_bytes),
            flights: Arc::default(),
            config,
        }
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
        if looked.wish.bucket > 1 || !looked.wish.writes || self.config.wait_ms == 0 {
            return at_once(Found::Miss(None));
        }
        let begun = Instant::now();
        let lead = match self.flights.join(looked.key, self.config.waiting) {
            Turn::Lead(lead) => Some(Leading { _lead: lead }),
            Turn::Wait(mut over) => {
                let patience = Duration::from_millis(self.config.wait_ms);
                // That the other call is over is told by an error; what came of it is in the store or nowhere.
                let _ = timeout(patience, over.changed()).await;
                None
            }
            Turn::Alone => None,
        };
        // Whoever led before may have stored its reply since.
        let found = match self.get(looked, &fits) {
            Some(entry) => Found::Hit(entry),
            None => Found::Miss(lead),
        };
        (found, begun.elapsed())
    }

    fn get(&self, looked: &Looked<'_>, fits: &impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let Looked { wish, now_ms, .. } = *looked;
        let is_young = |entry: &Entry| wish.max_age_ms.is_none_or(|max| entry.age_ms(now_ms) < max);
        let standing = |entry: &Entry| {
            if entry.is_gone(looked.caching, now_ms) {
                Standing::Gone
            } else if is_young(entry) && fits(entry) {
                Standing::Good
            } else {
                Standing::Unfit
            }
        };
        let whose = (looked.tenant, &looked.key);
        self.store
            .get(whose, (wish.bucket, looked.request), standing)
    }

    /// Stores what a call brought.
    fn put(&self, tenant: &TenantId, bucket: usize, entry: Entry) {
        self.store.put(tenant, bucket, entry);
    }

    /// Longest reply that is stored.
    fn max_entry_bytes(&self) -> usize {
        self.config.max_entry_bytes
    }
}

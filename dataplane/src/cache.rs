//! Replies that are given again: whole ones and streams, each to the request that it answered, within one tenant.
//!
//! `wish` says whether a call asks the cache, `key` what names its request, `store` holds the replies, `shared` those that
//! other proxies brought, `flights` has identical calls wait for the first of them. Who may be given what is checked anew at
//! every hit.
//!
//! Where a tenant has it so, the same question in other words gets a reply as well: `meaning` is what a call asks, `index`
//! finds who asked that before, and `questions` who asked it at another proxy.

mod answer;
mod canonical;
mod entry;
mod fill;
mod flights;
mod index;
mod keeper;
mod key;
mod look;
mod meaning;
mod questions;
mod shared;
mod store;
mod sweep;
mod wish;
mod written;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{
    cache::{CacheKey, Caching, Similar},
    ids::{RequestId, TenantId},
};
use tokio::time::timeout;

pub(crate) use self::{
    entry::{Entry, Standing},
    fill::{Fill, Given},
    keeper::Keeper,
    key::{Asked, Form},
    look::{Neighbour, Stored},
    meaning::Meaning,
    questions::{Questions, QuestionsKeeper},
    shared::{Shared, SharedKeeper},
    store::Census,
    wish::{Wish, wish},
};
use self::{
    flights::{Flights, Lead, Turn},
    index::Index,
    store::Store,
};
use crate::config;

/// The replies of one proxy, and those that it shares with others.
#[derive(Debug)]
pub(crate) struct Cache {
    config: config::Cache,
    store: Store,
    shared: Option<Arc<Shared>>,
    questions: Option<Arc<Questions>>,
    index: Index,
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
    pub(crate) fn new(
        config: config::Cache,
        shared: Option<Arc<Shared>>,
        questions: Option<Arc<Questions>>,
    ) -> Self {
        Self {
            store: Store::new(config.max_bytes),
            shared,
            questions,
            index: Index::new(config.semantic_bytes),
            flights: Arc::default(),
            config,
        }
    }

    /// What proxies share, if they do.
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref()
    }

    /// The questions that proxies share, if they do.
    pub(crate) fn questions(&self) -> Option<&Arc<Questions>> {
        self.questions.as_ref()
    }

    /// Whether it holds anything at all.
    pub(crate) fn is_on(&self) -> bool {
        self.config.max_bytes > 0
    }

    /// Takes away what is of no tenant that may keep something.
    fn keep_only(&self, may_keep: impl Fn(&TenantId) -> bool) {
        self.store.keep_only(&may_keep);
        self.index.keep_only(may_keep);
    }

    /// Forgets what was asked where the reply to it was flushed.
    fn forget_flushed(&self, tenant: &TenantId, caching: &Caching, now_ms: u64) {
        let is_gone = |entry: &Entry| entry.is_gone(caching, now_ms);
        self.index
            .retain(tenant, |key| self.store.has((tenant, key), is_gone));
    }

    pub(crate) fn census(&self) -> Census {
        let (semantic_bytes, semantic_entries) = self.index.census();
        Census {
            semantic_bytes,
            semantic_entries,
            ..self.store.census()
        }
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

    /// Whether questions in other words are looked for.
    pub(crate) fn is_semantic(&self) -> bool {
        self.index.is_on() || self.questions.is_some()
    }

    /// The reply to the same question in other words, if it may be given: one's own, or one that another proxy shared.
    pub(crate) async fn find_similar(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        fits: impl Fn(&Entry) -> bool,
    ) -> Option<(Arc<Entry>, Similar)> {
        if !looked.wish.reads {
            return None;
        }
        match self.find_own_similar(looked, meaning, &fits) {
            Some(found) => Some(found),
            None => self.fetch_similar(looked, meaning, &fits).await,
        }
    }

    fn find_own_similar(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        fits: &impl Fn(&Entry) -> bool,
    ) -> Option<(Arc<Entry>, Similar)> {
        let least = looked.wish.semantic.least_similarity();
        let similar = self.index.find(looked.tenant, meaning, least);
        similar.into_iter().find_map(|similar| {
            let key = similar.matched;
            let found = self.get(&Looked { key, ..*looked }, fits);
            let is_gone = |entry: &Entry| entry.is_gone(looked.caching, looked.now_ms);
            if found.is_none() && !self.store.has((looked.tenant, &key), is_gone) {
                self.index.forget(looked.tenant, meaning, &key);
            }
            found.map(|entry| (entry, similar))
        })
    }

    /// What another proxy shared, which from now on is here, too.
    async fn fetch_similar(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        fits: &impl Fn(&Entry) -> bool,
    ) -> Option<(Arc<Entry>, Similar)> {
        let questions = self.questions.as_ref()?;
        let max_bytes = self.config.max_entry_bytes;
        let known = questions.find(looked, meaning, max_bytes).await?;
        if standing(looked, fits, &known.entry) != Standing::Good {
            return None;
        }
        let entry = Arc::new(known.entry);
        self.store.put(looked.tenant, 1, Arc::clone(&entry));
        self.index.add(looked.tenant, &known.meaning, entry.key);
        questions.given();
        Some((entry, known.similar))
    }

    /// Has what a call brought be found by what it asked.
    fn put_asked(&self, whose: (&TenantId, u64), meaning: &Meaning, entry: &Arc<Entry>) {
        self.index.add(whose.0, meaning, entry.key);
        if let Some(questions) = &self.questions {
            questions.offer(whose, meaning, entry);
        }
    }

    fn get(&self, looked: &Looked<'_>, fits: &impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let whose = (looked.tenant, &looked.key);
        let which = (looked.wish.bucket, looked.request);
        self.store
            .get(whose, which, |entry| standing(looked, fits, entry))
    }

    /// Stores what a call brought. One of several replies to a request stays here: which of them a call gets is drawn from
    /// those of its proxy.
    fn put(&self, (tenant, flushed): (&TenantId, u64), bucket: usize, entry: &Arc<Entry>) {
        if let Some(shared) = self.shared.as_ref().filter(|_| bucket == 1) {
            shared.offer(tenant, flushed, entry);
        }
        self.store.put(tenant, bucket, Arc::clone(entry));
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

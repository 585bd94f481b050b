//! A reply on its way into the cache: what passes to the caller is written down beside it, and nothing waits for that.

use std::sync::Arc;

use floopy_semantic::answers::agree;
use floopy_shared::domain::{
    cache::{CacheKey, Comparison, Similar},
    ids::{CandidateKey, TenantId},
    money::Usage,
};
use http::{HeaderMap, StatusCode};

use super::{
    Cache, Leading, Looked, Meaning, answer,
    entry::{Entry, kept},
};
use crate::{state::Known, upstream::Facts};

/// What is to be stored if it comes to an end that may be.
pub(crate) struct Fill {
    tenant: TenantId,
    key: CacheKey,
    rule: Option<String>,
    generation: u64,
    /// The last flush of everything, when its call was decided on.
    flushed: u64,
    ttl_ms: u64,
    bucket: usize,
    with_tools: bool,
    /// What the call was decided on.
    snapshot: Arc<Known>,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    max_bytes: usize,
    /// It is longer than what is stored.
    is_too_long: bool,
    /// What was asked, where the same in other words may get the reply as well.
    meaning: Option<Meaning>,
    /// The reply to the same question in other words, which is to be compared with this one.
    compared: Option<(Arc<Entry>, Similar)>,
    /// Ends with the call, stored or not.
    leading: Option<Leading>,
}

/// Who gave a reply, and what it cost.
pub(crate) struct Given<'a> {
    pub model: &'a CandidateKey,
    pub usage: Usage,
    pub cost_micro_usd: Option<u64>,
    pub now_ms: u64,
}

impl Fill {
    pub(crate) fn new(
        cache: &Cache,
        looked: &Looked<'_>,
        snapshot: &Arc<Known>,
        leading: Option<Leading>,
    ) -> Self {
        let caching = looked.caching;
        Self {
            tenant: looked.tenant.clone(),
            key: looked.key,
            rule: looked.rule.map(str::to_owned),
            generation: caching.generation,
            flushed: caching.flushed,
            ttl_ms: looked.wish.max_age_ms.unwrap_or(caching.ttl_ms()),
            bucket: looked.wish.bucket,
            with_tools: looked.wish.tools,
            snapshot: Arc::clone(snapshot),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Vec::new(),
            max_bytes: cache.max_entry_bytes(),
            is_too_long: false,
            meaning: None,
            compared: None,
            leading,
        }
    }

    /// With what was asked, and the reply to the same in other words that is to be compared with this one.
    pub(crate) fn meaning(
        mut self,
        meaning: Option<Meaning>,
        compared: Option<(Arc<Entry>, Similar)>,
    ) -> Self {
        (self.meaning, self.compared) = (meaning, compared);
        self
    }

    /// Whether the reply to the same question in other words says the same as this one, and what it was the reply to.
    pub(crate) fn comparison(&self, facts: &Facts) -> Option<Comparison> {
        let (entry, similar) = self.compared.as_ref()?;
        let is_answer = self.status == StatusCode::OK && !facts.failed && !facts.refused;
        let texts =
            is_answer.then(|| Some((answer::text(&entry.body)?, answer::text(&self.body)?)));
        let agrees = texts
            .flatten()
            .map(|(stored, fresh)| agree(&stored, &fresh));
        Some(Comparison {
            similar: *similar,
            agrees,
        })
    }

    /// How the reply begins.
    pub(crate) fn begin(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = status;
        self.headers = kept(headers);
    }

    /// More of its body.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.body.len() + bytes.len() > self.max_bytes;
        if self.is_too_long {
            self.body = Vec::new();
            // Nobody need wait for what will not be there.
            self.leading = None;
        } else {
            self.body.extend_from_slice(bytes);
        }
    }

    /// The reply is whole. Stores it, unless giving it again could be wrong; whether it did.
    pub(crate) fn finish(self, cache: &Cache, facts: &Facts, given: Given<'_>) -> bool {
        let may_be_told_again = self.status == StatusCode::OK
            && !facts.failed
            && !facts.refused
            && (self.with_tools || !facts.calls_tools);
        if self.is_too_long || !may_be_told_again {
            return false;
        }
        let catalog = self.snapshot.catalog_of(&self.tenant);
        let entry = Entry {
            key: self.key,
            model: given.model.clone(),
            rule: self.rule,
            is_listed: catalog.get(given.model).is_some(),
            made_at_ms: given.now_ms,
            ttl_ms: self.ttl_ms,
            generation: self.generation,
            status: self.status,
            headers: self.headers,
            body: self.body.into(),
            cost_micro_usd: given.cost_micro_usd,
            usage: given.usage,
        };
        let (whose, entry) = ((&self.tenant, self.flushed), Arc::new(entry));
        cache.put(whose, self.bucket, &entry);
        if let Some(meaning) = self.meaning.filter(|_| !facts.calls_tools) {
            cache.put_asked(whose, &meaning, &entry);
        }
        true
    }
}

//! A stored reply: what is sent again, and what decides whether it may be.

use bytes::Bytes;
use floopy_shared::domain::{
    cache::{CacheHit, CacheKey, Caching, Similar, Subject},
    ids::{CandidateKey, RequestId},
    money::Usage,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use xxhash_rust::xxh3::xxh3_64;

/// The caller's fields that a rule let go: whoever gets the reply again must know, too.
static DROPPED: HeaderName = HeaderName::from_static("floopy-dropped-params");

/// What an entry takes beside its body and its headers, roundly.
const OVERHEAD_BYTES: usize = 512;

/// One reply.
#[derive(Debug)]
pub(crate) struct Entry {
    pub key: CacheKey,
    /// Who gave it.
    pub model: CandidateKey,
    /// The name of the rule that decided, if one did.
    pub rule: Option<String>,
    /// The catalog has its model; where it no longer does, the reply is not given.
    pub is_listed: bool,
    pub made_at_ms: u64,
    pub ttl_ms: u64,
    /// Of the tenant's flushes, when its call was decided on.
    pub generation: u64,
    pub status: StatusCode,
    /// Those that belong to the reply and not to the call that brought it.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// `None`: its price was not known.
    pub cost_micro_usd: Option<u64>,
    pub usage: Usage,
}

/// What can be said of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be given.
    Good,
    /// Not to this call.
    Unfit,
    /// Nobody will get it any more.
    Gone,
}

/// Of the headers of a reply, those that are kept with it.
pub(super) fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(2);
    for name in [&CONTENT_TYPE, &DROPPED] {
        if let Some(value) = headers.get(name) {
            kept.insert(name.clone(), value.clone());
        }
    }
    kept
}

impl Entry {
    pub(super) fn weight(&self) -> usize {
        let headers = self.headers.values().map(HeaderValue::len);
        self.body.len() + headers.sum::<usize>() + OVERHEAD_BYTES
    }

    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.made_at_ms)
    }

    /// Whether it is too old for anybody, or was flushed.
    pub(crate) fn is_gone(&self, caching: &Caching, now_ms: u64) -> bool {
        self.age_ms(now_ms) >= self.ttl_ms || caching.is_flushed(self.generation, self.subject())
    }

    /// What a flush must be about to take it away.
    pub(crate) fn subject(&self) -> Subject<'_> {
        (&self.key, &self.model, self.rule.as_deref())
    }

    /// What giving it saves; `similar`: to whom asked in other words.
    pub(crate) fn hit(&self, now_ms: u64, similar: Option<Similar>) -> CacheHit {
        CacheHit {
            age_s: self.age_ms(now_ms) / 1_000,
            saved_micro_usd: self.cost_micro_usd,
            saved_input_tokens: self.usage.input,
            saved_output_tokens: self.usage.output,
            similar,
        }
    }
}

/// Which of so many replies a call gets: any, but always the same for the same call, so that it can be told why.
pub(super) fn pick(request: RequestId, replies: usize) -> usize {
    let drawn = xxh3_64(request.0.as_bytes()) % (replies.max(1) as u64);
    usize::try_from(drawn).unwrap_or(0)
}

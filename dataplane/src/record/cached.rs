//! What a call had to do with the cache: what its caller is told, what its record says, and what is stored of it.

use bytes::Bytes;
use floopy_shared::domain::{
    cache::{CacheKey, CacheUse, Comparison, Similar},
    confidence::ConfidenceReason,
    decision::{Ending, Reason},
    money::{Prices, Usage},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::AGE};

use super::Record;
use crate::{
    cache::{Entry, Fill, Given},
    metrics::CacheLabel,
    upstream::Facts,
};

static STATUS: HeaderName = HeaderName::from_static("floopy-cache-status");
static KEY: HeaderName = HeaderName::from_static("floopy-cache-key");
static MATCHED: HeaderName = HeaderName::from_static("floopy-cache-matched");
static SIMILARITY: HeaderName = HeaderName::from_static("floopy-cache-similarity");
static NOTE: HeaderName = HeaderName::from_static("floopy-cache-note");

/// Nobody charges for what is told again.
const FREE: Prices = Prices {
    input_micro_usd_per_mtok: 0,
    output_micro_usd_per_mtok: 0,
    cached_input_micro_usd_per_mtok: None,
};

/// Why a call that asked for the cache was served without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bypass {
    /// The operator gave the cache no memory.
    Off,
    /// Nothing of the tenant's may be kept.
    ZeroRetention,
    /// The live model is to be measured.
    Evaluation,
    Experiment,
    /// Forwarded untouched.
    Passthrough,
    /// `cache-control: no-store`.
    NoStore,
    /// Several replies are asked for at once.
    Several,
    /// What the provider's own tools find changes.
    ProviderTools,
    /// A Responses call with tools.
    Tools,
    /// The provider is to store the reply.
    Stored,
    /// Nothing that is answered with a reply.
    Endpoint,
    TooLong,
    /// Its body has no canonical form.
    Unreadable,
}

impl Bypass {
    /// As callers are told.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ZeroRetention => "zero_retention",
            Self::Evaluation => "evaluation",
            Self::Experiment => "experiment",
            Self::Passthrough => "passthrough",
            Self::NoStore => "no_store",
            Self::Several => "several",
            Self::ProviderTools => "provider_tools",
            Self::Tools => "tools",
            Self::Stored => "stored",
            Self::Endpoint => "endpoint",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What became of a call that asked for the cache.
pub(crate) struct Course {
    pub came: Came,
    /// It asked for the semantic cache, which its tenant did not switch on: this is the exact one's.
    pub semantic_in_vain: bool,
}

pub(crate) enum Came {
    Bypassed(Bypass),
    /// `None`: the reply is not to be stored, or was.
    Missed(CacheKey, Option<Box<Fill>>),
    Hit(Told),
}

/// What is told of a stored reply that was given.
pub(crate) struct Told {
    /// Of the call.
    pub key: CacheKey,
    pub age_s: u64,
    /// It was the reply to the same question in other words.
    pub similar: Option<Similar>,
}

impl Told {
    fn status(&self) -> &'static str {
        match self.similar {
            None => "exact",
            Some(similar) if similar.advanced => "advanced",
            Some(_) => "semantic",
        }
    }

    fn tier(&self) -> CacheLabel {
        match self.similar {
            None => CacheLabel::Exact,
            Some(similar) if similar.advanced => CacheLabel::Advanced,
            Some(_) => CacheLabel::Semantic,
        }
    }
}

impl Record {
    /// The cache was asked.
    pub(crate) fn cached(&mut self, course: Course) {
        let metrics = &self.gateway.metrics;
        match &course.came {
            Came::Bypassed(_) => metrics.cache.looked(CacheLabel::Bypass),
            Came::Missed(..) => {
                metrics.cache.looked(CacheLabel::Miss);
                self.decision.cache = Some(CacheUse::Miss);
            }
            Came::Hit(told) => metrics.cache.looked(told.tier()),
        }
        self.cache = Some(Box::new(course));
    }

    /// A stored reply answers it; nobody is asked.
    pub(crate) fn hit(&mut self, entry: &Entry, similar: Option<Similar>) {
        let hit = entry.hit(self.gateway.clock.now_ms(), similar);
        let metrics = &self.gateway.metrics;
        metrics.cache.saved(hit.saved_micro_usd.unwrap_or(0));
        let decision = &mut self.decision;
        decision.cache = Some(CacheUse::Hit(hit));
        decision.reason = Reason::CacheHit;
        decision.confidence_reason = ConfidenceReason::CacheHit;
        decision.chosen = Some(entry.model.clone());
        decision.served = Some(entry.model.clone());
        self.prices = Some(FREE);
        self.planned_overhead();
    }

    /// A stored reply would have answered it, and is compared with the one that it gets.
    pub(crate) fn comparing(&mut self, similar: Similar) {
        let agrees = None;
        self.decision.cache = Some(CacheUse::Compared(Comparison { similar, agrees }));
    }

    /// The record of a stored reply, which may go out once this returned. It does not bear the reply's own id: that is
    /// the name of the call which brought it.
    pub(crate) async fn replayed(&mut self, status: u16) {
        self.first_byte = Some(self.began.elapsed());
        if let Some(ticket) = self.close(status, Ending::Completed, None) {
            let is_crowded = self.gateway.doors.is_crowded();
            self.gateway.spool.written(ticket, is_crowded).await;
        }
    }

    /// How a reply begins that may be stored.
    pub(crate) fn keep_head(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(fill) = self.filling() {
            fill.begin(status, headers);
        }
    }

    /// More of its body.
    pub(crate) fn keep(&mut self, bytes: &Bytes) {
        if let Some(fill) = self.filling() {
            fill.add(bytes);
        }
    }

    /// It is not stored.
    pub(crate) fn keep_nothing(&mut self) {
        if let Some(Came::Missed(_, fill)) = self.cache.as_deref_mut().map(|c| &mut c.came) {
            *fill = None;
        }
    }

    fn filling(&mut self) -> Option<&mut Fill> {
        match &mut self.cache.as_deref_mut()?.came {
            Came::Missed(_, fill) => fill.as_deref_mut(),
            Came::Bypassed(_) | Came::Hit(_) => None,
        }
    }

    /// The reply is whole: stores it if it may be. What somebody said who only stepped in is not what was asked for.
    pub(crate) fn fill(&mut self, facts: &Facts) {
        let Some(Came::Missed(_, fill)) = self.cache.as_deref_mut().map(|c| &mut c.came) else {
            return;
        };
        let (Some(fill), Some(model)) = (fill.take(), self.decision.served.as_ref()) else {
            return;
        };
        let now = self.gateway.current.snapshot();
        let may_keep = now
            .tenant(&self.tenant.id)
            .is_some_and(|tenant| !tenant.zero_retention);
        if self.decision.reason == Reason::Fallback || !may_keep {
            return;
        }
        let (usage, _): (Usage, bool) = self.usage(Some(facts));
        let given = Given {
            model,
            usage,
            cost_micro_usd: self.prices.map(|prices| prices.cost_micro_usd(usage)),
            now_ms: self.gateway.clock.now_ms(),
        };
        if let Some(comparison) = fill.comparison(facts) {
            self.gateway.metrics.cache.compared(comparison.agrees);
            self.decision.cache = Some(CacheUse::Compared(comparison));
        }
        if fill.finish(&self.gateway.cache, facts, given) {
            self.gateway.metrics.cache.stored();
        }
    }

    /// What the caller is told of it.
    pub(crate) fn tell_cache(&self, headers: &mut HeaderMap) {
        let Some(course) = &self.cache else {
            headers.insert(STATUS.clone(), HeaderValue::from_static("off"));
            return;
        };
        let (status, key) = match &course.came {
            Came::Bypassed(_) => ("bypass", None),
            Came::Missed(key, _) => ("miss", Some(key)),
            Came::Hit(told) => {
                headers.insert(AGE, HeaderValue::from(told.age_s));
                tell_similar(headers, told);
                (told.status(), Some(&told.key))
            }
        };
        headers.insert(STATUS.clone(), HeaderValue::from_static(status));
        if let Some(key) = key.and_then(|key| HeaderValue::try_from(hex::encode(key)).ok()) {
            headers.insert(KEY.clone(), key);
        }
        let note = match &course.came {
            Came::Bypassed(why) => Some(why.as_str()),
            Came::Missed(..) | Came::Hit(_) if course.semantic_in_vain => Some("semantic_off"),
            Came::Missed(..) | Came::Hit(_) => None,
        };
        if let Some(note) = note {
            headers.insert(NOTE.clone(), HeaderValue::from_static(note));
        }
    }
}

/// Which question it was the reply to, and how near that one is.
fn tell_similar(headers: &mut HeaderMap, told: &Told) {
    let Some(similar) = told.similar else {
        return;
    };
    let similarity = format!("{:.3}", f32::from(similar.similarity) / 1_000.0);
    let told = [
        (&MATCHED, hex::encode(similar.matched)),
        (&SIMILARITY, similarity),
    ];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name.clone(), value);
        }
    }
}

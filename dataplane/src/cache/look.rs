//! What is stored to a request, and why it would be given or not; looking changes nothing.

use std::sync::Arc;

use floopy_semantic::verify::Difference;
use floopy_shared::domain::cache::Similar;

use super::{Cache, Looked, Meaning, entry::Entry, index::Near};

/// How near a question must be to be told of, if it is not near enough.
const LEAST_TOLD: f32 = 0.3;

/// A stored reply.
#[derive(Debug)]
pub(crate) struct Stored {
    pub entry: Arc<Entry>,
    /// Where it was found: here, or with what proxies share.
    pub is_shared: bool,
    /// `None`: it may be given.
    pub unfit: Option<Unfit>,
}

/// A question that is near the one that is asked.
#[derive(Debug)]
pub(crate) struct Neighbour {
    pub similar: Similar,
    /// Another proxy shared it by Qdrant.
    pub is_shared: bool,
    /// `None`: both ask the same.
    pub apart: Option<Apart>,
    /// The reply to it that is given; else one that is not. There may be none any more.
    pub stored: Option<Stored>,
}

/// Why the reply to a question is none to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// Than the threshold says.
    LessSimilar,
    Differs(Difference),
}

/// Why a stored reply is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    Expired,
    Flushed,
    /// Than `max-age` says.
    TooOld,
    /// Its model may not serve the call any more.
    Model,
}

impl Unfit {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Flushed => "flushed",
            Self::TooOld => "older_than_max_age",
            Self::Model => "model_may_not_serve",
        }
    }

    fn of(looked: &Looked<'_>, entry: &Entry, fits: &impl Fn(&Entry) -> bool) -> Option<Self> {
        let age_ms = entry.age_ms(looked.now_ms);
        let caching = looked.caching;
        let is_flushed = caching.is_flushed(entry.generation, entry.subject());
        [
            (age_ms >= entry.ttl_ms, Self::Expired),
            (is_flushed, Self::Flushed),
            (
                looked.wish.max_age_ms.is_some_and(|max| age_ms >= max),
                Self::TooOld,
            ),
            (!fits(entry), Self::Model),
        ]
        .into_iter()
        .find_map(|(is_so, why)| is_so.then_some(why))
    }
}

impl Neighbour {
    /// Whether the reply to it is given.
    pub(crate) fn is_given(&self) -> bool {
        let is_good = |stored: &Stored| stored.unfit.is_none();
        self.apart.is_none() && self.stored.as_ref().is_some_and(is_good)
    }

    /// Why it is not.
    pub(crate) fn why_not(&self) -> Option<&'static str> {
        match (self.apart, &self.stored) {
            (Some(apart), _) => Some(apart.as_str()),
            (None, None) => Some("not_stored"),
            (None, Some(stored)) => stored.unfit.map(Unfit::as_str),
        }
    }
}

impl Apart {
    fn as_str(self) -> &'static str {
        match self {
            Self::LessSimilar => "below_threshold",
            Self::Differs(Difference::Language) => "other_language",
            Self::Differs(Difference::Length) => "other_length",
            Self::Differs(Difference::Negation) => "other_negation",
            Self::Differs(Difference::Number) => "other_number",
            Self::Differs(Difference::Asked) => "other_thing_asked",
            Self::Differs(Difference::Time) => "other_time",
            Self::Differs(Difference::Words) => "other_words",
            Self::Differs(Difference::Order) => "other_order",
        }
    }
}

impl Cache {
    /// Everything that is stored to a request.
    pub(crate) async fn look(
        &self,
        looked: &Looked<'_>,
        fits: impl Fn(&Entry) -> bool,
    ) -> Vec<Stored> {
        let stored = |entry: Arc<Entry>, is_shared| Stored {
            unfit: Unfit::of(looked, &entry, &fits),
            entry,
            is_shared,
        };
        let here = self.store.peek((looked.tenant, &looked.key));
        let mut all: Vec<Stored> = here.into_iter().map(|e| stored(e, false)).collect();
        if let Some(shared) = self.shared.as_ref().filter(|_| looked.wish.bucket == 1) {
            let found = shared.get(looked, self.config.max_entry_bytes).await;
            all.extend(found.map(|entry| stored(Arc::new(entry), true)));
        }
        all
    }

    /// What was asked that is near, the nearest first: at this proxy, and, where nothing of that would be given, what another
    /// one shared that asks the same.
    pub(crate) async fn look_near(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        fits: impl Fn(&Entry) -> bool,
    ) -> Vec<Neighbour> {
        let least = looked.wish.semantic.least_similarity();
        let near = self
            .index
            .near(looked.tenant, meaning, least.min(LEAST_TOLD));
        let own = near.into_iter().map(|near| {
            let stored = self.best_stored(looked, &near, &fits);
            let is_less = near.similarity < least;
            let differs = near.differs.map(Apart::Differs);
            Neighbour {
                similar: near.similar,
                is_shared: false,
                apart: is_less.then_some(Apart::LessSimilar).or(differs),
                stored,
            }
        });
        let mut all: Vec<Neighbour> = own.collect();
        if all.iter().any(Neighbour::is_given) {
            return all;
        }
        if let Some(questions) = &self.questions {
            let found = questions.find(looked, meaning, self.config.max_entry_bytes);
            all.extend(found.await.map(|known| Neighbour {
                similar: known.similar,
                is_shared: true,
                apart: None,
                stored: Some(Stored {
                    unfit: Unfit::of(looked, &known.entry, &fits),
                    entry: Arc::new(known.entry),
                    is_shared: true,
                }),
            }));
        }
        all
    }

    fn best_stored(
        &self,
        looked: &Looked<'_>,
        near: &Near,
        fits: &impl Fn(&Entry) -> bool,
    ) -> Option<Stored> {
        let here = self.store.peek((looked.tenant, &near.similar.matched));
        let stored = here.into_iter().map(|entry| Stored {
            unfit: Unfit::of(looked, &entry, fits),
            entry,
            is_shared: false,
        });
        stored.min_by_key(|stored| stored.unfit.is_some())
    }
}

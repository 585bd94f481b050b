//! What is stored to a request, and why it would be given or not; looking changes nothing.

use std::sync::Arc;

use super::{Cache, Looked, entry::Entry};

/// A stored reply.
#[derive(Debug)]
pub(crate) struct Stored {
    pub entry: Arc<Entry>,
    /// Where it was found: here, or with what proxies share.
    pub is_shared: bool,
    /// `None`: it may be given.
    pub unfit: Option<Unfit>,
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
}

//! Bounded memories for feedback: which sessions a key has open, and which were rated.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::ids::{SessionId, TenantId};
use lru::LruCache;

use crate::digest::digest_128;

/// A session counts as open this long after its last call.
const OPEN_MS: u64 = 30 * 60 * 1_000;

const MAX_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);
const MAX_RATED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49_999);

/// The two sessions of a key that were used last: enough to know whether only one is open.
#[derive(Debug)]
struct Recent {
    last: (SessionId, u64),
    before: Option<(SessionId, u64)>,
}

/// What a key's open sessions come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Open {
    None,
    One(SessionId),
    Several,
}

/// Names a key of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KeyId(u128);

impl KeyId {
    fn new(tenant: &TenantId, key_id: &str) -> Self {
        Self(digest_128(&[tenant.as_str().as_bytes(), key_id.as_bytes()]))
    }
}

/// The open sessions of each key.
#[derive(Debug)]
pub(crate) struct OpenSessions(Mutex<LruCache<KeyId, Recent>>);

impl Default for OpenSessions {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_KEYS)))
    }
}

impl OpenSessions {
    /// A call of this session was made.
    pub(crate) fn note(&self, tenant: &TenantId, key_id: &str, session: SessionId, now_ms: u64) {
        let key = KeyId::new(tenant, key_id);
        let mut keys = self.lock();
        let Some(recent) = keys.get_mut(&key) else {
            keys.put(
                key,
                Recent {
                    last: (session, now_ms),
                    before: None,
                },
            );
            return;
        };
        if recent.last.0 != session {
            let last = std::mem::replace(&mut recent.last, (session, now_ms));
            recent.before = Some(last);
        }
        recent.last.1 = now_ms;
    }

    /// The sessions that a rating without a name could mean.
    pub(crate) fn open(&self, tenant: &TenantId, key_id: &str, now_ms: u64) -> Open {
        let mut keys = self.lock();
        let Some(recent) = keys.get(&KeyId::new(tenant, key_id)) else {
            return Open::None;
        };
        let is_open = |at: u64| now_ms.saturating_sub(at) < OPEN_MS;
        if !is_open(recent.last.1) {
            return Open::None;
        }
        match &recent.before {
            Some((_, at)) if is_open(*at) => Open::Several,
            Some(_) | None => Open::One(recent.last.0.clone()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<KeyId, Recent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was rated lately, for when the control plane cannot say.
#[derive(Debug)]
pub(crate) struct Rated(Mutex<LruCache<(TenantId, String), Said>>);

#[derive(Debug, Clone, Copy)]
struct Said {
    at_ms: u64,
    /// Else it was taken back.
    stands: bool,
}

/// What is to be known of a subject that something is said about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// A rating is remembered that was not taken back.
    pub before: bool,
    /// Later than what was said before, also within the same millisecond: the last word is told by its time.
    pub at_ms: u64,
}

impl Default for Rated {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_RATED)))
    }
}

impl Rated {
    /// Whether a subject is known to be rated.
    pub(crate) fn stands(&self, tenant: &TenantId, subject: &str) -> bool {
        let rated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = rated.peek(&(tenant.clone(), subject.to_owned()));
        said.is_some_and(|said| said.stands)
    }

    /// Remembers that a subject is rated now, or that it no longer is.
    pub(crate) fn note(
        &self,
        tenant: &TenantId,
        subject: &str,
        (now_ms, stands): (u64, bool),
    ) -> Noted {
        let mut rated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), subject.to_owned());
        let before = rated.get(&key).copied();
        let at_ms = before.map_or(now_ms, |before| now_ms.max(before.at_ms + 1));
        rated.put(key, Said { at_ms, stands });
        Noted {
            before: before.is_some_and(|before| before.stands),
            at_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str) -> SessionId {
        SessionId::new(id).expect("valid")
    }

    #[test]
    fn only_a_single_open_session_can_be_meant() {
        let sessions = OpenSessions::default();
        let tenant = TenantId::new("t").expect("valid");
        let open = |now| sessions.open(&tenant, "k", now);
        assert_eq!(open(0), Open::None);
        sessions.note(&tenant, "k", session("a"), 0);
        sessions.note(&tenant, "k", session("a"), 10);
        assert_eq!(open(20), Open::One(session("a")));
        sessions.note(&tenant, "k", session("b"), 30);
        assert_eq!(open(40), Open::Several);
        assert_eq!(
            open(10 + OPEN_MS),
            Open::One(session("b")),
            "a is closed by now"
        );
        assert_eq!(open(30 + OPEN_MS), Open::None);
        assert_eq!(sessions.open(&tenant, "other", 40), Open::None);
    }

    #[test]
    fn going_back_and_forth_between_sessions_keeps_both_open() {
        let sessions = OpenSessions::default();
        let tenant = TenantId::new("t").expect("valid");
        for (at, id) in [(0, "a"), (1, "b"), (OPEN_MS, "a")] {
            sessions.note(&tenant, "k", session(id), at);
        }
        assert_eq!(sessions.open(&tenant, "k", OPEN_MS), Open::Several);
        assert_eq!(
            sessions.open(&tenant, "k", OPEN_MS + 1),
            Open::One(session("a"))
        );
    }

    #[test]
    fn a_second_rating_is_recognised_until_the_first_is_taken_back() {
        let rated = Rated::default();
        let (t, u) = ["t", "u"]
            .map(|id| TenantId::new(id).expect("valid"))
            .into();
        let note = |tenant, at| {
            let noted = rated.note(tenant, "s", at);
            (noted.before, noted.at_ms)
        };
        assert_eq!(note(&t, (10, true)), (false, 10));
        assert_eq!(note(&t, (10, true)), (true, 11), "later, by the same clock");
        assert_eq!(note(&u, (10, true)), (false, 10));
        assert_eq!(note(&t, (9, false)), (true, 12), "the clock was set back");
        assert_eq!(note(&t, (20, true)), (false, 20));
    }
}

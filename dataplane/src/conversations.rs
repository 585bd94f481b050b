//! A bounded memory of who served each conversation last. Forgetting costs little: the draw is the same on
//! every proxy, and the history itself says what must not change.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use floopy_shared::domain::{
    affinity::Affinity,
    ids::{CandidateKey, RequestId, TenantId},
    shape::ShapeKey,
};
use lru::LruCache;

use crate::{call::History, digest::digest_128};

/// Conversations remembered: about 20 MB where all of them are.
const MAX_CONVERSATIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49_999);
/// Agents may wait for a slow tool or a person; after an hour a loop has been given up.
const REMEMBERED_MS: u64 = 60 * 60 * 1_000;
/// Providers keep a prompt cache at least this long after its last use (Anthropic: 5 minutes; OpenAI: 5 to
/// 10).
const WARM_MS: u64 = 5 * 60 * 1_000;

/// Names one conversation of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConversationId(u128);

impl ConversationId {
    /// `draw_key` is the session or what stands for it; a session may hold several conversations, each with
    /// an opening of its own.
    pub fn new(tenant: &TenantId, draw_key: &str, opening: u64) -> Self {
        let parts = [
            tenant.as_str().as_bytes(),
            draw_key.as_bytes(),
            &opening.to_le_bytes(),
        ];
        Self(digest_128(&parts))
    }
}

/// The call that was served last.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub by: CandidateKey,
    /// When its reply began.
    pub at_ms: u64,
    /// `None`: nobody is to know whether it is followed up.
    pub call: Option<Said>,
}

/// What is to be known of a call to see how it is followed up, and nothing of what it said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub request_id: RequestId,
    pub shapes: Vec<ShapeKey>,
    pub created_at_ms: u64,
    /// A digest of the last question.
    pub question: u64,
    pub messages: u32,
    pub body_bytes: usize,
}

/// Who served each conversation last.
#[derive(Debug)]
pub struct Conversations(Mutex<LruCache<ConversationId, Served>>);

impl Default for Conversations {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_CONVERSATIONS)))
    }
}

impl Conversations {
    /// This call's reply began; the one that was served before, once.
    pub(crate) fn note(&self, id: ConversationId, served: Served) -> Option<Served> {
        let now_ms = served.at_ms;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.put(id, served)?;
        (now_ms.saturating_sub(before.at_ms) < REMEMBERED_MS).then_some(before)
    }

    /// The last call that was served, once: nobody is told of it again.
    pub(crate) fn cut_off(&self, id: ConversationId, now_ms: u64) -> Option<(CandidateKey, Said)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.peek_mut(&id)?;
        let is_remembered = now_ms.saturating_sub(last.at_ms) < REMEMBERED_MS;
        let said = last.call.take().filter(|_| is_remembered)?;
        Some((last.by.clone(), said))
    }

    /// What ties the conversation's next call to whoever served before.
    pub fn affinity(&self, id: ConversationId, history: &History, now_ms: u64) -> Affinity {
        let last = self.last(id, now_ms);
        let warm = last.as_ref().is_some_and(|(_, age_ms)| *age_ms < WARM_MS);
        Affinity {
            held: last.map(|(by, _)| by),
            warm,
            tool_loop: history.tool_loop,
            origin: history
                .bound_to
                .or(history.caller.filter(|_| history.tool_loop)),
            bound: history.bound_to.is_some(),
        }
    }

    fn last(&self, id: ConversationId, now_ms: u64) -> Option<(CandidateKey, u64)> {
        let served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at only: who is asked about a conversation does not keep it from being forgotten.
        let last = served.peek(&id)?;
        let age_ms = now_ms.saturating_sub(last.at_ms);
        (age_ms < REMEMBERED_MS).then(|| (last.by.clone(), age_ms))
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::affinity::Origin;

    use super::*;

    fn key(name: &str) -> CandidateKey {
        CandidateKey::parse(name).expect("valid")
    }

    #[test]
    fn the_last_one_is_held_for_an_hour_and_warm_for_five_minutes() {
        let conversations = Conversations::default();
        let tenant = TenantId::new("t").expect("valid");
        let id = ConversationId::new(&tenant, "s", 7);
        let at = |now_ms| {
            let affinity = conversations.affinity(id, &History::default(), now_ms);
            (affinity.held, affinity.warm)
        };
        assert_eq!(at(0), (None, false));
        let note = |by: &str, at_ms| {
            let served = Served {
                by: key(by),
                at_ms,
                call: None,
            };
            conversations.note(id, served).map(|before| before.by)
        };
        assert_eq!(note("p/a", 0), None);
        assert_eq!(note("p/b", 10), Some(key("p/a")));
        assert_eq!(at(10 + WARM_MS - 1), (Some(key("p/b")), true));
        assert_eq!(at(10 + WARM_MS), (Some(key("p/b")), false));
        assert_eq!(at(10 + REMEMBERED_MS), (None, false));
    }

    #[test]
    fn conversations_are_told_apart_by_tenant_session_and_opening() {
        let id = |tenant: &str, session: &str, opening| {
            ConversationId::new(&TenantId::new(tenant).expect("valid"), session, opening)
        };
        let ids = [
            id("t", "s", 1),
            id("u", "s", 1),
            id("t", "z", 1),
            id("t", "s", 2),
            id("ts", "", 1),
        ];
        let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), 5);
    }

    #[test]
    fn sealed_content_says_more_than_the_form_of_tool_call_ids() {
        let affinity = |history: History| {
            let id = ConversationId::new(&TenantId::new("t").expect("valid"), "s", 1);
            let affinity = Conversations::default().affinity(id, &history, 0);
            (affinity.origin, affinity.bound)
        };
        let calls = History {
            tool_loop: true,
            caller: Some(Origin::OpenAiStyle),
            ..History::default()
        };
        assert_eq!(affinity(calls), (Some(Origin::OpenAiStyle), false));
        let sealed = History {
            bound_to: Some(Origin::Gemini),
            ..calls
        };
        assert_eq!(affinity(sealed), (Some(Origin::Gemini), true));
        let over = History {
            tool_loop: false,
            ..calls
        };
        assert_eq!(affinity(over), (None, false));
    }
}

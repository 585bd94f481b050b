//! What is remembered of servers: their tools, and the session that is open with them.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use super::{Tool, talk::Talk};

/// Servers of all tenants; of others it is asked again.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// Who asks which server how: a digest of tenant, address and secret.
pub(super) type Key = [u8; 32];

/// What is known of a server.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Why there are none, where it could not be asked.
    pub(super) tools: Result<Arc<[Tool]>, String>,
    pub(super) talk: Option<Talk>,
    pub(super) until_ms: u64,
}

/// What is known of servers.
pub(super) struct Listed(Mutex<LruCache<Key, Entry>>);

impl Default for Listed {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_KNOWN)))
    }
}

impl Listed {
    pub(super) fn get(&self, key: &Key, now_ms: u64) -> Option<Entry> {
        let entry = self.lock().get(key).cloned()?;
        (now_ms < entry.until_ms).then_some(entry)
    }

    pub(super) fn put(&self, key: Key, entry: Entry) {
        self.lock().put(key, entry);
    }

    /// A session may be older than what is known of the tools: the server says when it is over.
    pub(super) fn talk(&self, key: &Key) -> Option<Talk> {
        self.lock().get(key)?.talk.clone()
    }

    pub(super) fn forget(&self, key: &Key) {
        self.lock().pop(key);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_known_until_its_time() {
        let listed = Listed::default();
        let entry = Entry {
            tools: Err("down".to_owned()),
            talk: None,
            until_ms: 10,
        };
        listed.put([1; 32], entry);
        assert!(listed.get(&[1; 32], 9).is_some());
        assert!(listed.get(&[1; 32], 10).is_none());
        assert!(listed.get(&[2; 32], 9).is_none());
        listed.forget(&[1; 32]);
        assert!(listed.get(&[1; 32], 9).is_none());
    }
}

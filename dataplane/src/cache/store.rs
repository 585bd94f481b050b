//! Stored replies in memory, within a bound that tenants share.
//!
//! Each tenant has a shelf of its own, in the order of use. Where there is no room for another reply, the oldest of the
//! tenant that holds most goes: so a tenant loses something only while it holds more than its fair share, and one that
//! floods the cache loses its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::{
    cache::CacheKey,
    ids::{RequestId, TenantId},
};
use lru::LruCache;

use super::entry::{Entry, Standing, pick};

/// Replies to one request.
type Bucket = Vec<Arc<Entry>>;

#[derive(Debug)]
pub(super) struct Store {
    max_bytes: usize,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    bytes: usize,
    entries: usize,
    evicted: u64,
    of: HashMap<TenantId, Shelf>,
}

#[derive(Debug)]
struct Shelf {
    bytes: usize,
    buckets: LruCache<CacheKey, Bucket>,
}

/// How full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Census {
    pub bytes: u64,
    pub entries: u64,
    /// Replies that went because there was no room, since the start.
    pub evicted: u64,
    /// Of what finds them by what was asked.
    pub semantic_bytes: u64,
    pub semantic_entries: u64,
}

impl Store {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            shelves: Mutex::default(),
        }
    }

    /// One of the replies that may be given, where there are as many of them as a bucket is to have.
    pub(super) fn get(
        &self,
        (tenant, key): (&TenantId, &CacheKey),
        (bucket, request): (usize, RequestId),
        standing: impl Fn(&Entry) -> Standing,
    ) -> Option<Arc<Entry>> {
        let mut shelves = self.lock();
        let shelf = shelves.of.get_mut(tenant)?;
        let replies = shelf.buckets.get_mut(key)?;
        let (mut freed, before) = (0, replies.len());
        let mut good = Vec::new();
        replies.retain(|entry| match standing(entry) {
            Standing::Good => {
                good.push(Arc::clone(entry));
                true
            }
            Standing::Unfit => true,
            Standing::Gone => {
                freed += entry.weight();
                false
            }
        });
        let gone = before - replies.len();
        if replies.is_empty() {
            shelf.buckets.pop(key);
        }
        shelf.bytes -= freed;
        shelves.release(freed, gone);
        (good.len() >= bucket).then(|| good.swap_remove(pick(request, good.len())))
    }

    /// All replies to a request, in their order; looking is no use of them.
    pub(super) fn peek(&self, (tenant, key): (&TenantId, &CacheKey)) -> Bucket {
        let shelves = self.lock();
        let replies = shelves.of.get(tenant).and_then(|s| s.buckets.peek(key));
        replies.cloned().unwrap_or_default()
    }

    /// Whether there is a reply to this request, whoever may have it.
    pub(super) fn has(
        &self,
        (tenant, key): (&TenantId, &CacheKey),
        is_gone: impl Fn(&Entry) -> bool,
    ) -> bool {
        let shelves = self.lock();
        let found = shelves
            .of
            .get(tenant)
            .and_then(|shelf| shelf.buckets.peek(key));
        found.is_some_and(|replies| replies.iter().any(|entry| !is_gone(entry)))
    }

    /// Adds a reply; in place of the oldest, where its request has as many as it is to have.
    pub(super) fn put(&self, tenant: &TenantId, bucket: usize, entry: Arc<Entry>) {
        let weight = entry.weight();
        if weight > self.max_bytes {
            return;
        }
        let mut shelves = self.lock();
        let shelf = shelves.of.entry(tenant.clone()).or_insert_with(|| Shelf {
            bytes: 0,
            buckets: LruCache::unbounded(),
        });
        let replies = shelf.buckets.get_or_insert_mut(entry.key, Bucket::new);
        let replaced = (replies.len() >= bucket).then(|| replies.remove(0).weight());
        replies.push(entry);
        shelf.bytes += weight;
        shelf.bytes -= replaced.unwrap_or(0);
        shelves.bytes += weight;
        shelves.entries += 1;
        if let Some(freed) = replaced {
            shelves.release(freed, 1);
        }
        while shelves.bytes > self.max_bytes && shelves.evict() {}
    }

    /// Takes away what is of no tenant that may keep something.
    pub(super) fn keep_only(&self, may_keep: impl Fn(&TenantId) -> bool) {
        let mut shelves = self.lock();
        let Shelves {
            of, bytes, entries, ..
        } = &mut *shelves;
        of.retain(|tenant, shelf| {
            let stays = may_keep(tenant);
            if !stays {
                *bytes -= shelf.bytes;
                *entries -= shelf.buckets.iter().map(|(_, b)| b.len()).sum::<usize>();
            }
            stays
        });
    }

    pub(super) fn census(&self) -> Census {
        let shelves = self.lock();
        Census {
            bytes: shelves.bytes as u64,
            entries: shelves.entries as u64,
            evicted: shelves.evicted,
            ..Census::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn release(&mut self, bytes: usize, entries: usize) {
        self.bytes -= bytes;
        self.entries -= entries;
    }

    /// Takes away what was used longest ago of whoever holds most; `false`: there is nothing.
    fn evict(&mut self) -> bool {
        let Some((tenant, shelf)) = self.of.iter_mut().max_by_key(|(_, shelf)| shelf.bytes) else {
            return false;
        };
        let Some((_, replies)) = shelf.buckets.pop_lru() else {
            let tenant = tenant.clone();
            return self.of.remove(&tenant).is_some();
        };
        let freed = replies.iter().map(|entry| entry.weight()).sum();
        shelf.bytes -= freed;
        if shelf.buckets.is_empty() {
            let tenant = tenant.clone();
            self.of.remove(&tenant);
        }
        self.evicted += replies.len() as u64;
        self.release(freed, replies.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use floopy_shared::domain::{ids::CandidateKey, money::Usage};
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("valid")
    }

    fn entry(n: u8, bytes: usize) -> Entry {
        Entry {
            key: [n; 32],
            model: CandidateKey::parse("p/m").expect("valid"),
            rule: None,
            is_listed: true,
            made_at_ms: u64::from(n),
            ttl_ms: 1_000,
            generation: 0,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from(vec![n; bytes]),
            cost_micro_usd: Some(1),
            usage: Usage::default(),
        }
    }

    fn get(store: &Store, of: &TenantId, n: u8, bucket: usize) -> Option<Arc<Entry>> {
        let request = RequestId(Uuid::from_u128(7));
        store.get((of, &[n; 32]), (bucket, request), |_| Standing::Good)
    }

    #[test]
    fn a_reply_is_its_tenants_alone() {
        let store = Store::new(1 << 20);
        store.put(&tenant("a"), 1, Arc::new(entry(1, 10)));
        assert!(get(&store, &tenant("a"), 1, 1).is_some());
        assert!(get(&store, &tenant("b"), 1, 1).is_none());
    }

    #[test]
    fn what_is_of_nobody_any_more_goes() {
        let store = Store::new(1 << 20);
        for name in ["a", "b"] {
            store.put(&tenant(name), 1, Arc::new(entry(1, 10)));
        }
        store.keep_only(|of| of.as_str() == "b");
        assert!(get(&store, &tenant("a"), 1, 1).is_none());
        assert!(get(&store, &tenant("b"), 1, 1).is_some());
        assert_eq!(store.census().entries, 1);
    }

    #[test]
    fn a_flood_of_one_tenant_takes_nothing_from_who_holds_less() {
        let store = Store::new(64 << 10);
        let (quiet, loud) = (tenant("quiet"), tenant("loud"));
        for n in 0..8 {
            store.put(&quiet, 1, Arc::new(entry(n, 1_000)));
        }
        for n in 0..=255 {
            store.put(&loud, 1, Arc::new(entry(n, 2_000)));
        }
        assert!((0..8).all(|n| get(&store, &quiet, n, 1).is_some()));
        assert!(get(&store, &loud, 255, 1).is_some(), "the newest stays");
        assert!(get(&store, &loud, 0, 1).is_none());
        let census = store.census();
        assert!(
            census.bytes <= 64 << 10 && census.evicted > 200,
            "{census:?}"
        );
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let store = Store::new(4 * (1_000 + 512));
        let own = tenant("a");
        for n in 0..4 {
            store.put(&own, 1, Arc::new(entry(n, 1_000)));
        }
        get(&store, &own, 0, 1);
        store.put(&own, 1, Arc::new(entry(9, 1_000)));
        assert!(get(&store, &own, 0, 1).is_some() && get(&store, &own, 1, 1).is_none());
    }

    #[test]
    fn a_bucket_is_asked_once_it_is_full_and_then_stays_as_it_is_to_be() {
        let store = Store::new(1 << 20);
        let own = tenant("a");
        for n in 1..=3 {
            assert!(get(&store, &own, 5, 3).is_none(), "{n}");
            store.put(
                &own,
                3,
                Arc::new(Entry {
                    made_at_ms: n,
                    ..entry(5, 10)
                }),
            );
        }
        let found = get(&store, &own, 5, 3).expect("full");
        let again = get(&store, &own, 5, 3).expect("full");
        assert_eq!(
            found.made_at_ms, again.made_at_ms,
            "the same call gets the same"
        );
        let picked = |n| {
            let request = RequestId(Uuid::from_u128(n));
            let found = store.get((&own, &[5; 32]), (3, request), |_| Standing::Good);
            found.expect("full").made_at_ms
        };
        let seen: std::collections::BTreeSet<u64> = (0..60).map(picked).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
        store.put(
            &own,
            3,
            Arc::new(Entry {
                made_at_ms: 4,
                ..entry(5, 10)
            }),
        );
        assert_eq!(store.census().entries, 3);
    }

    #[test]
    fn what_is_gone_leaves_and_what_is_unfit_stays() {
        let store = Store::new(1 << 20);
        let own = tenant("a");
        store.put(&own, 1, Arc::new(entry(1, 10)));
        let request = RequestId(Uuid::from_u128(7));
        let look = |standing| store.get((&own, &[1; 32]), (1, request), |_| standing);
        assert!(look(Standing::Unfit).is_none());
        assert_eq!(store.census().entries, 1);
        assert!(look(Standing::Gone).is_none());
        assert_eq!((store.census().entries, store.census().bytes), (0, 0));
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_bound_and_counts_what_it_holds(
            puts in prop::collection::vec((0usize..3, any::<u8>(), 0usize..5_000, 1usize..4), 0..200),
        ) {
            let store = Store::new(20_000);
            let tenants = ["a", "b", "c"].map(tenant);
            for (whose, n, bytes, bucket) in puts {
                store.put(&tenants[whose], bucket, Arc::new(entry(n, bytes)));
                prop_assert!(store.census().bytes <= 20_000);
            }
            let shelves = store.lock();
            let held = || shelves.of.values().flat_map(|shelf| shelf.buckets.iter()).flat_map(|(_, b)| b);
            prop_assert_eq!(held().map(|entry| entry.weight()).sum::<usize>(), shelves.bytes);
            prop_assert_eq!(held().count(), shelves.entries);
        }
    }
}

//! How often something may be asked in a minute: by a tenant, and by each of its keys.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use floopy_shared::domain::ids::TenantId;
use lru::LruCache;

const WINDOW_MS: u64 = 60_000;

/// Whoever asked longest ago is forgotten first; by then its minute is over, or there are very many.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// When somebody asked within the last minute, oldest first: never more often than is allowed.
type Asked = VecDeque<u64>;

/// The allowances of all tenants. Each proxy keeps its own.
#[derive(Debug)]
pub(crate) struct Allowance {
    per_tenant: usize,
    per_key: usize,
    asked: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    tenants: LruCache<TenantId, Asked>,
    keys: LruCache<(TenantId, String), Asked>,
}

/// Asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{whose} may ask this {limit} times in a minute; ask again in {retry_after_s} s")]
pub(crate) struct Exhausted {
    whose: &'static str,
    limit: usize,
    /// Whole seconds until one more is allowed.
    pub retry_after_s: u64,
}

impl Allowance {
    pub(crate) fn new(per_tenant: u32, per_key: u32) -> Self {
        let memory = Memory {
            tenants: LruCache::new(MAX_REMEMBERED),
            keys: LruCache::new(MAX_REMEMBERED),
        };
        Self {
            per_tenant: per_tenant as usize,
            per_key: per_key as usize,
            asked: Mutex::new(memory),
        }
    }

    /// Takes one, from the key and from its tenant; from neither where one of them has none left.
    pub(crate) fn take(
        &self,
        tenant: &TenantId,
        key_id: &str,
        now_ms: u64,
    ) -> Result<(), Exhausted> {
        let mut memory = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { tenants, keys } = &mut *memory;
        let of_tenant = tenants.get_or_insert_mut(tenant.clone(), Asked::new);
        let of_key = keys.get_or_insert_mut((tenant.clone(), key_id.to_owned()), Asked::new);
        for (asked, limit, whose) in [
            (&mut *of_key, self.per_key, "a key"),
            (&mut *of_tenant, self.per_tenant, "a tenant"),
        ] {
            while asked.front().is_some_and(|at| at + WINDOW_MS <= now_ms) {
                asked.pop_front();
            }
            if let Some(oldest) = asked.front().filter(|_| asked.len() >= limit) {
                let left_ms = (oldest + WINDOW_MS).saturating_sub(now_ms);
                return Err(Exhausted {
                    whose,
                    limit,
                    retry_after_s: left_ms.div_ceil(1_000).max(1),
                });
            }
        }
        of_key.push_back(now_ms);
        of_tenant.push_back(now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> TenantId {
        TenantId::new(id).expect("valid")
    }

    #[test]
    fn a_key_and_its_tenant_each_have_so_many_in_any_minute() {
        let allowance = Allowance::new(3, 2);
        let (t, u) = (tenant("t"), tenant("u"));
        let take = |tenant: &TenantId, key, now_ms| {
            let taken = allowance.take(tenant, key, now_ms);
            taken.map_err(|e| (e.whose, e.retry_after_s))
        };
        assert_eq!(take(&t, "k", 0), Ok(()));
        assert_eq!(take(&t, "k", 1_000), Ok(()));
        assert_eq!(take(&t, "k", 1_500), Err(("a key", 59)));
        assert_eq!(take(&t, "l", 2_000), Ok(()), "another key of the tenant");
        assert_eq!(take(&t, "l", 3_000), Err(("a tenant", 57)));
        assert_eq!(take(&u, "k", 3_000), Ok(()), "another tenant");
        assert_eq!(take(&t, "k", 59_999), Err(("a key", 1)));
        assert_eq!(take(&t, "k", 60_000), Ok(()), "the first is a minute ago");
        assert_eq!(take(&t, "l", 60_500), Err(("a tenant", 1)));
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let allowance = Allowance::new(10, 1);
        let t = tenant("t");
        assert!(allowance.take(&t, "k", 0).is_ok());
        for now_ms in 1..100 {
            assert!(allowance.take(&t, "k", now_ms).is_err());
        }
        for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
            assert!(allowance.take(&t, key, 200).is_ok(), "{key}");
        }
    }
}

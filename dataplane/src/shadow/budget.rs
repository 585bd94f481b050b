//! What shadow calls may still cost today: a bucket of money per tenant, filled at midnight UTC.
//!
//! The control plane sees the spending of all proxies and stops the shadow when the day's budget is gone; it
//! sees it a refresh late. The bucket bounds what one proxy can spend until then, and while the control plane
//! cannot be reached, to the budget itself and one call.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::ids::TenantId;
use lru::LruCache;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const MAX_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spent {
    day: u64,
    micro_usd: u64,
}

/// What was spent today, with what is under way.
#[derive(Debug)]
pub(super) struct Budgets(Mutex<LruCache<TenantId, Spent>>);

/// Money set aside for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserved {
    day: u64,
    micro_usd: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_TENANTS)))
    }
}

impl Budgets {
    /// Sets the forecast aside; `None` where today's budget is spent.
    pub(super) fn reserve(
        &self,
        tenant: &TenantId,
        (budget, forecast): (u64, u64),
        now_ms: u64,
    ) -> Option<Reserved> {
        let day = now_ms / DAY_MS;
        let mut tenants = self.lock();
        let fresh = || Spent { day, micro_usd: 0 };
        let spent = tenants.get_or_insert_mut(tenant.clone(), fresh);
        if spent.day != day {
            *spent = fresh();
        }
        if spent.micro_usd >= budget {
            return None;
        }
        spent.micro_usd = spent.micro_usd.saturating_add(forecast);
        Some(Reserved {
            day,
            micro_usd: forecast,
        })
    }

    /// The call is over and has cost this much; what it began on is the day it counts on.
    pub(super) fn settle(&self, tenant: &TenantId, reserved: Reserved, actual: u64) {
        let mut tenants = self.lock();
        let Some(spent) = tenants.get_mut(tenant) else {
            return;
        };
        if spent.day == reserved.day {
            let others = spent.micro_usd.saturating_sub(reserved.micro_usd);
            spent.micro_usd = others.saturating_add(actual);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<TenantId, Spent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        TenantId::new("t").expect("valid")
    }

    #[test]
    fn a_budget_is_overrun_by_one_call_at_most_and_is_new_each_day() {
        let budgets = Budgets::default();
        let reserve = |now_ms| budgets.reserve(&tenant(), (100, 60), now_ms);
        assert!(reserve(0).is_some() && reserve(1).is_some());
        assert_eq!(reserve(DAY_MS - 1), None, "120 of 100 are set aside");
        assert!(reserve(DAY_MS).is_some());
        assert_eq!(budgets.reserve(&tenant(), (0, 0), DAY_MS), None);
    }

    #[test]
    fn what_a_call_came_to_replaces_its_forecast() {
        let budgets = Budgets::default();
        let reserve = |now_ms| budgets.reserve(&tenant(), (100, 100), now_ms);
        let first = reserve(0).expect("the first");
        assert_eq!(reserve(1), None);
        budgets.settle(&tenant(), first, 40);
        let second = reserve(2).expect("60 are left");
        budgets.settle(&tenant(), second, 60);
        assert_eq!(reserve(3), None);
        let next = reserve(DAY_MS).expect("a new day");
        budgets.settle(&tenant(), second, 0);
        assert_eq!(
            reserve(DAY_MS + 1),
            None,
            "yesterday's call does not count today: {next:?}"
        );
    }

    #[test]
    fn tenants_have_budgets_of_their_own() {
        let budgets = Budgets::default();
        let other = TenantId::new("u").expect("valid");
        assert!(budgets.reserve(&tenant(), (10, 10), 0).is_some());
        assert!(budgets.reserve(&other, (10, 10), 0).is_some());
    }
}

//! What asking judge models may cost a day.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use floopy_shared::{domain::ids::TenantId, process::clock::Clock};

const DAY_MS: u64 = 86_400_000;

/// Money of a day in UTC, in millionths of a dollar.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    most: u64,
    /// Of each tenant.
    most_of_each: u64,
    clock: Clock,
    today: Arc<Mutex<Today>>,
}

#[derive(Debug, Default)]
struct Today {
    day: u64,
    spent: u64,
    by_tenant: HashMap<TenantId, u64>,
}

impl Budget {
    /// For all together, and for each tenant.
    pub(super) fn new((most, most_of_each): (u64, u64), clock: Clock) -> Self {
        Self {
            most,
            most_of_each,
            clock,
            today: Arc::default(),
        }
    }

    /// Sets aside what a question may cost; not where that is more than is left.
    pub(super) fn reserve(&self, tenant: &TenantId, micro_usd: u64) -> bool {
        let mut today = self.today();
        let own = today.by_tenant.get(tenant).copied().unwrap_or(0);
        let own = own.saturating_add(micro_usd);
        if today.spent.saturating_add(micro_usd) > self.most || own > self.most_of_each {
            return false;
        }
        today.spent += micro_usd;
        today.by_tenant.insert(tenant.clone(), own);
        true
    }

    /// Books what it did cost in place of what was set aside.
    pub(super) fn settle(&self, tenant: &TenantId, (reserved, spent): (u64, u64)) {
        let settled = |sum: u64| sum.saturating_sub(reserved).saturating_add(spent);
        let mut today = self.today();
        today.spent = settled(today.spent);
        let own = today.by_tenant.entry(tenant.clone()).or_default();
        *own = settled(*own);
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        let day = self.clock.now_ms() / DAY_MS;
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.day != day {
            *today = Today {
                day,
                ..Today::default()
            };
        }
        today
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_spent() {
        let [a, b] = ["a", "b"].map(|id| TenantId::new(id).expect("valid"));
        let budget = Budget::new((100, 1_000), Clock::system());
        assert!(budget.reserve(&a, 60) && !budget.reserve(&b, 60));
        budget.settle(&a, (60, 10));
        assert!(budget.reserve(&b, 90) && !budget.reserve(&a, 1));
    }

    #[test]
    fn a_tenant_that_has_spent_its_own_leaves_the_others_theirs() {
        let [a, b] = ["a", "b"].map(|id| TenantId::new(id).expect("valid"));
        let budget = Budget::new((100, 40), Clock::system());
        assert!(budget.reserve(&a, 40) && !budget.reserve(&a, 1));
        assert!(budget.reserve(&b, 40) && !budget.reserve(&b, 1));
        budget.settle(&a, (40, 15));
        assert!(budget.reserve(&a, 25) && !budget.reserve(&a, 1));
    }
}

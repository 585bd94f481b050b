//! What asking judge models may cost a day.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use floopy_shared::process::clock::Clock;

const DAY_MS: u64 = 86_400_000;

/// Money of a day in UTC, in millionths of a dollar.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    most: u64,
    clock: Clock,
    today: Arc<Mutex<Today>>,
}

#[derive(Debug, Default)]
struct Today {
    day: u64,
    spent: u64,
}

impl Budget {
    pub(super) fn new(micro_usd_per_day: u64, clock: Clock) -> Self {
        Self {
            most: micro_usd_per_day,
            clock,
            today: Arc::default(),
        }
    }

    /// Sets aside what a question may cost; not where that is more than is left.
    pub(super) fn reserve(&self, micro_usd: u64) -> bool {
        let mut today = self.today();
        if today.spent.saturating_add(micro_usd) > self.most {
            return false;
        }
        today.spent += micro_usd;
        true
    }

    /// Books what it did cost in place of what was set aside.
    pub(super) fn settle(&self, reserved: u64, spent: u64) {
        let mut today = self.today();
        today.spent = today.spent.saturating_sub(reserved).saturating_add(spent);
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        let day = self.clock.now_ms() / DAY_MS;
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        if today.day != day {
            *today = Today { day, spent: 0 };
        }
        today
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_spent() {
        let budget = Budget::new(100, Clock::system());
        assert!(budget.reserve(60) && !budget.reserve(60));
        budget.settle(60, 10);
        assert!(budget.reserve(90) && !budget.reserve(1));
    }
}

//! How many retries a provider is given: a share of the calls it gets, so that retries cannot melt it.
//!
//! After the retry budgets of Finagle and Linkerd: every call deposits a part of a retry, every retry takes a
//! whole one, and a few per second are allowed anyway, so that a quiet proxy can retry at all.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use crate::config;

/// Parts that a retry is made of, so that shares of it are whole numbers.
const WHOLE: i64 = 1_000;

/// Retries saved up at most: what a quiet hour deposits must not all be spent in a bad second.
const MOST_SAVED: i64 = 100 * WHOLE;

/// The balance of one provider.
#[derive(Debug, Default)]
pub(crate) struct RetryBudget {
    /// In parts; touched by every call, so without a lock.
    saved: AtomicI64,
    /// What passing time allows; looked at only when nothing is saved.
    trickle: Mutex<Option<Trickle>>,
}

#[derive(Debug, Clone, Copy)]
struct Trickle {
    retries: f64,
    at: Instant,
}

impl RetryBudget {
    /// A call is made that is not a retry.
    pub(super) fn deposit(&self, rules: &config::Retry) {
        if self.saved.load(Ordering::Relaxed) < MOST_SAVED {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked: a share is 0 to 1"
            )]
            let parts = (rules.share * WHOLE as f64) as i64;
            self.saved.fetch_add(parts, Ordering::Relaxed);
        }
    }

    /// Takes a retry, if there is one.
    pub(super) fn withdraw(&self, rules: &config::Retry) -> bool {
        self.withdraw_at(rules, Instant::now())
    }

    fn withdraw_at(&self, rules: &config::Retry, now: Instant) -> bool {
        let saved = self
            .saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
                (saved >= WHOLE).then_some(saved - WHOLE)
            });
        saved.is_ok() || self.trickled(f64::from(rules.per_second), now)
    }

    /// A token bucket that holds one second's worth.
    fn trickled(&self, per_second: f64, now: Instant) -> bool {
        let mut trickle = self.trickle.lock().unwrap_or_else(PoisonError::into_inner);
        let before = trickle.map_or(per_second, |t| {
            let refilled = now.saturating_duration_since(t.at).as_secs_f64() * per_second;
            (t.retries + refilled).min(per_second)
        });
        let is_allowed = before >= 1.0;
        let retries = if is_allowed { before - 1.0 } else { before };
        *trickle = Some(Trickle { retries, at: now });
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rules(share: f64, per_second: u32) -> config::Retry {
        config::Retry {
            share,
            per_second,
            ..config::Retry::default()
        }
    }

    #[test]
    fn a_fifth_of_the_calls_may_be_retried_and_no_more() {
        let (budget, rules) = (RetryBudget::default(), rules(0.2, 0));
        (0..100).for_each(|_| budget.deposit(&rules));
        let granted = (0..100).filter(|_| budget.withdraw(&rules)).count();
        assert_eq!(granted, 20);
        (0..1_000_000).for_each(|_| budget.deposit(&rules));
        let granted = (0..1_000).filter(|_| budget.withdraw(&rules)).count();
        assert!((100..=101).contains(&granted), "{granted}");
    }

    #[test]
    fn a_few_a_second_are_always_allowed() {
        let (budget, rules) = (RetryBudget::default(), rules(0.0, 3));
        let start = Instant::now();
        let granted = |at| (0..9).filter(|_| budget.withdraw_at(&rules, at)).count();
        assert_eq!(granted(start), 3);
        assert_eq!(granted(start + Duration::from_millis(400)), 1);
        assert_eq!(granted(start + Duration::from_secs(60)), 3);
    }
}

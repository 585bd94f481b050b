//! Leaves a server alone for a moment that failed several times in a row, so that callers get their answer at once.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row after which it is left alone.
const FAILURES: u32 = 3;
/// For how long; the next one to ask then finds out.
const REST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

/// Whether to ask at all.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

impl Breaker {
    /// Whether somebody may ask now. While it rests nobody may, and after it one at a time.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.until {
            Some(until) if now < until => false,
            Some(_) => {
                state.until = Some(now + REST);
                true
            }
            None => true,
        }
    }

    /// What came of it.
    pub(crate) fn note(&self, answered: bool, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.until = Some(now + REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_it_rests_and_then_lets_one_find_out() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES - 1 {
            breaker.note(false, now);
        }
        breaker.note(true, now);
        for _ in 0..FAILURES {
            assert!(breaker.admits(now));
            breaker.note(false, now);
        }
        assert!(!breaker.admits(now));
        let later = now + REST;
        assert!(breaker.admits(later), "one finds out");
        assert!(!breaker.admits(later), "and nobody else");
        breaker.note(true, later);
        assert!(breaker.admits(later));
    }
}

//! Leaves a server alone for a moment that failed several times in a row, so that callers get their answer at once.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Option<Instant>,
}

/// Whether to ask at all.
#[derive(Debug)]
pub struct Breaker {
    /// Failures in a row after which it is left alone.
    failures: u32,
    /// For how long; the next one to ask then finds out.
    rest: Duration,
    state: Mutex<State>,
}

impl Default for Breaker {
    /// For a store: three failures, two seconds.
    fn default() -> Self {
        Self::new(3, Duration::from_secs(2))
    }
}

impl Breaker {
    /// Leaves it alone for `rest` after so many failures in a row.
    pub fn new(failures: u32, rest: Duration) -> Self {
        Self {
            failures,
            rest,
            state: Mutex::default(),
        }
    }

    /// Whether somebody may ask now. While it rests nobody may, and after it one at a time.
    pub fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.until {
            Some(until) if now < until => false,
            Some(_) => {
                state.until = Some(now + self.rest);
                true
            }
            None => true,
        }
    }

    /// What came of it.
    pub fn note(&self, answered: bool, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= self.failures {
            state.until = Some(now + self.rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_in_a_row_it_rests_and_then_lets_one_find_out() {
        let rest = Duration::from_secs(2);
        let (breaker, now) = (Breaker::new(3, rest), Instant::now());
        for _ in 0..2 {
            breaker.note(false, now);
        }
        breaker.note(true, now);
        for _ in 0..3 {
            assert!(breaker.admits(now));
            breaker.note(false, now);
        }
        assert!(!breaker.admits(now));
        let later = now + rest;
        assert!(breaker.admits(later), "one finds out");
        assert!(!breaker.admits(later), "and nobody else");
        breaker.note(true, later);
        assert!(breaker.admits(later));
    }
}

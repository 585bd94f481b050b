//! Full-jitter exponential back-off (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).

use std::time::Duration;

use rand::Rng;

/// Delays between tries, growing from `first` to at most `cap`, each drawn uniformly below its bound.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    /// Starts over at `first`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            tries: 0,
        }
    }

    /// The next delay; never zero, so that a failing loop cannot spin.
    pub fn next_delay(&mut self) -> Duration {
        let bound = self
            .first
            .saturating_mul(1 << self.tries.min(16))
            .min(self.cap);
        self.tries += 1;
        let floor = bound / 10;
        floor + rand::rng().random_range(Duration::ZERO..=bound - floor)
    }

    /// Call after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_between_a_tenth_of_the_bound_and_the_cap() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for _ in 0..50 {
            let delay = backoff.next_delay();
            assert!(
                delay >= Duration::from_millis(10) && delay <= Duration::from_secs(2),
                "{delay:?}"
            );
        }
    }
}

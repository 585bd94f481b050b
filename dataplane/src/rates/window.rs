//! A sliding window, as two fixed ones: the earlier counts by the share of it that is still within reach.
//!
//! That is Cloudflare's "How we built rate limiting capable of scaling to millions of domains" (2017): it needs two
//! numbers instead of a time for each request, and is exact where requests come evenly.

/// What was used lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    span_ms: u64,
    /// The fixed window that is going on, as its number since the epoch.
    number: u64,
    now: u64,
    before: u64,
    last_ms: u64,
}

impl Window {
    pub(super) fn new(span_ms: u64) -> Self {
        Self {
            span_ms: span_ms.max(1),
            number: 0,
            now: 0,
            before: 0,
            last_ms: 0,
        }
    }

    pub(super) fn span_ms(&self) -> u64 {
        self.span_ms
    }

    pub(super) fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// Counts more. A clock that went back is taken for one that stands still.
    pub(super) fn add(&mut self, amount: u64, now_ms: u64) {
        self.roll(now_ms);
        self.now = self.now.saturating_add(amount);
    }

    /// Used within the span up to now, rounded up.
    pub(super) fn used(&mut self, now_ms: u64) -> u64 {
        self.roll(now_ms);
        let left_ms = self.span_ms - self.last_ms % self.span_ms;
        let before = u128::from(self.before) * u128::from(left_ms);
        let before = before.div_ceil(u128::from(self.span_ms));
        self.now
            .saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    /// Milliseconds until less than `limit` is used; 0 if that is so now.
    pub(super) fn wait_ms(&mut self, limit: u64, now_ms: u64) -> u64 {
        if self.used(now_ms) < limit {
            return 0;
        }
        let left_ms = self.span_ms - self.last_ms % self.span_ms;
        if self.now < limit {
            // The earlier window fades: `before · left / span` must fall below what this one leaves.
            let room = limit - self.now - 1;
            return left_ms - fits(self.before, room, self.span_ms).min(left_ms - 1);
        }
        // This one must become the earlier one, and fade.
        let room = limit.saturating_sub(1);
        left_ms + self.span_ms - fits(self.now, room, self.span_ms).min(self.span_ms)
    }

    fn roll(&mut self, now_ms: u64) {
        self.last_ms = self.last_ms.max(now_ms);
        let number = self.last_ms / self.span_ms;
        match number - self.number {
            0 => {}
            1 => (self.before, self.now) = (self.now, 0),
            _ => (self.before, self.now) = (0, 0),
        }
        self.number = number;
    }
}

/// The longest part of a span whose share of `amount`, rounded up, is at most `room`.
fn fits(amount: u64, room: u64, span_ms: u64) -> u64 {
    let longest = u128::from(room) * u128::from(span_ms) / u128::from(amount.max(1));
    u64::try_from(longest).unwrap_or(u64::MAX).min(span_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_used_fades_over_the_next_window() {
        let mut window = Window::new(1_000);
        window.add(10, 500);
        assert_eq!(window.used(999), 10);
        assert_eq!(window.used(1_000), 10);
        assert_eq!(window.used(1_500), 5);
        assert_eq!(window.used(2_000), 0);
        assert_eq!(
            window.used(1_000),
            0,
            "a clock that goes back changes nothing"
        );
    }

    proptest! {
        /// Whoever waits as long as told is let in, and who waits a little less is not.
        #[test]
        fn the_wait_is_exact(
            uses in prop::collection::vec((0u64..3_000, 0u64..9), 0..20),
            limit in 1u64..20,
        ) {
            let (mut window, mut now) = (Window::new(1_000), 1_000_000);
            for (pause, amount) in uses {
                now += pause;
                window.add(amount, now);
            }
            let wait = window.wait_ms(limit, now);
            if wait > 0 {
                let mut early = window;
                prop_assert!(early.used(now + wait - 1) >= limit);
            }
            prop_assert!(window.used(now + wait) < limit, "{window:?} {wait}");
        }
    }
}

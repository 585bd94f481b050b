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
    now: Used,
    before: Used,
    last_ms: u64,
    /// When it was last counted or looked at for a call.
    touched_ms: u64,
}

/// What was used in a fixed window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Used {
    /// By calls of this proxy.
    own: u64,
    /// By calls of all others, as far as this one heard.
    others: u64,
}

impl Used {
    fn total(self) -> u64 {
        self.own.saturating_add(self.others)
    }
}

/// What this proxy used in a fixed window and in the one before, for others to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    pub span_ms: u64,
    pub number: u64,
    pub now: u64,
    pub before: u64,
}

impl Window {
    pub(super) fn new(span_ms: u64) -> Self {
        Self {
            span_ms: span_ms.max(1),
            number: 0,
            now: Used::default(),
            before: Used::default(),
            last_ms: 0,
            touched_ms: 0,
        }
    }

    pub(super) fn span_ms(&self) -> u64 {
        self.span_ms
    }

    pub(super) fn touched_ms(&self) -> u64 {
        self.touched_ms
    }

    /// What others are to know; nothing, where all of it is over.
    pub(super) fn own(&mut self, now_ms: u64) -> Option<Own> {
        self.roll(now_ms);
        let is_over = self.last_ms.saturating_sub(self.touched_ms) >= 2 * self.span_ms;
        (!is_over).then_some(Own {
            span_ms: self.span_ms,
            number: self.number,
            now: self.now.own,
            before: self.before.own,
        })
    }

    /// What others used in a fixed window and in the one before.
    pub(super) fn hear(&mut self, number: u64, (now, before): (u64, u64)) {
        if self.number == number {
            (self.now.others, self.before.others) = (now, before);
        } else if self.number == number + 1 {
            self.before.others = now;
        }
    }

    /// Counts more. A clock that went back is taken for one that stands still.
    pub(super) fn add(&mut self, amount: u64, now_ms: u64) {
        self.roll(now_ms);
        self.touched_ms = self.last_ms;
        self.now.own = self.now.own.saturating_add(amount);
    }

    /// Takes back what was counted for nothing.
    pub(super) fn give_back(&mut self, amount: u64) {
        self.now.own = self.now.own.saturating_sub(amount);
    }

    /// Used within the span up to now, rounded up.
    pub(super) fn used(&mut self, now_ms: u64) -> u64 {
        self.roll(now_ms);
        self.touched_ms = self.last_ms;
        let left_ms = self.span_ms - self.last_ms % self.span_ms;
        let before = u128::from(self.before.total()) * u128::from(left_ms);
        let before = before.div_ceil(u128::from(self.span_ms));
        let now = self.now.total();
        now.saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    /// Milliseconds until less than `limit` is used; 0 if that is so now.
    pub(super) fn wait_ms(&mut self, limit: u64, now_ms: u64) -> u64 {
        if self.used(now_ms) < limit {
            return 0;
        }
        let left_ms = self.span_ms - self.last_ms % self.span_ms;
        let (now, before) = (self.now.total(), self.before.total());
        if now < limit {
            // The earlier window fades: `before · left / span` must fall below what this one leaves.
            let room = limit - now - 1;
            return left_ms - fits(before, room, self.span_ms).min(left_ms - 1);
        }
        // This one must become the earlier one, and fade.
        let room = limit.saturating_sub(1);
        left_ms + self.span_ms - fits(now, room, self.span_ms).min(self.span_ms)
    }

    fn roll(&mut self, now_ms: u64) {
        self.last_ms = self.last_ms.max(now_ms);
        let number = self.last_ms / self.span_ms;
        match number - self.number {
            0 => {}
            1 => (self.before, self.now) = (self.now, Used::default()),
            _ => (self.before, self.now) = (Used::default(), Used::default()),
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

    #[test]
    fn what_others_used_counts_and_fades_as_ones_own() {
        let mut window = Window::new(1_000);
        window.add(3, 500);
        let own = window.own(900).expect("not over");
        assert_eq!((own.number, own.now, own.before), (0, 3, 0));
        window.hear(0, (7, 0));
        assert_eq!(window.used(999), 10);
        window.used(1_000);
        window.hear(0, (17, 0));
        assert_eq!(
            window.used(1_500),
            10,
            "the last of the earlier window came late"
        );
        window.hear(1, (1, 17));
        assert_eq!(window.used(1_500), 11);
        assert!(window.own(3_499).is_some() && window.own(3_500).is_none());
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

//! How many events a message to the control plane has.

use std::time::Duration;

/// Where it begins.
const FIRST: usize = 512;
/// A batch of so many ratings costs the control plane little more than half of what eight of [`FIRST`] do.
const MOST: usize = 4_096;
const LEAST: usize = 16;

/// As many as are answered well in time: a control plane that falls behind is sent more at once, which costs it
/// less for each, and one that is too slow for a batch is sent fewer, or it would never be done with any.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchSize {
    events: usize,
    deadline: Duration,
}

impl BatchSize {
    pub(super) fn within(deadline: Duration) -> Self {
        Self {
            events: FIRST,
            deadline,
        }
    }

    /// Events of the next batch at the most.
    pub(super) fn events(self) -> usize {
        self.events
    }

    /// A batch that was full was answered.
    pub(super) fn answered(&mut self, took: Duration) {
        if took < self.deadline / 8 {
            self.events = (self.events * 2).min(MOST);
        } else if took > self.deadline / 2 {
            self.late();
        }
    }

    /// A batch was not answered in time.
    pub(super) fn late(&mut self) {
        self.events = (self.events / 2).max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_answered_soon_and_shrink_when_they_are_not() {
        let mut size = BatchSize::within(Duration::from_secs(5));
        for _ in 0..9 {
            size.answered(Duration::from_millis(100));
        }
        assert_eq!(size.events(), MOST);
        size.answered(Duration::from_secs(1));
        assert_eq!(size.events(), MOST, "in time, and no reason for more");
        size.answered(Duration::from_secs(3));
        assert_eq!(size.events(), MOST / 2);
        for _ in 0..20 {
            size.late();
        }
        assert_eq!(size.events(), LEAST);
    }
}

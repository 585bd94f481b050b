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

    /// So many events were answered. What its bytes bounded says nothing of more events.
    pub(super) fn answered(&mut self, sent: usize, took: Duration) {
        let soon = if self.events < FIRST {
            self.deadline / 2
        } else {
            self.deadline / 8
        };
        if took > self.deadline / 2 {
            // Below where it begins every event would cost more: only what is not answered at all is worth that.
            self.events = self.events.min((sent / 2).max(FIRST));
        } else if took < soon && sent >= self.events {
            self.events = (self.events * 2).min(MOST);
        }
    }

    /// So many events were not answered in time.
    pub(super) fn late(&mut self, sent: usize) {
        if sent > LEAST {
            self.events = (self.events.min(sent) / 2).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(100);
    const BETWEEN: Duration = Duration::from_secs(1);
    const SLOW: Duration = Duration::from_secs(3);

    fn answered(size: &mut BatchSize, times: usize, took: Duration) -> usize {
        for _ in 0..times {
            size.answered(size.events(), took);
        }
        size.events()
    }

    #[test]
    fn batches_grow_while_they_are_answered_soon_and_shrink_when_they_are_not() {
        let mut size = BatchSize::within(Duration::from_secs(5));
        assert_eq!(answered(&mut size, 9, SOON), MOST);
        assert_eq!(answered(&mut size, 9, BETWEEN), MOST, "no reason for less");
        assert_eq!(answered(&mut size, 9, SLOW), FIRST, "fewer would cost more");
        for _ in 0..20 {
            size.late(size.events());
        }
        assert_eq!(size.events(), LEAST);
        assert_eq!(answered(&mut size, 9, BETWEEN), FIRST, "and no longer");
    }

    #[test]
    fn what_counts_is_what_was_sent() {
        let mut size = BatchSize::within(Duration::from_secs(5));
        size.answered(300, SOON);
        assert_eq!(size.events(), FIRST, "its bytes bounded it");
        size.late(3);
        assert_eq!(size.events(), FIRST, "fewer would not help");
        size.late(300);
        assert_eq!(size.events(), 150);
    }
}

//! Wall-clock time that never runs backwards within a process.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Milliseconds since the Unix epoch, clamped to what was already handed out.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> u64 + Send + Sync>,
    last: Arc<AtomicU64>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.last.load(Ordering::Relaxed))
    }
}

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn system() -> Self {
        Self::from_source(|| {
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    /// Any source, for tests.
    pub fn from_source(source: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            source: Arc::new(source),
            last: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Now, or the latest time handed out if the source went back.
    pub fn now_ms(&self) -> u64 {
        let now = (self.source)();
        now.max(self.last.fetch_max(now, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_stands_still() {
        let times = Arc::new(std::sync::Mutex::new(vec![50, 40, 100, 10]));
        let source = move || times.lock().expect("not poisoned").pop().unwrap_or(0);
        let clock = Clock::from_source(source);
        assert_eq!(
            [
                clock.now_ms(),
                clock.now_ms(),
                clock.now_ms(),
                clock.now_ms()
            ],
            [10, 100, 100, 100]
        );
    }
}

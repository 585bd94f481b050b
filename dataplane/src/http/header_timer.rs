//! The clock that the headers of a connection's requests run against, kept from one request to the next. hyper takes
//! a new one for each request, and drops it: each time that is a place in the wheel of the runtime's timers, taken
//! and given back under its lock.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

type Clock = Pin<Box<tokio::time::Sleep>>;

/// Of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct HeaderTimer(Arc<Mutex<Option<Clock>>>);

/// The clock while somebody waits for it.
struct Lent {
    /// `None`: it was given back.
    clock: Option<Clock>,
    to: HeaderTimer,
}

impl HeaderTimer {
    fn lend(&self, deadline: Instant) -> Lent {
        let kept = self.lock().take();
        // Later than before, which a clock that runs already is told by one store.
        let clock = kept.map(|mut kept| {
            kept.as_mut().reset(deadline.into());
            kept
        });
        let new = || Box::pin(tokio::time::sleep_until(deadline.into()));
        Lent {
            clock: Some(clock.unwrap_or_else(new)),
            to: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Clock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.lend(deadline))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Sleep for Lent {}

impl Future for Lent {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.clock {
            Some(clock) => clock.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.to.lock() = self.clock.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_kept_runs_to_its_new_time_whether_or_not_the_old_one_passed() {
        let timer = HeaderTimer::default();
        let begun = tokio::time::Instant::now();
        let elapsed = || begun.elapsed().as_secs();
        let second = Duration::from_secs(1);
        let early = tokio::time::timeout(second, timer.sleep(10 * second)).await;
        assert!(early.is_err());
        timer.sleep(10 * second).await;
        assert_eq!(elapsed(), 11, "it was set anew before it was due");
        timer.sleep(3 * second).await;
        assert_eq!(elapsed(), 14, "and after that");
        let early = tokio::time::timeout(second, timer.sleep(10 * second)).await;
        assert!(early.is_err());
        tokio::time::sleep(20 * second).await;
        timer.sleep(second).await;
        assert_eq!(elapsed(), 36, "it was due while nobody waited");
    }

    #[tokio::test(start_paused = true)]
    async fn two_at_a_time_have_a_clock_each() {
        let timer = HeaderTimer::default();
        let begun = tokio::time::Instant::now();
        let (one, two) = (
            timer.sleep(Duration::from_secs(5)),
            timer.sleep(Duration::from_secs(2)),
        );
        two.await;
        assert_eq!(begun.elapsed().as_secs(), 2);
        one.await;
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}

//! Deadlines of what a call waits for. Every call has one and hardly any meets it, so the clocks are kept: a new one
//! takes a place in the wheel of the runtime's timers, under its lock, and gives it back; one that runs already is told
//! a later time by a single store.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::workers;

/// Clocks kept by each worker; more calls than that wait seldom at the same time.
const MAX_KEPT: usize = 256;

thread_local! {
    /// Of this worker, set to times of calls that are over.
    static KEPT: RefCell<Vec<Pin<Box<Sleep>>>> = const { RefCell::new(Vec::new()) };
}

/// The time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

/// Waits for a future until its time is up.
pub(crate) async fn by<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
    // Much is there at once, and needs none.
    let mut clock: Option<Clock> = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let clock = clock.get_or_insert_with(|| Clock::until(deadline));
        clock.poll(cx).map(|()| Err(Late))
    })
    .await
}

/// One that runs for a call.
struct Clock {
    /// `None`: it was kept.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whose runtime it is of; a call may go on elsewhere.
    of: Option<usize>,
}

impl Clock {
    fn until(deadline: Instant) -> Self {
        let kept = KEPT.try_with(|kept| kept.try_borrow_mut().ok()?.pop());
        let sleep = match kept.ok().flatten() {
            Some(mut kept) => {
                kept.as_mut().reset(deadline);
                kept
            }
            None => Box::pin(sleep_until(deadline)),
        };
        Self {
            sleep: Some(sleep),
            of: workers::number(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Clock {
    /// Kept by the worker that it is of: a clock runs on the runtime that it was made on.
    fn drop(&mut self) {
        let is_own = self.of.is_some() && self.of == workers::number();
        let Some(sleep) = self.sleep.take().filter(|_| is_own) else {
            return;
        };
        // At the end of a thread there is nothing to keep it in, and it is dropped.
        let _ = KEPT.try_with(|kept| {
            if let Ok(mut kept) = kept.try_borrow_mut()
                && kept.len() < MAX_KEPT
            {
                kept.push(sleep);
            }
        });
    }
}

/// Gives the clocks of this thread back; its runtime is about to end.
pub(crate) fn forget_all() {
    let kept = KEPT.take();
    drop(kept);
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::workers::Workers;

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_taken_even_if_late_and_what_is_not_is_given_up_in_time() {
        let begun = Instant::now();
        assert_eq!(by(begun, std::future::ready(1)).await, Ok(1));
        let deadline = begun + Duration::from_secs(5);
        let slow = by(deadline, std::future::pending::<()>()).await;
        assert_eq!((slow, begun.elapsed().as_secs()), (Err(Late), 5));
        let deadline = Instant::now() + Duration::from_secs(5);
        let quick = by(deadline, sleep(Duration::from_secs(4))).await;
        assert_eq!((quick, begun.elapsed().as_secs()), (Ok(()), 9));
    }

    #[tokio::test]
    async fn a_clock_is_used_again_by_the_worker_that_has_it_and_is_as_good_as_new() {
        let workers = Arc::new(Workers::start(1).expect("a thread"));
        let handle = workers.least_busy().expect("one").clone();
        let kept = || KEPT.with_borrow(Vec::len);
        let task = handle.spawn(async move {
            let far = || Instant::now() + Duration::from_secs(600);
            let near = || Instant::now() + Duration::from_millis(20);
            let brief = || sleep(Duration::from_millis(1));
            let first = by(far(), brief()).await;
            assert_eq!((first, kept()), (Ok(()), 1));
            // One that is set to an earlier time, and then is due.
            let late = by(near(), std::future::pending::<()>()).await;
            assert_eq!((late, kept()), (Err(Late), 1));
            // One that was due before.
            assert_eq!(by(far(), brief()).await, Ok(()));
            assert_eq!((by(near(), brief()).await, kept()), (Ok(()), 1));
            let both = tokio::join!(by(far(), brief()), by(far(), brief()));
            assert_eq!((both, kept()), ((Ok(()), Ok(())), 2));
        });
        let ended = timeout(Duration::from_secs(60), task).await;
        ended.expect("in time").expect("it ends well");
        assert_eq!(kept(), 0, "of another thread");
        let Some(workers) = Arc::into_inner(workers) else {
            panic!("nobody else has them");
        };
        workers.stop().await;
    }
}

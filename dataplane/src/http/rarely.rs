//! What may happen beside a connection, and seldom does: asked only once it woke somebody. Else every step of every
//! call on the connection would ask for each of those things, and most of them under a lock that all threads share.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::task::AtomicWaker;

/// A future with a waker of its own.
pub(super) struct Rarely<'a, F> {
    future: Pin<&'a mut F>,
    call: Arc<Call>,
    /// Of the future.
    own: Waker,
    /// Of the task that it is a part of.
    task: Option<Waker>,
}

/// That the future wants to be asked.
struct Call {
    is_due: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_due.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<'a, F: Future> Rarely<'a, F> {
    /// Asks it once, so that it can say what it waits for.
    pub(super) fn new(future: Pin<&'a mut F>) -> Self {
        let call = Arc::new(Call {
            is_due: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            future,
            own: Waker::from(Arc::clone(&call)),
            call,
            task: None,
        }
    }
}

impl<F: Future> Future for Rarely<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this
            .task
            .as_ref()
            .is_some_and(|task| task.will_wake(cx.waker()))
        {
            this.call.task.register(cx.waker());
            this.task = Some(cx.waker().clone());
        }
        // Nearly always it is not due, and looking costs nothing.
        if !this.call.is_due.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Whoever called used the task's waker up. It calls again for what comes from here on.
        this.call.task.register(cx.waker());
        this.call.is_due.store(false, Ordering::Release);
        let mut own = Context::from_waker(&this.own);
        this.future.as_mut().poll(&mut own)
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::atomic::AtomicUsize, time::Duration};

    use tokio::{sync::Notify, time::timeout};

    use super::*;

    /// Counts how often a future is asked.
    async fn counted<F: Future>(future: F, asked: &AtomicUsize) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            asked.fetch_add(1, Ordering::Relaxed);
            future.as_mut().poll(cx)
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_only_when_it_calls_and_then_ends() {
        let (asked, happens) = (AtomicUsize::new(0), Notify::new());
        let seldom = pin!(counted(happens.notified(), &asked));
        let mut rarely = pin!(Rarely::new(seldom));
        for _ in 0..10 {
            let early = timeout(Duration::from_millis(1), rarely.as_mut()).await;
            assert!(early.is_err());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        happens.notify_waiters();
        let ended = timeout(Duration::from_secs(1), rarely.as_mut()).await;
        assert!(ended.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn it_wakes_its_task_as_often_as_it_calls() {
        let happens = Arc::new(Notify::new());
        let waits = Arc::clone(&happens);
        let task = tokio::spawn(async move {
            let thrice = pin!(async {
                for _ in 0..3 {
                    waits.notified().await;
                }
            });
            Rarely::new(thrice).await;
        });
        for _ in 0..3 {
            tokio::task::yield_now().await;
            happens.notify_one();
        }
        let ended = timeout(Duration::from_secs(60), task).await;
        ended.expect("in time").expect("it ends well");
    }

    fn ask_for_nobody<F: Future>(rarely: &mut Rarely<'_, F>) {
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(Pin::new(rarely).poll(&mut nobody).is_pending());
    }

    #[tokio::test]
    async fn it_wakes_whichever_task_waits_for_it_last() {
        let happens = Arc::new(Notify::new());
        let waits = Arc::clone(&happens);
        let task = tokio::spawn(async move {
            let mut seldom = pin!(waits.notified());
            let mut rarely = Rarely::new(seldom.as_mut());
            ask_for_nobody(&mut rarely);
            rarely.await;
        });
        tokio::task::yield_now().await;
        happens.notify_one();
        let ended = timeout(Duration::from_secs(60), task).await;
        ended.expect("in time").expect("it ends well");
    }
}

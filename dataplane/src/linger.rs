//! Replies whose caller has left: read on for what they cost, for a while, and only so many at a time.
//!
//! A provider charges for what it writes whether or not anybody still reads it. Reading on to the report of
//! usage makes the record exact; a bound keeps nobody's money from being spent on replies that nobody wants.
//! Beyond the bound the provider is left, and the record says that its cost is an estimate.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{runtime::Handle, sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{config::Disconnect, gateway::Gateway, upstream::ABANDONED};

/// The replies that are read on.
#[derive(Debug)]
pub(crate) struct Lingering {
    slots: Arc<Semaphore>,
    patience: Duration,
    tasks: TaskTracker,
    stop: CancellationToken,
    count: Gauge,
}

impl Lingering {
    pub(crate) fn new(config: &Disconnect, count: Gauge) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(config.lingering.min(Semaphore::MAX_PERMITS))),
            patience: Duration::from_millis(config.linger_ms),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            count,
        }
    }

    /// Does the rest of a call, and drops what is left of it when its time is up.
    pub(crate) fn read_on(&self, rest: impl Future<Output = ()> + Send + 'static) {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let (Ok(slot), Ok(runtime)) = (slot, Handle::try_current()) else {
            return;
        };
        if self.patience.is_zero() || self.stop.is_cancelled() {
            return;
        }
        let (patience, stop, count) = (self.patience, self.stop.clone(), self.count.clone());
        count.inc();
        let rest = ABANDONED.scope((), rest);
        self.tasks.spawn_on(
            async move {
                tokio::select! {
                    () = rest => {}
                    () = sleep(patience) => {}
                    () = stop.cancelled() => {}
                }
                count.dec();
                drop(slot);
            },
            &runtime,
        );
    }

    /// Leaves all providers.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Work that is done apart.
pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done with what came too late.
pub(crate) type Settle<T> = fn(Arc<Gateway>, T) -> BoxFuture;

/// A future of a call that goes on when whoever waits for it is gone.
pub(crate) struct Lasting<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    gateway: Arc<Gateway>,
    future: Option<Pin<Box<F>>>,
    /// What is done with its output then; `None`: it does not go on.
    settle: Option<Settle<F::Output>>,
}

impl<F> Lasting<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// Waits for the future. Dropped before, it leaves the rest to [`Lingering`].
    pub(crate) async fn wait(
        gateway: &Arc<Gateway>,
        future: Pin<Box<F>>,
        settle: Option<Settle<F::Output>>,
    ) -> F::Output {
        let mut lasting = Self {
            gateway: Arc::clone(gateway),
            future: Some(future),
            settle,
        };
        poll_fn(|cx| lasting.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let output = ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for Lasting<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        let (Some(future), Some(settle)) = (self.future.take(), self.settle) else {
            return;
        };
        if self.gateway.doors.is_forced() {
            return;
        }
        let gateway = Arc::clone(&self.gateway);
        self.gateway
            .lingering
            .read_on(async move { settle(gateway, future.await).await });
    }
}

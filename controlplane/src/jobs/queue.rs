//! Sends what waits to be judged to Redis, where that is the queue, and again until it is there.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::Metrics,
    queue::{Queue, QueueError, RedisQueue, Shipped},
};

/// How often Redis is looked at where nothing is to be sent.
const LOOK: Duration = Duration::from_secs(1);
/// Pause where it takes nothing, or has no room.
const PAUSE: Duration = Duration::from_millis(500);

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) queue: Queue,
    pub(crate) redis: Arc<RedisQueue>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Sending {
    /// Runs until stopped.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut has_failed = false;
        while !stop.is_cancelled() {
            // Registered before looking, so that a job queued in between is not missed.
            let arrived = self.queue.arrived();
            let mut arrived = std::pin::pin!(arrived);
            arrived.as_mut().enable();
            let shipped = tokio::select! {
                () = stop.cancelled() => break,
                shipped = self.queue.ship(&self.redis) => shipped,
            };
            self.note(&shipped, &mut has_failed);
            let pause = match shipped {
                Ok(Shipped::Some) => continue,
                Ok(Shipped::Nothing) => timeout(LOOK, arrived).left_future(),
                Ok(Shipped::Full) | Err(_) => timeout(PAUSE, pending()).right_future(),
            };
            tokio::select! {
                () = stop.cancelled() => break,
                _ = pause => {}
            }
        }
        Ok(())
    }

    /// Says once that Redis takes nothing, and once that it does again.
    fn note(&self, shipped: &Result<Shipped, QueueError>, has_failed: &mut bool) {
        self.metrics.queue_connected(shipped.is_ok());
        let had_failed = std::mem::replace(has_failed, shipped.is_err());
        match shipped {
            Ok(_) if had_failed => {
                tracing::info!(queue = ?self.redis, "the scoring queue in Redis is back");
            }
            Err(error) if !had_failed => tracing::warn!(
                %error,
                "the scoring queue in Redis takes nothing; replies wait in the store and are judged later"
            ),
            Ok(_) | Err(_) => {}
        }
    }
}

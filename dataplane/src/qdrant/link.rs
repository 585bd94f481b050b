//! Looks whether Qdrant answers, makes its collection, and says once when it goes and once when it is back.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use floopy_shared::process::backoff::Backoff;
use futures::FutureExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Qdrant, collection::Unusable};
use crate::metrics::{AnswerLabel, QdrantLabel};

/// Between two looks at one that is there.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries to reach one that is not, at first and at most.
const FIRST_TRY: Duration = Duration::from_millis(100);
const LAST_TRY: Duration = Duration::from_secs(5);
/// One that was there for so long is tried again soon.
const STEADY: Duration = Duration::from_secs(30);

/// The task that looks after it.
pub(crate) struct Link {
    qdrant: Arc<Qdrant>,
    /// Whether it was said that it is gone.
    told_gone: bool,
}

/// Why it counts as gone.
#[derive(Debug, thiserror::Error)]
enum Gone {
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error("too many answers in a row were late or failed")]
    Struck,
}

impl Link {
    pub(crate) fn new(qdrant: Arc<Qdrant>) -> Self {
        Self {
            qdrant,
            told_gone: false,
        }
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(FIRST_TRY, LAST_TRY);
        loop {
            let begun = Instant::now();
            let gone = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                gone = self.keep() => gone,
            };
            self.down(&gone);
            if begun.elapsed() > STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(backoff.next_delay()) => {}
            }
        }
    }

    /// Makes the collection, and stays until it is gone.
    async fn keep(&mut self) -> Gone {
        if let Err(unusable) = self.qdrant.prepare().await {
            return unusable.into();
        }
        self.up();
        loop {
            tokio::select! {
                () = self.qdrant.struck.notified() => return Gone::Struck,
                () = sleep(LOOK) => {}
            }
            let looked = self.qdrant.look().await;
            let result = match &looked {
                Ok(()) => AnswerLabel::Ok,
                Err(_) => AnswerLabel::Failed,
            };
            let metrics = &self.qdrant.metrics.qdrant;
            metrics.asked(QdrantLabel::Look, result);
            if let Err(unusable) = looked {
                return unusable.into();
            }
        }
    }

    fn up(&mut self) {
        let qdrant = &self.qdrant;
        // What it was given up for before.
        let _ = qdrant.struck.notified().now_or_never();
        qdrant.strikes.store(0, Ordering::Relaxed);
        qdrant.is_live.store(true, Ordering::Relaxed);
        qdrant.metrics.qdrant.connected(true);
        qdrant.came.send_modify(|times| *times += 1);
        if std::mem::take(&mut self.told_gone) {
            tracing::info!("Qdrant is back");
        } else {
            tracing::info!("Qdrant is connected");
        }
    }

    fn down(&mut self, gone: &Gone) {
        self.qdrant.is_live.store(false, Ordering::Relaxed);
        self.qdrant.metrics.qdrant.connected(false);
        if !self.told_gone {
            self.told_gone = true;
            tracing::warn!(reason = %gone, "Qdrant is gone; each proxy finds what it stored itself");
        }
    }
}

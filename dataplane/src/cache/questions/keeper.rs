//! Brings questions to Qdrant, and takes away what must go or is too old. One task does all, in order: what was brought
//! before a snapshot that forbids it was noticed goes with the sweep that follows.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use floopy_shared::process::clock::Clock;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::sweep::{Kept, Sweep},
    Questions, Waiting, point,
};
use crate::{
    metrics::QdrantLabel,
    qdrant::{PATIENCE, Question},
    state::Current,
};

/// Questions that are brought at once, and the bytes of the replies to them.
const AT_ONCE: usize = 32;
const AT_ONCE_BYTES: usize = 4 << 20;
/// Before a sweep that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two times that what is too old is taken away and what is there is counted.
const EXPIRE: Duration = Duration::from_secs(60);

/// The task that shares questions.
pub(crate) struct QuestionsKeeper {
    questions: Arc<Questions>,
    current: Arc<Current>,
    clock: Clock,
    /// Told of every snapshot that is taken in.
    updates: watch::Receiver<()>,
    kept: Kept,
    /// Not yet taken away.
    sweep: Sweep,
    /// There are as many as there may be.
    is_full: bool,
}

/// What was counted.
#[derive(Deserialize)]
struct Counted {
    count: u64,
}

impl QuestionsKeeper {
    pub(crate) fn new(
        questions: Arc<Questions>,
        (current, clock): (Arc<Current>, Clock),
        updates: watch::Receiver<()>,
    ) -> Self {
        let kept = Kept::of(&current.snapshot());
        let mut sweep = Sweep::default();
        kept.never(&mut sweep);
        Self {
            questions,
            current,
            clock,
            updates,
            kept,
            sweep,
            is_full: false,
        }
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let questions = Arc::clone(&self.questions);
        let mut taken = questions.taken.lock().await;
        let mut came = questions.qdrant.came();
        let mut expire = every(EXPIRE);
        let mut updates_end = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.updates.changed(), if !updates_end => {
                    updates_end = changed.is_err();
                    self.notice();
                }
                _ = came.changed() => {
                    self.kept.never(&mut self.sweep);
                    expire.reset_immediately();
                }
                _ = expire.tick() => {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = self.expire() => continue,
                    }
                }
                waiting = next(&mut taken) => {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = self.bring(&waiting) => continue,
                    }
                }
                () = again(&self.sweep) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clean() => {}
            }
        }
    }

    /// What the new snapshot forbids.
    fn notice(&mut self) {
        let now = Kept::of(&self.current.snapshot());
        now.since(&self.kept, &mut self.sweep);
        self.kept = now;
    }

    async fn bring(&mut self, waiting: &[Waiting]) {
        // One that comes later has the sweep take away what is brought now.
        if self.updates.has_changed().unwrap_or(false) {
            self.notice();
        }
        let (mut points, mut bytes) = (Vec::new(), 0);
        for one in waiting {
            if self.is_full {
                self.questions.metrics.qdrant.dropped();
                continue;
            }
            let may_go = self.kept.takes(&one.tenant, one.flushed);
            let Some(point) = may_go.then(|| point::written(one)).flatten() else {
                continue;
            };
            points.push(point);
            bytes += one.entry.body.len();
            if bytes >= AT_ONCE_BYTES {
                self.store(&std::mem::take(&mut points)).await;
                bytes = 0;
            }
        }
        self.store(&points).await;
    }

    async fn store(&self, points: &[Value]) {
        if points.is_empty() {
            return;
        }
        let stored: Option<Value> = self.ask(QdrantLabel::Store, point::store(points)).await;
        if stored.is_none() {
            let dropped = &self.questions.metrics.qdrant;
            points.iter().for_each(|_| dropped.dropped());
        }
    }

    /// Takes away what is too old, and looks whether there is room for more.
    async fn expire(&mut self) {
        let question = point::expire(self.clock.now_ms());
        let _: Option<Value> = self.ask(QdrantLabel::Delete, question).await;
        let counted: Option<Counted> = self.ask(QdrantLabel::Count, point::count()).await;
        let Some(Counted { count }) = counted else {
            return;
        };
        self.questions.metrics.qdrant.counted(count);
        let most = self.questions.qdrant.max_points();
        let is_full = count >= most;
        if is_full && !self.is_full {
            tracing::warn!(
                questions = count,
                max_points = most,
                "Qdrant holds as many questions as it may; further ones are not shared"
            );
        }
        self.is_full = is_full;
    }

    /// Takes away what must go; it stays to be done where Qdrant is not there.
    async fn clean(&mut self) {
        if !self.sweep.is_empty() && self.swept().await.is_some() {
            self.sweep = Sweep::default();
        }
    }

    async fn swept(&self) -> Option<()> {
        let whole = self.sweep.whole.iter().map(point::forget);
        let older = self.sweep.older.iter();
        let older = older.map(|(tenant, flushed)| point::older(tenant, *flushed));
        let flushes = self.sweep.flushes.iter();
        let flushes = flushes.map(|(tenant, _, flush)| point::flush(tenant, flush));
        for question in whole.chain(older).chain(flushes) {
            let gone: Option<Value> = self.ask(QdrantLabel::Delete, question).await;
            gone?;
        }
        Some(())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        operation: QdrantLabel,
        question: Question,
    ) -> Option<T> {
        let qdrant = &self.questions.qdrant;
        qdrant.ask(operation, question, PATIENCE).await
    }
}

/// Those that were missed are not made up for.
fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// What waits, at least one.
async fn next(taken: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    if taken.recv_many(&mut waiting, AT_ONCE).await == 0 {
        pending::<()>().await;
    }
    waiting
}

/// When what is left of a sweep is tried again.
async fn again(sweep: &Sweep) {
    if sweep.is_empty() {
        pending::<()>().await;
    }
    sleep(AGAIN).await;
}

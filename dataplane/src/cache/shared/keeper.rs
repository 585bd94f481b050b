//! Brings replies to Redis, and takes away what must go. One task does both, in order: what was brought before a snapshot
//! that forbids it was noticed goes with the sweep that follows.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use redis::{cmd, pipe};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    super::sweep::{Kept, Sweep},
    Shared, Waiting, name, place, write,
};
use crate::{metrics::RedisLabel, redis::PATIENCE, state::Current};

/// Replies that are brought at once.
const AT_ONCE: usize = 32;
/// Names that Redis looks at in one step of a search.
const STEP: usize = 500;
/// Before a sweep that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The task that shares replies.
pub(crate) struct SharedKeeper {
    shared: Arc<Shared>,
    current: Arc<Current>,
    /// Told of every snapshot that is taken in.
    updates: watch::Receiver<()>,
    kept: Kept,
    /// Not yet taken away.
    sweep: Sweep,
}

impl SharedKeeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        current: Arc<Current>,
        updates: watch::Receiver<()>,
    ) -> Self {
        let kept = Kept::of(&current.snapshot());
        let mut sweep = Sweep::default();
        kept.never(&mut sweep);
        Self {
            shared,
            current,
            updates,
            kept,
            sweep,
        }
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let shared = Arc::clone(&self.shared);
        let mut taken = shared.taken.lock().await;
        let mut came = shared.redis.came();
        let mut updates_end = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.updates.changed(), if !updates_end => {
                    updates_end = changed.is_err();
                    self.notice();
                }
                _ = came.changed() => self.kept.never(&mut self.sweep),
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
        let mut questions = pipe();
        let mut is_any = false;
        for Waiting {
            tenant,
            flushed,
            entry,
        } in waiting
        {
            let Some(written) = write(entry).filter(|_| self.kept.takes(tenant, *flushed)) else {
                continue;
            };
            let name = name(self.shared.redis.prefix(), (tenant, *flushed), &entry.key);
            let set = questions.cmd("SET").arg(name).arg(written);
            set.arg("PX").arg(entry.ttl_ms.max(1)).ignore();
            is_any = true;
        }
        if is_any {
            let redis = &self.shared.redis;
            // Whether it was stored matters to nobody but the metric.
            let _: Option<()> = redis
                .ask_all(RedisLabel::CacheSet, &questions, PATIENCE)
                .await;
        }
    }

    /// Takes away what must go; it stays to be done where Redis is not there.
    async fn clean(&mut self) {
        if !self.sweep.is_empty() && self.swept().await.is_some() {
            self.sweep = Sweep::default();
        }
    }

    async fn swept(&self) -> Option<()> {
        let prefix = self.shared.redis.prefix();
        let single = self.sweep.single();
        let single = single.map(|(tenant, flushed, key)| name(prefix, (tenant, flushed), key));
        self.unlink(&single.collect::<Vec<_>>()).await?;
        if self.sweep.needs_no_search() {
            return Some(());
        }
        let place = place(prefix);
        let mut cursor = "0".to_owned();
        loop {
            let step = cmd("SCAN")
                .arg(&cursor)
                .arg("MATCH")
                .arg(format!("{place}*"))
                .arg("COUNT")
                .arg(STEP)
                .to_owned();
            let redis = &self.shared.redis;
            let answer = redis.ask(RedisLabel::CacheFlush, &step, PATIENCE);
            let (next, names): (String, Vec<String>) = answer.await?;
            let goes = |name: &String| {
                let rest = name.strip_prefix(&place);
                rest.is_some_and(|rest| self.sweep.takes(rest))
            };
            self.unlink(&names.into_iter().filter(goes).collect::<Vec<_>>())
                .await?;
            if next == "0" {
                return Some(());
            }
            cursor = next;
        }
    }

    async fn unlink(&self, names: &[String]) -> Option<()> {
        if names.is_empty() {
            return Some(());
        }
        let question = cmd("UNLINK").arg(names).to_owned();
        let redis = &self.shared.redis;
        let gone: Option<u64> = redis.ask(RedisLabel::CacheFlush, &question, PATIENCE).await;
        gone.map(drop)
    }
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

//! Sends what waits in the outbox to the decision log, in batches, and again until the log took it.

use std::{sync::Arc, time::Duration};

use floopy_shared::process::clock::Clock;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    decision_log::{ClickHouse, LogError, clickhouse::Logged},
    kept::Kept,
    metrics::Metrics,
    store::{
        Store,
        outbox::{self, Waiting},
    },
};

/// How often the outbox is looked at: a decision is in the log about this long after it was taken in.
const EVERY: Duration = Duration::from_millis(250);
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Decisions of a batch: a few megabytes.
const BATCH: u32 = 4_000;
/// Between two reasons that are told.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// How often decisions are looked for that are kept for less than when they were written.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Shipping {
    pub(crate) store: Store,
    pub(crate) log: ClickHouse,
    pub(crate) kept: Arc<Kept>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
}

/// What is known of the log.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Its schema and whose entries these are were looked at since it last failed.
    is_met: bool,
    /// The last thing said of it was that it failed, then, with this reason.
    failed: Option<(Instant, String)>,
    forgot: Option<Instant>,
}

impl Shipping {
    /// Runs until stopped. Ends by itself only where the log is of a newer version.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), LogError> {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = Known::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                done = self.turn(&mut known) => done,
            };
            if let Err(error) = done {
                self.failed(&mut known, error)?;
                tick.reset_after(PAUSE);
            } else if known.failed.take().is_some() {
                tracing::info!(log = ?self.log, "the decision log takes decisions again");
            }
        }
    }

    fn failed(&self, known: &mut Known, error: LogError) -> Result<(), LogError> {
        if matches!(error, LogError::Newer { .. }) {
            return Err(error);
        }
        self.metrics.log_failed();
        // Perhaps it is another one when it comes back.
        known.is_met = false;
        let reason = error.to_string();
        let is_told = known
            .failed
            .as_ref()
            .is_some_and(|(at, told)| *told == reason || at.elapsed() < TOLD_EVERY);
        if !is_told {
            tracing::warn!(%error, "the decision log takes no decisions; they wait in the store");
            known.failed = Some((Instant::now(), reason));
        }
        Ok(())
    }

    /// Sends everything that waits.
    pub(crate) async fn turn(&self, known: &mut Known) -> Result<(), LogError> {
        if !known.is_met {
            self.meet().await?;
            known.is_met = true;
        }
        loop {
            let waiting = outbox::waiting(&self.store, BATCH).await?;
            self.metrics
                .log_waiting(outbox::entries(&self.store).await?);
            if !waiting.is_empty() {
                self.send(waiting).await?;
            } else if !outbox::refill(&self.store).await? {
                break;
            }
        }
        if known.forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            self.forget().await?;
            known.forgot = Some(Instant::now());
        }
        Ok(())
    }

    /// Brings the log's schema forward, and sees to it that a log that has nothing yet gets everything.
    async fn meet(&self) -> Result<(), LogError> {
        let log = self.log.migrate().await?;
        Ok(outbox::is_for(&self.store, &log).await?)
    }

    async fn send(&self, mut waiting: Waiting) -> Result<(), LogError> {
        let sent = std::mem::take(&mut waiting.decisions);
        let row = |sent: outbox::Sent| {
            let kept_ms = self.kept.of(&sent.decision.tenant);
            Logged::of(sent, kept_ms)
        };
        let rows: Vec<Logged> = sent.into_iter().map(row).collect();
        if !rows.is_empty() {
            self.log.put(&rows).await?;
        }
        let mut tx = self.store.write().await?;
        outbox::taken(&mut tx, &waiting).await?;
        tx.commit().await.map_err(crate::store::StoreError::from)?;
        self.metrics.log_took(rows.len());
        Ok(())
    }

    async fn forget(&self) -> Result<(), LogError> {
        let now = self.clock.now_ms();
        let most = now.saturating_sub(self.kept.most_ms());
        self.log.forget(None, most).await?;
        for (tenant, kept_ms) in self.kept.less() {
            let before = now.saturating_sub(kept_ms);
            self.log.forget(Some(&tenant), before).await?;
        }
        Ok(())
    }
}

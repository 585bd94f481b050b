//! Keeps the store in bounds: gives up jobs that kill judges, forgets what is too old.

use std::{convert::Infallible, sync::Arc, time::Duration};

use floopy_shared::{domain::ids::TenantId, process::clock::Clock};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    in_force::InForce,
    index::{dirty::Dirty, gone::Gone, totals::Totals},
    kept::Kept,
    learn::credit::day_of,
    queue::{Queue, QueueError},
    rest::NAMED_MS,
    store::{
        Store, StoreError,
        retention::{self, Horizon},
        spend,
    },
};

/// How often the scoring queue is looked at; also how late an ended lease is noticed by a waiting judge.
const QUEUE_EVERY: Duration = Duration::from_secs(2);
/// How often old data is looked for.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// Rows of budgets' accounts that are forgotten at a time.
const SLICE: i64 = 2_000;
/// Pause between slices, so that the intake gets its turn.
const BREATH: Duration = Duration::from_millis(50);

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
    pub(crate) totals: Arc<Totals>,
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) gone: Arc<Gone>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) in_force: InForce,
    pub(crate) buckets_ms: u64,
}

impl Housekeeping {
    /// Runs until stopped.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut queue = tokio::time::interval(QUEUE_EVERY);
        let mut forget = tokio::time::interval(FORGET_EVERY);
        queue.set_missed_tick_behavior(MissedTickBehavior::Delay);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = queue.tick() => self.queue.tend().await,
                _ = forget.tick() => self.forget(&stop).await.map_err(QueueError::from),
            };
            if let Err(error) = done {
                tracing::error!(%error, "housekeeping failed; trying again later");
            }
        }
    }

    async fn forget(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let now = self.clock.now_ms();
        self.queue.forget();
        // First what is refused from now on, then what is forgotten.
        let plans = self.in_force.now().plans.clone();
        self.kept.refresh(&self.store, &plans).await?;
        let sooner = self.kept.less().into_iter();
        let sooner = sooner.map(|(tenant, kept_ms)| (tenant, now.saturating_sub(kept_ms)));
        let horizon = Horizon {
            answers_before_ms: now.saturating_sub(NAMED_MS),
            decisions_before_ms: now.saturating_sub(self.kept.most_ms()),
            sooner: sooner.collect(),
            buckets_before_day: day_of(now.saturating_sub(self.buckets_ms)),
        };
        while !stop.is_cancelled() {
            let mut tx = self.store.write().await?;
            let number = self.store.write_number();
            let gone = retention::forget(&mut tx, &horizon).await?;
            let tenants: Vec<TenantId> = gone.sums.deltas.tenants().to_vec();
            if let Err(error) = tx.commit().await {
                self.totals.forget(&tenants);
                return Err(error.into());
            }
            self.totals.add(&gone.sums.deltas, number);
            self.gone.put(gone.sums.days);
            self.dirty.mark(tenants, false);
            if gone.rows == 0 {
                break;
            }
            tracing::info!(rows = gone.rows, "forgot what was older than is kept");
            tokio::time::sleep(BREATH).await;
        }
        self.forget_spend(stop).await
    }

    /// What was spent longer ago than any budget looks back.
    async fn forget_spend(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        while !stop.is_cancelled() {
            let mut tx = self.store.write().await?;
            let gone = spend::forget(&mut tx, self.clock.now_ms(), SLICE).await?;
            tx.commit().await?;
            if gone == 0 {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }
}

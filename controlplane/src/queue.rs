//! The scoring queue: replies that wait for a judge, are with one, or were given up.

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use floopy_shared::{
    domain::{
        event::ScoringJob,
        ids::{RequestId, TenantId},
    },
    process::clock::Clock,
};
use tokio::{sync::Notify, time::Instant};

pub(crate) use crate::store::queue::{Ask, Bounds, Dead, Depth, Failure, Which};
use crate::{
    metrics::{Dropped, Metrics},
    store::{
        Store, StoreError, Tx,
        queue::{self, QueuedJob},
        record,
    },
};

/// Hands replies to judges. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    store: Store,
    clock: Clock,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    /// Wakes judges that wait for work.
    arrived: Arc<Notify>,
    /// The tenant that was served last.
    turn: Arc<Mutex<String>>,
}

/// What is in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Status {
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    pub(crate) dead: u64,
    /// When the oldest was queued that is not dead.
    pub(crate) oldest_ms: Option<u64>,
    /// By their names.
    pub(crate) tenants: Vec<Depth>,
}

impl Status {
    fn of(tenants: Vec<Depth>) -> Self {
        let sum = |count: fn(&Depth) -> u64| tenants.iter().map(count).sum();
        Self {
            waiting: sum(|depth| depth.waiting),
            in_flight: sum(|depth| depth.in_flight),
            dead: sum(|depth| depth.dead),
            oldest_ms: tenants.iter().filter_map(|depth| depth.oldest_ms).min(),
            tenants,
        }
    }
}

impl Queue {
    pub(crate) fn new(store: Store, clock: Clock, bounds: Bounds, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            clock,
            bounds,
            metrics,
            arrived: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Queues jobs in the transaction that takes them in; how many others were dropped for them.
    pub(crate) async fn put(
        &self,
        tx: &mut Tx,
        jobs: &[QueuedJob],
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        queue::put_many(tx, jobs, now_ms).await?;
        queue::trim(tx, &self.bounds, now_ms).await
    }

    /// What was put is committed.
    pub(crate) fn was_put(&self, dropped: u64) {
        self.metrics.jobs_dropped(Dropped::Full, dropped);
        self.wake();
    }

    /// Hands out work, waiting up to `wait` for some to come.
    pub(crate) async fn lease(
        &self,
        ask: &Ask,
        wait: Duration,
    ) -> Result<Vec<ScoringJob>, StoreError> {
        let deadline = Instant::now() + wait;
        loop {
            // Registered before looking, so that a job queued in between is not missed.
            let arrived = self.arrived.notified();
            let mut arrived = std::pin::pin!(arrived);
            arrived.as_mut().enable();
            let jobs = self.try_lease(ask).await?;
            if !jobs.is_empty() || tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return Ok(jobs);
            }
        }
    }

    async fn try_lease(&self, ask: &Ask) -> Result<Vec<ScoringJob>, StoreError> {
        let after = self.turn().clone();
        let mut tx = self.store.write().await?;
        let bounds = (&self.bounds, after.as_str());
        let leased = queue::lease(&mut tx, ask, bounds, self.clock.now_ms()).await?;
        tx.commit().await?;
        if let Some(last) = leased.last {
            *self.turn() = last;
        }
        self.metrics.jobs_died(leased.died);
        Ok(leased.jobs)
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, String> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes jobs off that were scored, and takes down why others were not, in the transaction that keeps the scores.
    /// How many died.
    pub(crate) async fn settle(
        &self,
        tx: &mut Tx,
        scored: &[RequestId],
        failed: &[Failure],
    ) -> Result<u64, StoreError> {
        queue::remove_many(tx, scored).await?;
        queue::fail(tx, failed, &self.bounds, self.clock.now_ms()).await
    }

    /// What was settled is committed.
    pub(crate) fn was_settled(&self, died: u64) {
        self.metrics.jobs_died(died);
    }

    /// Gives up what was handed out too often, keeps the dead in bounds, and wakes judges for what came back.
    pub(crate) async fn tend(&self) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        let died = queue::bury(&mut tx, &self.bounds, self.clock.now_ms()).await?;
        let dropped = queue::trim_dead(&mut tx, &self.bounds).await?;
        tx.commit().await?;
        self.metrics.jobs_died(died);
        self.metrics.jobs_dropped(Dropped::DeadFull, dropped);
        if died > 0 {
            tracing::warn!(
                died,
                "replies were given up unscored; floopy queue dead list shows why"
            );
        }
        self.metrics.queue_depth(&self.status().await?);
        self.wake();
        Ok(())
    }

    /// Something can be handed out.
    pub(crate) fn wake(&self) {
        self.arrived.notify_waiters();
    }

    /// What is in it.
    pub(crate) async fn status(&self) -> Result<Status, StoreError> {
        let depths = queue::depths(&self.store, self.clock.now_ms()).await?;
        Ok(Status::of(depths))
    }

    /// Up to `limit` of the dead, the newest first, from this place on.
    pub(crate) async fn dead(
        &self,
        tenant: Option<&TenantId>,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Dead>, StoreError> {
        let after = after.map(|place| (place.dead_ms, place.request));
        queue::page(&self.store, tenant, after, limit).await
    }

    /// One of the dead; its job, if it can be read.
    pub(crate) async fn dead_one(
        &self,
        request: RequestId,
    ) -> Result<Option<(Dead, Option<ScoringJob>)>, StoreError> {
        let found = queue::get(&self.store, request).await?;
        Ok(found.map(|(dead, record)| (dead, record::decode_job(&record).ok())))
    }

    /// Has dead jobs handed out again, once the transaction is committed; how many.
    pub(crate) async fn retry(&self, tx: &mut Tx, which: &Which) -> Result<u64, StoreError> {
        let retried = queue::retry(tx, which).await?;
        let dropped = queue::trim(tx, &self.bounds, self.clock.now_ms()).await?;
        self.metrics.jobs_dropped(Dropped::Full, dropped);
        Ok(retried)
    }

    /// Drops dead jobs; how many.
    pub(crate) async fn drop_dead(&self, tx: &mut Tx, which: &Which) -> Result<u64, StoreError> {
        queue::drop_dead(tx, which).await
    }
}

/// A place in the list of the dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) dead_ms: u64,
    pub(crate) request: RequestId,
}

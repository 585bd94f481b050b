//! The scoring queue: replies that wait for a judge, are with one, or were given up. It is in the store, or in Redis, which
//! has them from the store.

mod redis;
mod ship;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use floopy_shared::{
    domain::{
        event::ScoringJob,
        ids::{RequestId, TenantId},
    },
    process::clock::Clock,
};
use tokio::{
    sync::{Notify, futures::Notified},
    time::Instant,
};

pub(crate) use self::{
    redis::{RedisQueue, Setup},
    ship::Shipped,
};
pub(crate) use crate::store::queue::{Ask, Bounds, Dead, Depth, Failure, Which};
use crate::{
    metrics::{Dropped, Metrics},
    store::{
        Store, StoreError, Tx,
        queue::{self, QueuedJob},
        record,
    },
};

/// Why the queue did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Redis at {place} did not answer within {ms} ms")]
    Late { place: String, ms: u128 },
    #[error("Redis at {place} is left alone for a moment: it failed several times in a row")]
    LeftAlone { place: String },
    #[error("Redis at {place} failed: {reason}")]
    Failed { place: String, reason: String },
}

/// Hands replies to judges. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    store: Store,
    /// `None`: the store is the queue.
    redis: Option<Arc<RedisQueue>>,
    clock: Clock,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    /// Wakes who waits for work.
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
    /// In the store.
    pub(crate) fn new(store: Store, clock: Clock, bounds: Bounds, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            redis: None,
            clock,
            bounds,
            metrics,
            arrived: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// In Redis, behind the store.
    pub(crate) fn in_redis(self, redis: RedisQueue) -> Self {
        Self {
            redis: Some(Arc::new(redis)),
            ..self
        }
    }

    /// The Redis that it is in, if it is in one.
    pub(crate) fn redis(&self) -> Option<Arc<RedisQueue>> {
        self.redis.clone()
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
    ) -> Result<Vec<ScoringJob>, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            // Registered before looking, so that a job queued in between is not missed.
            let arrived = self.arrived();
            let mut arrived = std::pin::pin!(arrived);
            arrived.as_mut().enable();
            let jobs = match &self.redis {
                None => self.lease_from_store(ask).await?,
                Some(redis) => self.lease_from_redis(redis, ask).await?,
            };
            if !jobs.is_empty() || tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return Ok(jobs);
            }
        }
    }

    async fn lease_from_store(&self, ask: &Ask) -> Result<Vec<ScoringJob>, StoreError> {
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

    async fn lease_from_redis(
        &self,
        redis: &RedisQueue,
        ask: &Ask,
    ) -> Result<Vec<ScoringJob>, QueueError> {
        redis.swept(&self.store).await?;
        let after = self.turn().clone();
        let bounds = (&self.bounds, after.as_str());
        let leased = redis.lease(ask, bounds, self.clock.now_ms()).await?;
        *self.turn() = leased.last;
        self.metrics.jobs_died(leased.buried.died);
        let dropped = leased.buried.dropped;
        self.metrics.jobs_dropped(Dropped::DeadFull, dropped);
        Ok(leased.jobs)
    }

    fn turn(&self) -> MutexGuard<'_, String> {
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

    /// What was settled is committed. Redis is told now; where it does not hear, it hands out again what is known then.
    pub(crate) async fn was_settled(&self, scored: &[RequestId], failed: &[Failure], died: u64) {
        self.metrics.jobs_died(died);
        let Some(redis) = &self.redis else {
            return;
        };
        if let Err(error) = self.settle_in(redis, scored, failed).await {
            tracing::debug!(%error, "what was scored is still on the queue in Redis");
        }
    }

    async fn settle_in(
        &self,
        redis: &RedisQueue,
        scored: &[RequestId],
        failed: &[Failure],
    ) -> Result<(), QueueError> {
        let now_ms = self.clock.now_ms();
        redis.remove(scored, now_ms).await?;
        let buried = redis.fail(failed, &self.bounds, now_ms).await?;
        self.metrics.jobs_died(buried.died);
        self.metrics.jobs_dropped(Dropped::DeadFull, buried.dropped);
        Ok(())
    }

    /// Gives up what was handed out too often, keeps the dead in bounds, and wakes judges for what came back. What is in
    /// Redis is given up there when somebody asks for work.
    pub(crate) async fn tend(&self) -> Result<(), QueueError> {
        let mut tx = self.store.write().await?;
        let died = queue::bury(&mut tx, &self.bounds, self.clock.now_ms()).await?;
        let dropped = queue::trim_dead(&mut tx, &self.bounds).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.metrics.jobs_died(died);
        self.metrics.jobs_dropped(Dropped::DeadFull, dropped);
        if died > 0 {
            tracing::warn!(
                died,
                "replies were given up unscored; floopy queue dead list shows why"
            );
        }
        match self.status().await {
            Ok(status) => self.metrics.queue_depth(&status),
            Err(QueueError::Store(error)) => return Err(error.into()),
            // Who sends there says so.
            Err(
                QueueError::Late { .. } | QueueError::LeftAlone { .. } | QueueError::Failed { .. },
            ) => {}
        }
        self.wake();
        Ok(())
    }

    /// Something can be handed out.
    pub(crate) fn wake(&self) {
        self.arrived.notify_waiters();
    }

    /// Ends once something can.
    pub(crate) fn arrived(&self) -> Notified<'_> {
        self.arrived.notified()
    }

    /// Something may have to go: the store is asked what, before anything else is handed out.
    pub(crate) fn forget(&self) {
        if let Some(redis) = &self.redis {
            redis.must_sweep();
        }
    }

    /// The same at once. Where Redis is away, it goes when Redis is back, and is handed out to nobody before.
    pub(crate) async fn forget_now(&self) {
        let Some(redis) = &self.redis else {
            return;
        };
        redis.must_sweep();
        if let Err(error) = redis.swept(&self.store).await {
            tracing::debug!(%error, "what was deleted is taken off the queue in Redis later");
        }
    }

    /// What is in it.
    pub(crate) async fn status(&self) -> Result<Status, QueueError> {
        let now_ms = self.clock.now_ms();
        let stored = queue::depths(&self.store, now_ms).await?;
        let Some(redis) = &self.redis else {
            return Ok(Status::of(stored));
        };
        let unsent = stored.iter().map(|depth| depth.waiting + depth.in_flight);
        self.metrics.jobs_unsent(unsent.sum());
        Ok(Status::of(together(redis.depths(now_ms).await?, stored)))
    }

    /// Up to `limit` of the dead, the newest first, from this place on.
    pub(crate) async fn dead(
        &self,
        tenant: Option<&TenantId>,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Dead>, QueueError> {
        if let Some(redis) = &self.redis {
            return redis.page(tenant, after, limit).await;
        }
        let after = after.map(|place| (place.dead_ms, place.request));
        Ok(queue::page(&self.store, tenant, after, limit).await?)
    }

    /// One of the dead; its job, if it can be read.
    pub(crate) async fn dead_one(
        &self,
        request: RequestId,
    ) -> Result<Option<(Dead, Option<ScoringJob>)>, QueueError> {
        let found = match &self.redis {
            None => queue::get(&self.store, request).await?,
            Some(redis) => redis.get(request).await?,
        };
        Ok(found.map(|(dead, record)| (dead, record::decode_job(&record).ok())))
    }

    /// Has dead jobs handed out again, once the transaction is committed; how many.
    pub(crate) async fn retry(&self, tx: &mut Tx, which: &Which) -> Result<u64, QueueError> {
        if let Some(redis) = &self.redis {
            return redis.retry(which).await;
        }
        let retried = queue::retry(tx, which).await?;
        let dropped = queue::trim(tx, &self.bounds, self.clock.now_ms()).await?;
        self.metrics.jobs_dropped(Dropped::Full, dropped);
        Ok(retried)
    }

    /// Drops dead jobs; how many.
    pub(crate) async fn drop_dead(&self, tx: &mut Tx, which: &Which) -> Result<u64, QueueError> {
        if let Some(redis) = &self.redis {
            return redis.drop_dead(which).await;
        }
        Ok(queue::drop_dead(tx, which).await?)
    }
}

/// What is in Redis, and what waits in the store to be sent there.
fn together(mut depths: Vec<Depth>, stored: Vec<Depth>) -> Vec<Depth> {
    for waiting in stored {
        let unsent = waiting.waiting + waiting.in_flight;
        if unsent == 0 {
            continue;
        }
        match depths.iter_mut().find(|d| d.tenant == waiting.tenant) {
            Some(depth) => {
                depth.waiting += unsent;
                depth.oldest_ms = depth.oldest_ms.or(waiting.oldest_ms);
            }
            None => depths.push(Depth {
                waiting: unsent,
                in_flight: 0,
                dead: 0,
                ..waiting
            }),
        }
    }
    depths.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    depths
}

/// A place in the list of the dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) dead_ms: u64,
    pub(crate) request: RequestId,
}

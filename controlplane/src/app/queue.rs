//! The scoring queue, as it is configured.

use std::{sync::Arc, time::Duration};

use floopy_shared::process::clock::Clock;

use super::{Error, core::Core};
use crate::{
    config::{Config, Scoring},
    jobs::queue::Sending,
    metrics::Metrics,
    queue::{Bounds, Queue, RedisQueue, Setup},
    store::Store,
};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// In the store, or in Redis; nothing is asked of it yet.
pub(super) fn of(
    config: &Config,
    (store, clock): (&Store, &Clock),
    metrics: &Arc<Metrics>,
) -> Result<Queue, Error> {
    let bounds = bounds(config.scoring);
    let queue = Queue::new(store.clone(), clock.clone(), bounds, Arc::clone(metrics));
    let Some(url) = &config.redis.url else {
        return Ok(queue);
    };
    let setup = Setup {
        url: url.expose(),
        prefix: &config.redis.prefix,
        deadline: Duration::from_millis(config.redis.deadline_ms),
        kept_ms: config.retention.decisions_days * DAY_MS,
    };
    let redis = RedisQueue::new(&setup).map_err(|e| Error::config("redis.url", e.to_string()))?;
    Ok(queue.in_redis(redis))
}

fn bounds(scoring: Scoring) -> Bounds {
    Bounds {
        jobs: scoring.queue_capacity,
        when_full: scoring.when_full,
        deliveries: scoring.max_deliveries,
        dead: scoring.dead_capacity,
    }
}

impl Core {
    /// What sends jobs to Redis, where that is the queue.
    pub(super) fn sending(&self) -> Option<Sending> {
        let intake = &self.services.intake;
        Some(Sending {
            queue: intake.queue.clone(),
            redis: intake.queue.redis()?,
            metrics: Arc::clone(&intake.metrics),
        })
    }
}

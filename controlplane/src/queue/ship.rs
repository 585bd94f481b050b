//! From the store to Redis: jobs are taken in with everything else of their batch, wait here, and go there once it has
//! room. While Redis is away they wait, and nothing else does.

use std::collections::BTreeSet;

use floopy_shared::domain::{event::ScoringJob, ids::RequestId};

use super::{Queue, QueueError, redis::RedisQueue};
use crate::store::{
    StoreError,
    queue::{self, Record, Wanted},
    record,
};

/// Jobs that are sent at a time, and their bytes.
const JOBS: u32 = 256;
const BYTES: u64 = 4 << 20;

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shipped {
    /// Nothing waited.
    Nothing,
    Some,
    /// Redis has no more room: what is left waits.
    Full,
}

impl Queue {
    /// Brings some of what waits in the store to Redis.
    pub(crate) async fn ship(&self, redis: &RedisQueue) -> Result<Shipped, QueueError> {
        redis.swept(&self.store).await?;
        let (jobs, unreadable) = self.unsent().await?;
        if jobs.is_empty() && unreadable.is_empty() {
            redis.ping().await?;
            return Ok(Shipped::Nothing);
        }
        let now_ms = self.clock.now_ms();
        let sent = redis.put(&jobs, self.bounds.jobs, now_ms).await?;
        let sent: Vec<RequestId> = jobs.iter().take(sent).map(|(_, job)| job.0).collect();
        let mut tx = self.store.write().await?;
        queue::remove_many(&mut tx, &unreadable).await?;
        let removed = queue::remove_sent(&mut tx, &sent).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.metrics.jobs_died(unreadable.len() as u64);
        // What was taken off here meanwhile must not be there either.
        let removed: BTreeSet<RequestId> = removed.into_iter().collect();
        let lost = sent.iter().filter(|request| !removed.contains(request));
        redis.remove(lost, now_ms).await?;
        self.wake();
        if sent.len() < jobs.len() {
            return Ok(Shipped::Full);
        }
        Ok(Shipped::Some)
    }

    /// What waits, of every tenant in turn; and what of it cannot be read.
    async fn unsent(&self) -> Result<(Vec<(ScoringJob, Record)>, Vec<RequestId>), StoreError> {
        let mut conn = self.store.read().acquire().await?;
        let wanted = Wanted {
            jobs: JOBS,
            bytes: BYTES,
            after: "",
            deliveries: self.bounds.deliveries,
            now_ms: self.clock.now_ms(),
        };
        let picked = queue::pick(&mut conn, &wanted).await?;
        let (mut jobs, mut unreadable) = (Vec::new(), Vec::new());
        for record in queue::records(&mut conn, &picked.requests).await? {
            match record::decode_job(&record.2) {
                Ok(job) => jobs.push((job, record)),
                Err(error) => {
                    tracing::error!(%error, request = %record.0, "a scoring job is dropped");
                    unreadable.push(record.0);
                }
            }
        }
        Ok((jobs, unreadable))
    }
}

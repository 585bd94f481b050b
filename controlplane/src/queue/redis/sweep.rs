//! What may be kept no longer goes from Redis: replies of sessions that were deleted, and of tenants that keep nothing any
//! more. The store knows who they are; while Redis is away they are remembered there, and nothing is handed out before.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use floopy_shared::domain::ids::RequestId;

use super::{LIST, QueueError, RedisQueue, request_id};
use crate::store::{
    Store, StoreError,
    contents::deleted::{Asked, Deleted},
    unwanted,
};

/// Jobs that are taken away by one question.
const SLICE: usize = 500;

/// A job as a script lists it.
type Listed = (String, String, String, u64);

impl RedisQueue {
    /// Something is to go before anything else is handed out.
    pub(crate) fn must_sweep(&self) {
        self.unswept.store(true, Ordering::Relaxed);
    }

    /// Takes away what may not be there, if there may be anything.
    pub(crate) async fn swept(&self, store: &Store) -> Result<(), QueueError> {
        if !self.unswept.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let swept = self.sweep(store).await;
        if swept.is_err() {
            self.must_sweep();
        }
        swept
    }

    async fn sweep(&self, store: &Store) -> Result<(), QueueError> {
        let listed: Vec<Listed> = self.ask(&self.script(LIST, 0)).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let unwanted = unwanted(store, &listed).await?;
        for requests in unwanted.chunks(SLICE) {
            self.remove(requests, 0).await?;
        }
        if !unwanted.is_empty() {
            tracing::info!(
                jobs = unwanted.len(),
                "replies that may be kept no longer are off the queue in Redis"
            );
        }
        Ok(())
    }
}

async fn unwanted(store: &Store, listed: &[Listed]) -> Result<Vec<RequestId>, QueueError> {
    let mut conn = store.read().acquire().await.map_err(StoreError::from)?;
    let tenants: BTreeSet<&str> = listed
        .iter()
        .map(|(_, tenant, ..)| tenant.as_str())
        .collect();
    let gone = unwanted::of(&mut conn, &tenants).await?;
    let sessions = listed
        .iter()
        .filter(|(_, _, session, _)| !session.is_empty())
        .map(|(_, tenant, session, _)| (tenant.as_str(), session.as_str()));
    let deleted = Deleted::of(&mut conn, sessions).await?;
    let is_unwanted = |(_, tenant, session, asked_at_ms): &&Listed| {
        let asked = Asked {
            tenant,
            session,
            at_ms: *asked_at_ms,
        };
        gone.contains(tenant) || deleted.covers(&asked)
    };
    let unwanted = listed.iter().filter(is_unwanted);
    unwanted.map(|(request, ..)| request_id(request)).collect()
}

//! Stored replies that proxies share by Redis, behind each proxy's own.
//!
//! A reply's name has in it whose it is and the last flush of everything of that tenant, so what was flushed cannot be
//! found any more; other flushes are checked as they are of a proxy's own. Redis lets go what is too old, and what it has
//! no room for.

mod keeper;

use std::sync::Arc;

use bytes::Bytes;
use floopy_shared::domain::{cache::CacheKey, ids::TenantId};
use redis::cmd;
use tokio::sync::{Mutex, mpsc};

pub(crate) use self::keeper::SharedKeeper;
use super::{
    Looked,
    entry::Entry,
    written::{read, write},
};
use crate::{
    metrics::{Metrics, RedisLabel},
    redis::Redis,
};

/// Replies that wait to be shared; further ones are not. They are the ones that the proxy holds itself, so they take no
/// room of their own.
const WAITING: usize = 256;

/// The replies that proxies share.
pub(crate) struct Shared {
    redis: Arc<Redis>,
    metrics: Arc<Metrics>,
    waiting: mpsc::Sender<Waiting>,
    /// For the task that shares them, of which there is one.
    taken: Mutex<mpsc::Receiver<Waiting>>,
}

/// A reply that waits to be shared.
#[derive(Debug)]
struct Waiting {
    tenant: TenantId,
    flushed: u64,
    entry: Arc<Entry>,
}

impl Shared {
    pub(crate) fn new(redis: Arc<Redis>, metrics: &Arc<Metrics>) -> Self {
        let (waiting, taken) = mpsc::channel(WAITING);
        Self {
            redis,
            metrics: Arc::clone(metrics),
            waiting,
            taken: Mutex::new(taken),
        }
    }

    /// What is stored under this name, whether it may be given or not; nothing, where that takes too long.
    pub(super) async fn get(&self, looked: &Looked<'_>, max_bytes: usize) -> Option<Entry> {
        let flushed = looked.caching.flushed;
        let name = name(self.redis.prefix(), (looked.tenant, flushed), &looked.key);
        let question = cmd("GET").arg(name).to_owned();
        let deadline = self.redis.lookup();
        let asked = self.redis.ask(RedisLabel::CacheGet, &question, deadline);
        let written: Option<Vec<u8>> = asked.await?;
        let entry = read(&Bytes::from(written?), &looked.key)?;
        (entry.body.len() <= max_bytes).then_some(entry)
    }

    /// It was given.
    pub(super) fn given(&self) {
        self.metrics.redis.shared_hit();
    }

    /// Shares it soon, if there is room to wait.
    pub(super) fn offer(&self, tenant: &TenantId, flushed: u64, entry: &Arc<Entry>) {
        let waiting = Waiting {
            tenant: tenant.clone(),
            flushed,
            entry: Arc::clone(entry),
        };
        if self.waiting.try_send(waiting).is_err() {
            self.metrics.redis.dropped();
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// Where the replies of all tenants are.
fn place(prefix: &str) -> String {
    format!("{prefix}:reply:")
}

/// Of the reply to a request.
fn name(prefix: &str, (tenant, flushed): (&TenantId, u64), key: &CacheKey) -> String {
    let place = place(prefix);
    format!("{place}{tenant}:{flushed}:{}", hex::encode(key))
}

//! The scoring queue in Redis: streams with a consumer group, moved by scripts, so that each move is made whole or not at
//! all. Every question has a deadline, and a server that fails again and again is left alone for a moment.

mod sweep;

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::{
    domain::{
        event::ScoringJob,
        ids::{RequestId, TenantId},
    },
    process::breaker::Breaker,
};
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult,
    aio::MultiplexedConnection, cmd,
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Ask, Bounds, Dead, Depth, Failure, Place, QueueError, Which};
use crate::store::{StoreError, queue::Record, record};

/// Larger than any job: what is handed out may be this much too large.
const MAX_JOB_BYTES: u64 = 1 << 20;

macro_rules! script {
    ($file:literal) => {
        concat!(
            include_str!("redis/common.lua"),
            include_str!(concat!("redis/", $file))
        )
    };
}

const PUT: &str = script!("put.lua");
const LEASE: &str = script!("lease.lua");
const FAIL: &str = script!("fail.lua");
const REMOVE: &str = script!("remove.lua");
const STATUS: &str = script!("status.lua");
const PAGE: &str = script!("page.lua");
const GET: &str = script!("get.lua");
const CHANGE: &str = script!("change.lua");
const LIST: &str = script!("list.lua");

/// The queue in Redis.
pub(crate) struct RedisQueue {
    client: Client,
    /// How every name in it begins.
    prefix: String,
    deadline: Duration,
    /// For how long what nobody asks for stays.
    kept_ms: u64,
    breaker: Breaker,
    connection: Mutex<Option<MultiplexedConnection>>,
    /// Whether something may be there that must not be any more.
    unswept: AtomicBool,
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisQueue({})", self.place())
    }
}

/// How the queue in Redis is set up.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) url: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) deadline: Duration,
    pub(crate) kept_ms: u64,
}

/// What was handed out.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    pub(crate) jobs: Vec<ScoringJob>,
    pub(crate) last: String,
    pub(crate) buried: Buried,
}

/// What was given up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Buried {
    pub(crate) died: u64,
    /// Of those that were dead before, for want of room.
    pub(crate) dropped: u64,
}

/// One of the dead as a script tells it.
type Row = (String, String, u64, u64, u64, String, u64);

impl RedisQueue {
    /// Nothing is asked of it yet.
    pub(crate) fn new(setup: &Setup<'_>) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(setup.url)?,
            prefix: format!("{}:queue:", setup.prefix),
            deadline: setup.deadline,
            kept_ms: setup.kept_ms,
            breaker: Breaker::default(),
            connection: Mutex::default(),
            unswept: AtomicBool::new(true),
        })
    }

    /// Without user and password.
    fn place(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Puts jobs that wait in the store, as long as there is room; how many of them it has now.
    pub(crate) async fn put(
        &self,
        jobs: &[(ScoringJob, Record)],
        capacity: u64,
        now_ms: u64,
    ) -> Result<usize, QueueError> {
        let mut script = self.script(PUT, now_ms);
        script.arg(capacity).arg(self.kept_ms);
        for (job, (request, queued_ms, record)) in jobs {
            let session = job.session_id.as_ref().map_or("", |id| id.as_str());
            script
                .arg(job.tenant.as_str())
                .arg(request.to_string())
                .arg(*queued_ms)
                .arg(session)
                .arg(job.asked_at_ms)
                .arg(record.as_slice());
        }
        self.ask(&script).await
    }

    /// Hands out jobs, after those of one tenant.
    pub(crate) async fn lease(
        &self,
        ask: &Ask,
        (bounds, after): (&Bounds, &str),
        now_ms: u64,
    ) -> Result<Leased, QueueError> {
        let mut script = self.script(LEASE, now_ms);
        script
            .arg(ask.worker.as_str())
            .arg(ask.jobs)
            .arg(ask.bytes.saturating_sub(MAX_JOB_BYTES).max(1))
            .arg(ask.lease_ms)
            .arg(bounds.deliveries)
            .arg(after)
            .arg(bounds.dead);
        let (last, died, dropped, records): (String, u64, u64, Vec<Bytes>) =
            self.ask(&script).await?;
        let mut jobs = Vec::with_capacity(records.len());
        for bytes in &records {
            match record::decode_job(bytes) {
                Ok(job) => jobs.push(job),
                // It is given up when it was handed out often enough.
                Err(error) => tracing::error!(%error, "a scoring job in Redis"),
            }
        }
        Ok(Leased {
            jobs,
            last,
            buried: Buried { died, dropped },
        })
    }

    /// Whether it is there.
    pub(crate) async fn ping(&self) -> Result<(), QueueError> {
        let _: String = self.ask(&cmd("PING")).await?;
        Ok(())
    }

    /// Takes jobs away, wherever they are.
    pub(crate) async fn remove<'a>(
        &self,
        requests: impl IntoIterator<Item = &'a RequestId>,
        now_ms: u64,
    ) -> Result<u64, QueueError> {
        let mut script = self.script(REMOVE, now_ms);
        let mut is_empty = true;
        for request in requests {
            script.arg(request.to_string());
            is_empty = false;
        }
        if is_empty {
            return Ok(0);
        }
        self.ask(&script).await
    }

    /// Takes down why jobs were not scored.
    pub(crate) async fn fail(
        &self,
        failed: &[Failure],
        bounds: &Bounds,
        now_ms: u64,
    ) -> Result<Buried, QueueError> {
        if failed.is_empty() {
            return Ok(Buried::default());
        }
        let mut script = self.script(FAIL, now_ms);
        script.arg(bounds.deliveries).arg(bounds.dead);
        for failure in failed {
            script.arg(failure.request.to_string()).arg(failure.told());
        }
        let (died, dropped) = self.ask(&script).await?;
        Ok(Buried { died, dropped })
    }

    /// What each tenant has there.
    pub(crate) async fn depths(&self, now_ms: u64) -> Result<Vec<Depth>, QueueError> {
        let told: Vec<(String, u64, u64, u64, u64)> =
            self.ask(&self.script(STATUS, now_ms)).await?;
        let depth = |(tenant, waiting, in_flight, dead, oldest_ms)| Depth {
            tenant,
            waiting,
            in_flight,
            dead,
            oldest_ms: Some(oldest_ms).filter(|oldest_ms| *oldest_ms > 0),
        };
        Ok(told.into_iter().map(depth).collect())
    }

    /// Up to `limit` of the dead, the newest first, from this place on.
    pub(crate) async fn page(
        &self,
        tenant: Option<&TenantId>,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Dead>, QueueError> {
        let mut script = self.script(PAGE, 0);
        script
            .arg(tenant.map_or("", TenantId::as_str))
            .arg(limit)
            .arg(after.map_or(String::new(), |place| place.request.to_string()))
            .arg(after.map_or(0, |place| place.dead_ms));
        let rows: Vec<Row> = self.ask(&script).await?;
        rows.into_iter().map(dead).collect()
    }

    /// One of the dead and its record.
    pub(crate) async fn get(
        &self,
        request: RequestId,
    ) -> Result<Option<(Dead, Vec<u8>)>, QueueError> {
        type Found = (String, String, u64, u64, u64, String, u64, Bytes);
        let mut script = self.script(GET, 0);
        script.arg(request.to_string());
        let found: Vec<Found> = self.ask(&script).await?;
        let Some((id, tenant, queued_ms, dead_ms, deliveries, error, bytes, record)) =
            found.into_iter().next()
        else {
            return Ok(None);
        };
        let row = (id, tenant, queued_ms, dead_ms, deliveries, error, bytes);
        Ok(Some((dead(row)?, record.to_vec())))
    }

    /// Has dead jobs handed out again; how many.
    pub(crate) async fn retry(&self, which: &Which) -> Result<u64, QueueError> {
        self.change("retry", which).await
    }

    /// Drops dead jobs; how many.
    pub(crate) async fn drop_dead(&self, which: &Which) -> Result<u64, QueueError> {
        self.change("drop", which).await
    }

    async fn change(&self, verb: &str, which: &Which) -> Result<u64, QueueError> {
        let (kind, value) = match which {
            Which::One(request) => ("one", request.to_string()),
            Which::Of(tenant) => ("of", tenant.to_string()),
            Which::All => ("all", String::new()),
        };
        let mut script = self.script(CHANGE, 0);
        script.arg(verb).arg(kind).arg(value);
        self.ask(&script).await
    }

    fn script(&self, text: &str, now_ms: u64) -> Cmd {
        let mut script = cmd("EVAL");
        script
            .arg(text)
            .arg(0)
            .arg(self.prefix.as_str())
            .arg(now_ms);
        script
    }

    /// Asks, within the deadline and unless the server is left alone.
    async fn ask<T: FromRedisValue>(&self, question: &Cmd) -> Result<T, QueueError> {
        let place = || self.place();
        if !self.breaker.admits(Instant::now()) {
            return Err(QueueError::LeftAlone { place: place() });
        }
        let answer = timeout(self.deadline, self.answer(question)).await;
        let told = match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(QueueError::Failed {
                place: place(),
                reason: error.to_string(),
            }),
            Err(_) => Err(QueueError::Late {
                place: place(),
                ms: self.deadline.as_millis(),
            }),
        };
        self.breaker.note(told.is_ok(), Instant::now());
        if told.is_err() {
            // Perhaps it is another one when it comes back, with what was taken away here meanwhile.
            *self.held() = None;
            self.unswept.store(true, Ordering::Relaxed);
        }
        told
    }

    async fn answer<T: FromRedisValue>(&self, question: &Cmd) -> RedisResult<T> {
        let held = self.held().clone();
        let mut connection = match held {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        question.query_async(&mut connection).await
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // The deadline is the caller's; the connection's own would be shorter.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let client = &self.client;
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        *self.held() = Some(connection.clone());
        Ok(connection)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn dead(row: Row) -> Result<Dead, QueueError> {
    let (request, tenant, queued_ms, dead_ms, deliveries, error, bytes) = row;
    Ok(Dead {
        request: request_id(&request)?,
        tenant,
        queued_ms,
        dead_ms,
        deliveries,
        error,
        bytes,
    })
}

fn request_id(text: &str) -> Result<RequestId, QueueError> {
    let id = Uuid::try_parse(text).map(RequestId);
    Ok(id.map_err(|e| StoreError::corrupt("request id in Redis", e))?)
}

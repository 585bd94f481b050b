//! The Redis that proxies may share. Nothing depends on it: what it does not answer in time is gone on without.
//!
//! One task keeps the connection and looks whether it answers; requests use it while it does. After a few answers in a
//! row that were late or failed it counts as gone, and only that task asks it again.

mod link;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

pub(crate) use self::link::Link;
use crate::{
    config,
    metrics::{Metrics, RedisLabel, RedisResultLabel},
};

/// Answers in a row that may be late or fail before it counts as gone.
const STRIKES: u32 = 5;

/// For what no request waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// A Redis that is configured, whether it is there or not.
pub(crate) struct Redis {
    client: Client,
    prefix: String,
    lookup: Duration,
    sync: Duration,
    connection: ArcSwapOption<MultiplexedConnection>,
    strikes: AtomicU32,
    /// There were too many.
    struck: Notify,
    /// How often it came.
    came: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

impl Redis {
    /// `None`: none is configured.
    pub(crate) fn new(config: &config::Redis, metrics: &Arc<Metrics>) -> Option<Arc<Self>> {
        let url = config.url.as_ref()?;
        // That it can be used was checked with the configuration.
        let client = Client::open(url.expose()).ok()?;
        Some(Arc::new(Self {
            client,
            prefix: config.prefix.clone(),
            lookup: Duration::from_millis(config.lookup_ms),
            sync: Duration::from_millis(config.sync_ms),
            connection: ArcSwapOption::empty(),
            strikes: AtomicU32::new(0),
            struck: Notify::new(),
            came: watch::Sender::new(0),
            metrics: Arc::clone(metrics),
        }))
    }

    /// How every name in it begins.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How long a request waits for it.
    pub(crate) fn lookup(&self) -> Duration {
        self.lookup
    }

    /// Between two exchanges of what was used.
    pub(crate) fn sync(&self) -> Duration {
        self.sync
    }

    /// Told each time that it comes.
    pub(crate) fn came(&self) -> watch::Receiver<u64> {
        self.came.subscribe()
    }

    /// One question; `None` where there is no answer in time.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        operation: RedisLabel,
        question: &Cmd,
        deadline: Duration,
    ) -> Option<T> {
        let mut connection = self.connection(operation)?;
        let asked = question.query_async(&mut connection);
        self.within(operation, deadline, asked).await
    }

    /// Several at once.
    pub(crate) async fn ask_all<T: FromRedisValue>(
        &self,
        operation: RedisLabel,
        questions: &Pipeline,
        deadline: Duration,
    ) -> Option<T> {
        let mut connection = self.connection(operation)?;
        let asked = questions.query_async(&mut connection);
        self.within(operation, deadline, asked).await
    }

    fn connection(&self, operation: RedisLabel) -> Option<MultiplexedConnection> {
        let connection = self.connection.load_full();
        if connection.is_none() {
            let metrics = &self.metrics.redis;
            metrics.asked(operation, RedisResultLabel::Skipped);
        }
        connection.map(|connection| MultiplexedConnection::clone(&connection))
    }

    async fn within<T>(
        &self,
        operation: RedisLabel,
        deadline: Duration,
        asked: impl Future<Output = RedisResult<T>>,
    ) -> Option<T> {
        let (result, value) = match timeout(deadline, asked).await {
            Ok(Ok(value)) => (RedisResultLabel::Ok, Some(value)),
            // Redis itself said so: it is there.
            Ok(Err(error)) if error.code().is_some() => (RedisResultLabel::Refused, None),
            Ok(Err(_)) => (RedisResultLabel::Failed, None),
            Err(_) => (RedisResultLabel::Late, None),
        };
        self.metrics.redis.asked(operation, result);
        match result {
            RedisResultLabel::Ok | RedisResultLabel::Refused | RedisResultLabel::Skipped => {
                self.strikes.store(0, Ordering::Relaxed);
            }
            RedisResultLabel::Late | RedisResultLabel::Failed => self.strike(),
        }
        value
    }

    fn strike(&self) {
        if self.strikes.fetch_add(1, Ordering::Relaxed) + 1 == STRIKES {
            self.connection.store(None);
            self.struck.notify_one();
        }
    }
}

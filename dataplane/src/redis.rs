//! The Redis that proxies may share. Nothing depends on it: what it does not answer in time is gone on without.
//!
//! One task keeps the connection and looks whether it answers; requests use it while it does. After a few answers in a
//! row that were late or failed it counts as gone, and only that task asks it again.

mod link;

use std::{
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
    time::{error::Elapsed, timeout},
};

pub(crate) use self::link::Link;
use crate::{
    config,
    metrics::{AnswerLabel, Metrics, RedisLabel},
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
    live: ArcSwapOption<Live>,
    /// There were too many.
    struck: Notify,
    /// How often it came.
    came: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// A connection that is used.
struct Live {
    connection: MultiplexedConnection,
    /// Answers in a row that were late or failed.
    strikes: AtomicU32,
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
            live: ArcSwapOption::empty(),
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
        let live = self.live(operation)?;
        let mut connection = live.connection.clone();
        let asked = timeout(deadline, question.query_async(&mut connection));
        self.judge(operation, &live, asked.await)
    }

    /// Several at once.
    pub(crate) async fn ask_all<T: FromRedisValue>(
        &self,
        operation: RedisLabel,
        questions: &Pipeline,
        deadline: Duration,
    ) -> Option<T> {
        let live = self.live(operation)?;
        let mut connection = live.connection.clone();
        let asked = timeout(deadline, questions.query_async(&mut connection));
        self.judge(operation, &live, asked.await)
    }

    fn live(&self, operation: RedisLabel) -> Option<Arc<Live>> {
        let live = self.live.load_full();
        if live.is_none() {
            let metrics = &self.metrics.redis;
            metrics.asked(operation, AnswerLabel::Skipped);
        }
        live
    }

    fn judge<T>(
        &self,
        operation: RedisLabel,
        live: &Arc<Live>,
        answer: Result<RedisResult<T>, Elapsed>,
    ) -> Option<T> {
        let (result, value) = match answer {
            Ok(Ok(value)) => (AnswerLabel::Ok, Some(value)),
            Ok(Err(error)) if error.is_io_error() || error.is_unrecoverable_error() => {
                if error.is_connection_dropped() {
                    // Nothing more will come of it.
                    live.strikes.store(STRIKES - 1, Ordering::Relaxed);
                }
                (AnswerLabel::Failed, None)
            }
            // Redis itself said so: it is there.
            Ok(Err(_)) => (AnswerLabel::Refused, None),
            Err(_) => (AnswerLabel::Late, None),
        };
        self.metrics.redis.asked(operation, result);
        match result {
            AnswerLabel::Ok | AnswerLabel::Refused | AnswerLabel::Skipped => {
                live.strikes.store(0, Ordering::Relaxed);
            }
            AnswerLabel::Late | AnswerLabel::Failed => self.strike(live),
        }
        value
    }

    /// Those of an earlier connection say nothing of this one.
    fn strike(&self, live: &Arc<Live>) {
        let is_last = live.strikes.fetch_add(1, Ordering::Relaxed) + 1 == STRIKES;
        let current = self.live.load_full();
        if is_last && current.is_some_and(|current| Arc::ptr_eq(&current, live)) {
            self.live.store(None);
            self.struck.notify_one();
        }
    }
}

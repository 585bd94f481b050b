//! Keeps the connection to Redis: makes it, looks whether it answers, and says once when it goes and once when it is back.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicU32},
    time::{Duration, Instant},
};

use floopy_shared::process::backoff::Backoff;
use futures::FutureExt;
use redis::{AsyncConnectionConfig, RedisError, aio::MultiplexedConnection, cmd};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Live, PATIENCE, Redis};
use crate::metrics::RedisLabel;

/// Between two looks at one that is there.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries to reach one that is not, at first and at most.
const FIRST_TRY: Duration = Duration::from_millis(100);
const LAST_TRY: Duration = Duration::from_secs(5);
/// One that was there for so long is tried again soon.
const STEADY: Duration = Duration::from_secs(30);

/// The task that keeps the connection.
pub(crate) struct Link {
    redis: Arc<Redis>,
    /// Whether it was said that it is gone.
    told_gone: bool,
}

/// Why it counts as gone.
#[derive(Debug, thiserror::Error)]
enum Gone {
    #[error("it cannot be reached: {0}")]
    Unreachable(RedisError),
    #[error("it does not answer within {PATIENCE:?}")]
    Silent,
    #[error("too many answers in a row were late or failed")]
    Struck,
}

impl Link {
    pub(crate) fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            told_gone: false,
        }
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(FIRST_TRY, LAST_TRY);
        loop {
            let begun = Instant::now();
            let gone = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                gone = self.keep() => gone,
            };
            self.down(&gone);
            if begun.elapsed() > STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(backoff.next_delay()) => {}
            }
        }
    }

    /// Connects, and stays until it is gone.
    async fn keep(&mut self) -> Gone {
        match timeout(PATIENCE, self.connect()).await {
            Ok(Ok(connection)) => self.up(connection),
            Ok(Err(error)) => return Gone::Unreachable(error),
            Err(_) => return Gone::Silent,
        }
        loop {
            tokio::select! {
                () = self.redis.struck.notified() => return Gone::Struck,
                () = sleep(LOOK) => {}
            }
            let ping = cmd("PING");
            let answer: Option<String> = self.redis.ask(RedisLabel::Ping, &ping, PATIENCE).await;
            if answer.is_none() {
                return Gone::Silent;
            }
        }
    }

    /// A connection that answered once: one that is frozen takes connections and says nothing.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = &self.redis.client;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let _: String = cmd("PING").query_async(&mut connection).await?;
        Ok(connection)
    }

    fn up(&mut self, connection: MultiplexedConnection) {
        let redis = &self.redis;
        // What the connection before this one was given up for.
        let _ = redis.struck.notified().now_or_never();
        redis.live.store(Some(Arc::new(Live {
            connection,
            strikes: AtomicU32::new(0),
        })));
        redis.metrics.redis.connected(true);
        redis.came.send_modify(|times| *times += 1);
        if std::mem::take(&mut self.told_gone) {
            tracing::info!("Redis is back");
        } else {
            tracing::info!("Redis is connected");
        }
    }

    fn down(&mut self, gone: &Gone) {
        self.redis.live.store(None);
        self.redis.metrics.redis.connected(false);
        if !self.told_gone {
            self.told_gone = true;
            tracing::warn!(reason = %gone, "Redis is gone; calls are served without it");
        }
    }
}

//! The decision log in ClickHouse. Every question has a deadline, and a server that fails again and again is left alone
//! for a moment: nobody hangs.

mod accounted;
mod read;
mod row;
mod schema;
mod write;

use std::{fmt, sync::Arc, time::Duration};

use ::clickhouse::{Client, error::Error};
use floopy_shared::process::{breaker::Breaker, causes::innermost};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, timeout};

pub(crate) use self::row::Logged;
use super::LogError;
use crate::{config::decision_log::Address, outgoing::connector};

/// For a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// ClickHouse closes connections that were idle for three seconds.
const IDLE: Duration = Duration::from_secs(2);
/// For taking a batch, or changing the schema.
const WRITE: Duration = Duration::from_secs(30);
/// Characters of what the server says that are told.
const MAX_TOLD: usize = 300;

/// The log in ClickHouse. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ClickHouse {
    client: Client,
    place: Arc<str>,
    deadline: Duration,
    breaker: Arc<Breaker>,
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClickHouse({})", self.place)
    }
}

impl ClickHouse {
    /// At an address; nothing is asked of it yet.
    pub(crate) fn new(address: &Address, deadline: Duration) -> Self {
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build(connector(HttpConnector::new(), CONNECT));
        let mut client = Client::with_http_client(http)
            .with_url(&address.server)
            .with_database(&address.database);
        if let Some(user) = &address.user {
            client = client.with_user(user);
        }
        if let Some(password) = &address.password {
            client = client.with_password(password.expose());
        }
        Self {
            client,
            place: format!("{address:?}").into(),
            deadline,
            breaker: Arc::default(),
        }
    }

    /// Asks, within the deadline and unless the server is left alone.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, LogError> {
        if !self.breaker.admits(Instant::now()) {
            let place = self.place.to_string();
            return Err(LogError::LeftAlone { place });
        }
        let answer = self.within(self.deadline, question).await;
        self.breaker.note(answer.is_ok(), Instant::now());
        answer
    }

    async fn within<T>(
        &self,
        patience: Duration,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, LogError> {
        let place = || self.place.to_string();
        match timeout(patience, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(LogError::Failed {
                place: place(),
                reason: told(&error),
            }),
            Err(_) => Err(LogError::Late {
                place: place(),
                ms: patience.as_millis(),
            }),
        }
    }
}

#[cfg(test)]
impl ClickHouse {
    /// Runs a statement of a test.
    pub(super) async fn execute(&self, text: &str) -> Result<(), LogError> {
        self.within(WRITE, self.client.query(text).execute()).await
    }

    /// Reads a number for a test.
    pub(super) async fn counted(&self, text: &str) -> Result<u64, LogError> {
        self.within(WRITE, self.client.query(text).fetch_one())
            .await
    }
}

/// What the server says, without the end: it may quote a whole statement.
fn told(error: &Error) -> String {
    innermost(error).chars().take(MAX_TOLD).collect()
}

//! The Qdrant that proxies may share, by its REST API. Nothing depends on it: what it does not answer in time is gone on
//! without.
//!
//! One task makes the collection and looks whether it answers; requests use it while it does. After a few answers in a row
//! that were late or failed it counts as gone, and only that task asks it again.

mod collection;
mod link;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

pub(crate) use self::link::Link;
use crate::{
    config,
    metrics::{AnswerLabel, Metrics, QdrantLabel},
    upstream::{Client, ClientError},
    whole::whole,
};

/// Answers in a row that may be late or fail before it counts as gone.
const STRIKES: u32 = 5;
/// For what no request waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// Of one answer.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// Of what Qdrant says of a refusal.
const MAX_REASON_CHARS: usize = 200;

/// A Qdrant that is configured, whether it is there or not.
pub(crate) struct Qdrant {
    client: Client,
    /// Of the collection, without a slash at its end.
    place: String,
    key: Option<HeaderValue>,
    lookup: Duration,
    max_points: u64,
    is_live: AtomicBool,
    /// Answers in a row that were late or failed.
    strikes: AtomicU32,
    /// There were too many.
    struck: Notify,
    /// How often it came.
    came: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// What is asked of the collection.
#[derive(Debug)]
pub(crate) struct Question {
    method: Method,
    /// After the collection's own.
    path: &'static str,
    body: Bytes,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Unanswered {
    #[error("it does not answer within {0:?}")]
    Late(Duration),
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("its answer broke off: {0}")]
    Broken(String),
    #[error("it refuses with {status}: {reason}")]
    Refused { status: StatusCode, reason: String },
}

/// What stands around each answer.
#[derive(Deserialize)]
struct Envelope<T> {
    result: T,
}

impl Question {
    pub(crate) fn new(method: Method, path: &'static str, body: &Value) -> Self {
        Self {
            method,
            path,
            body: body.to_string().into(),
        }
    }

    #[cfg(test)]
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn get() -> Self {
        Self {
            method: Method::GET,
            path: "",
            body: Bytes::new(),
        }
    }
}

impl Qdrant {
    /// `None`: none is configured.
    pub(crate) fn new(
        config: &config::Qdrant,
        client: Client,
        metrics: &Arc<Metrics>,
    ) -> Option<Arc<Self>> {
        let url = config.url.as_ref()?.trim_end_matches('/');
        let key = config.api_key.as_ref().and_then(|key| {
            let mut key = HeaderValue::from_str(key.expose()).ok()?;
            key.set_sensitive(true);
            Some(key)
        });
        Some(Arc::new(Self {
            client,
            place: format!("{url}/collections/{}", config.collection),
            key,
            lookup: Duration::from_millis(config.lookup_ms),
            max_points: config.max_points,
            is_live: AtomicBool::new(false),
            strikes: AtomicU32::new(0),
            struck: Notify::new(),
            came: watch::Sender::new(0),
            metrics: Arc::clone(metrics),
        }))
    }

    /// How long a request waits for it.
    pub(crate) fn lookup(&self) -> Duration {
        self.lookup
    }

    /// Of all proxies.
    pub(crate) fn max_points(&self) -> u64 {
        self.max_points
    }

    /// Told each time that it comes.
    pub(crate) fn came(&self) -> watch::Receiver<u64> {
        self.came.subscribe()
    }

    /// One question; `None` where there is no answer in time.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        operation: QdrantLabel,
        question: Question,
        deadline: Duration,
    ) -> Option<T> {
        let metrics = &self.metrics.qdrant;
        if !self.is_live.load(Ordering::Relaxed) {
            metrics.asked(operation, AnswerLabel::Skipped);
            return None;
        }
        let answer = self.send(question, deadline).await;
        let (result, value) = match answer {
            Ok(value) => (AnswerLabel::Ok, Some(value)),
            Err(Unanswered::Late(_)) => (AnswerLabel::Late, None),
            Err(Unanswered::Broken(_)) => (AnswerLabel::Failed, None),
            Err(Unanswered::Unreachable(_)) => {
                // Nothing more will come of it.
                self.strikes.store(STRIKES - 1, Ordering::Relaxed);
                (AnswerLabel::Failed, None)
            }
            Err(Unanswered::Refused { status, .. }) if is_about_all(status) => {
                self.strikes.store(STRIKES - 1, Ordering::Relaxed);
                (AnswerLabel::Failed, None)
            }
            // Qdrant itself said so: it is there.
            Err(Unanswered::Refused { .. }) => (AnswerLabel::Refused, None),
        };
        metrics.asked(operation, result);
        match result {
            AnswerLabel::Ok | AnswerLabel::Refused | AnswerLabel::Skipped => {
                self.strikes.store(0, Ordering::Relaxed);
            }
            AnswerLabel::Late | AnswerLabel::Failed => self.strike(),
        }
        value
    }

    fn strike(&self) {
        let is_last = self.strikes.fetch_add(1, Ordering::Relaxed) + 1 == STRIKES;
        if is_last && self.is_live.swap(false, Ordering::Relaxed) {
            self.struck.notify_one();
        }
    }

    /// Whether or not it counts as gone.
    async fn send<T: DeserializeOwned>(
        &self,
        question: Question,
        deadline: Duration,
    ) -> Result<T, Unanswered> {
        let answered = timeout(deadline, self.exchange(question)).await;
        let (status, body) = answered.map_err(|_| Unanswered::Late(deadline))??;
        if !status.is_success() {
            return Err(Unanswered::Refused {
                status,
                reason: reason(&body),
            });
        }
        let read = serde_json::from_slice::<Envelope<T>>(&body);
        // What is wrong with it is not told: it may have in it what somebody said.
        read.map(|envelope| envelope.result)
            .map_err(|_| Unanswered::Broken("it is not one of Qdrant's".to_owned()))
    }

    async fn exchange(&self, question: Question) -> Result<(StatusCode, Bytes), Unanswered> {
        let broken = |what: &dyn std::fmt::Display| Unanswered::Broken(what.to_string());
        let Question { method, path, body } = question;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.place))
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header("api-key", key);
        }
        let request = request.body(body).map_err(|error| broken(&error))?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| match error {
            ClientError::Connect(_) | ClientError::Forbidden(_) | ClientError::NoHost(_) => {
                Unanswered::Unreachable(error.to_string())
            }
            ClientError::Broken(_) => broken(&error),
        })?;
        let status = response.status();
        let body = whole(response.into_body(), MAX_ANSWER_BYTES).await;
        let body = body.map_err(|_| broken(&"it is not whole, or longer than 8 MiB"))?;
        Ok((status, body))
    }
}

impl std::fmt::Debug for Qdrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qdrant")
    }
}

/// Whether a refusal says that nothing can be asked: the key is wrong, the collection is gone, or the server is ill.
fn is_about_all(status: StatusCode) -> bool {
    status.is_server_error()
        || [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::NOT_FOUND,
        ]
        .contains(&status)
}

/// What Qdrant says of a refusal, or how its answer begins.
fn reason(body: &[u8]) -> String {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let said = read.as_ref().and_then(|it| it["status"]["error"].as_str());
    let said = said.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    let clean = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_qdrants_words_and_in_one_line() {
        let body =
            br#"{"status":{"error":"Not found: Collection `x`\ndoesn't exist!"},"time":0.1}"#;
        assert_eq!(reason(body), "Not found: Collection `x` doesn't exist!");
        assert_eq!(reason(b"Must provide\r\nkey"), "Must provide  key");
        assert_eq!(reason("é".repeat(900).as_bytes()).chars().count(), 200);
    }
}

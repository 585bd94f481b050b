//! An application's side of the API: plain HTTP, as any OpenAI SDK speaks it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::simulator::kind::Kind;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What waits to be learned from: on the proxy's disk, and for the judge.
const WAITING: [&str; 2] = [
    "floopy_spool_depth_events ",
    "floopy_control_scoring_queue_jobs ",
];

/// Longest reply read.
const REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Talks to one proxy with one key, and asks its control plane how far it is.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    base: String,
    control: String,
    key: String,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0}")]
    Http(String),
    #[error("no answer within {DEADLINE:?}")]
    Deadline,
    #[error("status {0}: {1}")]
    Status(StatusCode, String),
    #[error("the reply cannot be read: {0}")]
    Unreadable(String),
}

/// A reply to a question.
#[derive(Debug)]
pub(super) struct Answer {
    pub completion_id: String,
    pub request_id: Option<String>,
}

/// What a user asks.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub session: &'a str,
    pub kind: Kind,
    pub text: &'a str,
    pub stream: bool,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

impl Client {
    pub(super) fn new(proxy: SocketAddr, control: SocketAddr, key: &str) -> Self {
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        Self {
            http,
            base: format!("http://{proxy}"),
            control: format!("http://{control}"),
            key: key.to_owned(),
        }
    }

    /// Where the proxy is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The API key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Asks, leaving the choice of the model to Floopy.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Answer, CallError> {
        let mut body = json!({
            "model": "auto",
            "messages": [
                { "role": "system", "content": question.kind.system_prompt() },
                { "role": "user", "content": question.text },
            ],
            "stream": question.stream,
        });
        if question.kind.wants_json() {
            body["response_format"] = json!({ "type": "json_object" });
        }
        if question.stream {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let request = self
            .request(Method::POST, "/v1/chat/completions")
            .header("floopy-session-id", question.session)
            .body(Full::new(Bytes::from(body.to_string())));
        let (parts, bytes) = self.send(request).await?;
        let request_id = parts
            .headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let reply = if question.stream {
            first_event(&bytes)
        } else {
            Some(bytes.as_ref())
        };
        let read = serde_json::from_slice::<WithId>(reply.unwrap_or_default());
        let WithId { id } = read.map_err(|e| CallError::Unreadable(e.to_string()))?;
        Ok(Answer {
            completion_id: id,
            request_id,
        })
    }

    /// Rates a session, 0 to 10.
    pub(super) async fn rate(&self, session: &str, score: u8) -> Result<(), CallError> {
        let body = json!({ "session_id": session, "score": score, "useful": score >= 7 });
        let request = self
            .request(Method::POST, "/v1/feedback")
            .body(Full::new(Bytes::from(body.to_string())));
        self.send(request).await.map(drop)
    }

    /// Reads a resource.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CallError> {
        let request = self.request(Method::GET, path).body(Full::default());
        let (_, bytes) = self.send(request).await?;
        serde_json::from_slice(&bytes).map_err(|e| CallError::Unreadable(e.to_string()))
    }

    /// Events that were not counted yet, and replies that the judge has not read.
    pub(super) async fn not_learned(&self) -> Result<f64, CallError> {
        let uri = format!("{}/metrics", self.control);
        let request = Request::get(uri).body(Full::default());
        let (_, bytes) = self.send(request).await?;
        Ok(waiting(&String::from_utf8_lossy(&bytes)))
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
    }

    async fn send(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<(http::response::Parts, Bytes), CallError> {
        let request = request.map_err(|e| CallError::Http(e.to_string()))?;
        let exchange = async {
            let response: Response<_> = self
                .http
                .request(request)
                .await
                .map_err(|e| CallError::Http(e.to_string()))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, REPLY_BYTES).collect().await;
            let bytes = body.map_err(|e| CallError::Http(e.to_string()))?.to_bytes();
            Ok((parts, bytes))
        };
        let (parts, bytes) = tokio::time::timeout(DEADLINE, exchange)
            .await
            .map_err(|_| CallError::Deadline)??;
        if !parts.status.is_success() {
            let text = String::from_utf8_lossy(&bytes).chars().take(300).collect();
            return Err(CallError::Status(parts.status, text));
        }
        Ok((parts, bytes))
    }
}

/// The sum of the gauges of what waits.
fn waiting(metrics: &str) -> f64 {
    let of = |gauge: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(gauge));
        line.and_then(|value| value.trim().parse().ok())
            .unwrap_or(0.0)
    };
    WAITING.iter().map(|gauge| of(gauge)).sum()
}

/// The data of the first server-sent event, given that the stream came to its end.
fn first_event(stream: &[u8]) -> Option<&[u8]> {
    let ended = stream.windows(12).any(|window| window == b"data: [DONE]");
    let line = stream
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"data: "));
    line.filter(|_| ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_the_sum_of_both_gauges() {
        let metrics = "# TYPE floopy_spool_depth_events gauge\nfloopy_spool_depth_events 12\n\
                       floopy_control_scoring_queue_jobs_else 7\nfloopy_control_scoring_queue_jobs 30\n";
        assert!((waiting(metrics) - 42.0).abs() < f64::EPSILON);
        assert!(waiting("").abs() < f64::EPSILON);
    }

    #[test]
    fn a_stream_counts_only_if_it_came_to_its_end() {
        let whole = b"data: {\"id\":\"a\"}\n\ndata: [DONE]\n\n";
        assert_eq!(first_event(whole), Some(b"{\"id\":\"a\"}".as_slice()));
        assert_eq!(first_event(b"data: {\"id\":\"a\"}\n\n"), None);
        assert_eq!(first_event(b""), None);
    }
}

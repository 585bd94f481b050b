//! One call to the proxy.

use std::{fmt, time::Duration};

use bytes::Bytes;
use floopy_shared::{
    domain::ids::RequestId,
    process::{causes::innermost, config::Secret},
};
use http::{
    HeaderMap, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use uuid::Uuid;

use crate::outgoing::connector;

/// The proxy has deadlines of its own; this one is for a proxy that hangs.
const PATIENCE: Duration = Duration::from_secs(900);
const CONNECT: Duration = Duration::from_secs(5);
/// Of a reply: more than any chat completion has.
const MAX_REPLY_BYTES: usize = 16 << 20;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question {
    /// Of the proxy.
    pub(crate) url: String,
    pub(crate) key: Secret,
    pub(crate) prompt: Option<Uuid>,
    pub(crate) rule: Option<String>,
    pub(crate) project: Option<Uuid>,
    pub(crate) body: String,
}

/// What the proxy answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) request: Option<RequestId>,
    pub(crate) retry_after_s: Option<u64>,
    /// It was let in, so whatever else there is to say was said of this call alone, perhaps by a provider.
    pub(crate) is_let_in: bool,
    /// Asking again is of no use, says the proxy.
    pub(crate) is_final: bool,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoReply {
    /// Nothing was asked.
    Unreached,
    /// It may have been asked, and paid for.
    Broken(String),
}

/// Asks.
#[derive(Clone)]
pub(crate) struct Asker {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}

impl Asker {
    pub(crate) fn new() -> Self {
        let https = connector(HttpConnector::new(), CONNECT);
        Self {
            client: Client::builder(TokioExecutor::new()).build(https),
        }
    }

    /// The proxy's answer, whatever it says.
    pub(crate) async fn ask(&self, question: Question) -> Result<Reply, NoReply> {
        let request = request(question).map_err(|e| NoReply::Broken(e.to_string()))?;
        let answered = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|e| {
                let why = innermost(&e);
                if e.is_connect() {
                    tracing::debug!(why, "the proxy is not reached");
                    NoReply::Unreached
                } else {
                    NoReply::Broken(why)
                }
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_REPLY_BYTES).collect().await;
            let body = body
                .map_err(|e| NoReply::Broken(innermost(&*e)))?
                .to_bytes();
            Ok(Reply {
                status: parts.status,
                request: text(&parts.headers, "x-request-id")
                    .and_then(|id| Uuid::try_parse(id).ok())
                    .map(RequestId),
                retry_after_s: text(&parts.headers, RETRY_AFTER.as_str())
                    .and_then(|seconds| seconds.parse().ok()),
                is_let_in: parts.headers.contains_key("floopy-decision-reason"),
                is_final: text(&parts.headers, "x-should-retry") == Some("false"),
                body,
            })
        };
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(answered) => answered,
            Err(_) => {
                let why = format!("no answer within {} s", PATIENCE.as_secs());
                Err(NoReply::Broken(why))
            }
        }
    }
}

fn request(question: Question) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::post(format!("{}/v1/chat/completions", question.url))
        .header(AUTHORIZATION, format!("Bearer {}", question.key.expose()))
        .header(CONTENT_TYPE, "application/json")
        .header(
            "user-agent",
            concat!("floopy-evaluations/", env!("CARGO_PKG_VERSION")),
        )
        // What is forwarded untouched is neither routed nor judged.
        .header("floopy-passthrough", "false");
    if let Some(prompt) = question.prompt {
        request = request.header("floopy-prompt-id", prompt.to_string());
    }
    if let Some(rule) = question.rule {
        request = request.header("floopy-routing-rule", rule.as_bytes());
    }
    if let Some(project) = question.project {
        request = request.header("floopy-project-id", project.to_string());
    }
    request.body(Full::new(Bytes::from(question.body)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

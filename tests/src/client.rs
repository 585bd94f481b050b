//! A plain HTTP client: what was sent is what travels, what came is what the test sees.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::timeout;

pub use http_body_util::BodyExt;

/// No answer may take longer, whatever is tested.
const PATIENCE: Duration = Duration::from_secs(30);

/// One address, spoken to with one key.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("no answer: {0}")]
    Transport(String),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

impl Api {
    /// Speaks to `addr` with `key`.
    pub fn new(addr: SocketAddr, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..Self::anonymous(addr)
        }
    }

    /// Speaks to `addr` without a key.
    pub fn anonymous(addr: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            client,
            base: format!("http://{addr}"),
            key: None,
        }
    }

    /// The same address with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// The same address without a key.
    pub fn without_key(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// `http://host:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The key it speaks with.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// A call to be filled in.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        Call {
            api: self,
            request,
            body: Bytes::new(),
        }
    }

    /// A POST to be filled in.
    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// Reads a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// A chat completion in a session.
    pub async fn chat(&self, session: &str, body: &Value) -> Answer {
        self.post("/v1/chat/completions")
            .header("floopy-session-id", session)
            .json(body)
            .send()
            .await
    }

    /// Rates, by whatever the body names.
    pub async fn rate(&self, body: &Value) -> Answer {
        self.post("/v1/feedback").json(body).send().await
    }

    /// A decision by its request id, once it can be read.
    pub async fn decision(&self, request_id: &str) -> Value {
        crate::eventually(|| async {
            let answer = self.get(&format!("/v1/decisions/{request_id}")).await;
            let finished =
                answer.status == 200 && answer.json()["decision_trace"]["stage"] == "finished";
            if finished {
                Ok(answer.json())
            } else {
                Err(answer)
            }
        })
        .await
    }
}

impl Api {
    /// All pages of this many decisions each, newest first.
    pub async fn decision_pages(&self, limit: u32) -> Vec<Vec<Value>> {
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("/v1/decisions?limit={limit}{cursor}"))
                .await
                .ok()
                .json();
            assert_eq!(
                page["has_more"].as_bool(),
                Some(!page["next_cursor"].is_null()),
                "{page}"
            );
            pages.push(page["items"].as_array().expect("items").clone());
            let Some(next) = page["next_cursor"].as_str() else {
                return pages;
            };
            cursor = format!("&cursor={next}");
        }
    }

    /// Every decision; panics if one is listed twice.
    pub async fn decisions(&self) -> Vec<Value> {
        let items = self.decision_pages(200).await.concat();
        let ids: std::collections::HashSet<&str> = items
            .iter()
            .filter_map(|i| i["request_id"].as_str())
            .collect();
        assert_eq!(ids.len(), items.len(), "a decision is listed twice");
        items
    }
}

/// A call being put together.
#[derive(Debug)]
pub struct Call<'a> {
    api: &'a Api,
    request: http::request::Builder,
    body: Bytes,
}

impl Call<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string())
    }

    /// Sets the bytes of a JSON body.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        self.try_send().await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// Sends it where failing is a possible outcome.
    pub async fn try_send(self) -> Result<Answer, NoAnswer> {
        let response = timeout(PATIENCE, self.open_raw())
            .await
            .map_err(|_| NoAnswer::Late(PATIENCE))??;
        let (parts, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect())
            .await
            .map_err(|_| NoAnswer::Late(PATIENCE))?;
        let body = body
            .map_err(|e| NoAnswer::Transport(e.to_string()))?
            .to_bytes();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    /// Sends it and leaves the body to be read piece by piece.
    pub async fn open(self) -> Response<Incoming> {
        let opened = timeout(PATIENCE, self.open_raw())
            .await
            .expect("an answer in time");
        opened.unwrap_or_else(|e| panic!("{e}"))
    }

    async fn open_raw(self) -> Result<Response<Incoming>, NoAnswer> {
        let request = self
            .request
            .body(Full::new(self.body))
            .expect("a valid request");
        self.api.client.request(request).await.map_err(|e| {
            let cause = std::error::Error::source(&e)
                .map(ToString::to_string)
                .unwrap_or_default();
            NoAnswer::Transport(format!("{e}: {cause}"))
        })
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// `x-request-id`.
    pub fn request_id(&self) -> String {
        self.header("x-request-id").to_owned()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Itself, if it says that all went well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text()
        );
        self
    }
}

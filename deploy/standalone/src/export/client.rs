//! The HTTP side of `floopy export decisions`: one answer at a time, piece by piece.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::time::timeout;

/// For the head of an answer, and between two pieces of it: above what the server itself waits.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longest error read.
const ERROR_BYTES: usize = 64 << 10;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{url}: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("status {status}: {message}")]
    Refused { status: StatusCode, message: String },
    #[error("nothing came for {PATIENCE:?}")]
    Silent,
    #[error("the connection broke: {0}")]
    Broke(String),
    #[error("the answer has no trailer")]
    NoTrailer,
}

/// Asks one server with one key.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    key: String,
}

/// What the server said.
#[derive(Debug)]
pub(super) enum Answer {
    Export(Incoming),
    /// Ask again after so many seconds.
    Wait(u64),
}

#[derive(Deserialize)]
struct Envelope {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    message: String,
}

impl Client {
    /// `base` with or without the `/v1` that SDKs want.
    pub(super) fn new(base: &str, key: &str) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let base = base.trim_end_matches('/');
        Self {
            http: HttpClient::builder(TokioExecutor::new()).build(https),
            base: base.strip_suffix("/v1").unwrap_or(base).to_owned(),
            key: key.to_owned(),
        }
    }

    /// Asks for an export.
    pub(super) async fn export(&self, query: &str) -> Result<Answer, ClientError> {
        let url = format!("{}/v1/export/decisions?{query}", self.base);
        let unreachable = |reason: String| ClientError::Unreachable {
            url: self.base.clone(),
            reason,
        };
        let request = Request::get(url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .body(Empty::new())
            .map_err(|e| unreachable(e.to_string()))?;
        let answer = timeout(PATIENCE, self.http.request(request)).await;
        let answer = answer.map_err(|_| ClientError::Silent)?;
        let answer = answer.map_err(|error| unreachable(causes(&error)))?;
        if answer.status().is_success() {
            return Ok(Answer::Export(answer.into_body()));
        }
        match wait_s(&answer) {
            Some(seconds) => Ok(Answer::Wait(seconds)),
            None => Err(refused(answer).await),
        }
    }
}

/// The next piece of an export; `None` at its end.
pub(super) async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, ClientError> {
    loop {
        let frame = timeout(PATIENCE, body.frame()).await;
        let Some(frame) = frame.map_err(|_| ClientError::Silent)? else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| ClientError::Broke(causes(&error)))?;
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

/// When to ask again, where that may help.
fn wait_s(answer: &Response<Incoming>) -> Option<u64> {
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let wait = answer.headers().get(header::RETRY_AFTER)?;
            wait.to_str().ok()?.parse().ok()
        }
        _ => None,
    }
}

async fn refused(answer: Response<Incoming>) -> ClientError {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ERROR_BYTES).collect();
    let text = match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    let message = match serde_json::from_slice::<Envelope>(&text) {
        Ok(envelope) => envelope.error.message,
        Err(_) => String::from_utf8_lossy(&text).chars().take(300).collect(),
    };
    ClientError::Refused { status, message }
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Without system certificates plain HTTP can still be spoken.
fn tls() -> ClientConfig {
    match ClientConfig::builder().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(_) => ClientConfig::builder()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    }
}

//! Asking a running Floopy over HTTP: what every command needs that works on one.

mod asked;
mod cache;
mod command;
mod decisions;
mod judge;
mod keys;
mod operator;
mod plans;
mod pool;
mod process;
mod promotions;
mod providers;
mod proxies;
mod queue;
mod rules;
mod tables;
mod tenants;
mod usage;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Args;
use floopy_shared::process::{causes::causes, certificates};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

pub(crate) use self::{
    cache::Cached,
    command::Command,
    decisions::Decisions,
    judge::Judge,
    keys::Keys,
    plans::Plans,
    pool::Pool,
    process::{Log, Reload},
    promotions::Promotions,
    providers::Providers,
    proxies::{Fleet, Proxies},
    queue::Queue,
    rules::Rules,
    tenants::Tenants,
    usage::Usage,
};

/// For the head of an answer, and between two pieces of it: above what the server itself waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Longest error read.
const ERROR_BYTES: usize = 64 << 10;
/// Longest answer read.
const ANSWER_BYTES: usize = 16 << 20;

/// Which Floopy is asked, and under which key.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Floopy's address
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The environment variable that has the API key
    #[arg(long, value_name = "NAME", default_value = "FLOOPY_API_KEY")]
    key_env: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no API key: --key-env names the environment variable {0:?}, which is not set")]
    NoKey(String),
    #[error(
        "no operator's key: --key-env names {variable:?}, which is not set, and --key-file {file:?} cannot be read"
    )]
    NoOperatorKey { variable: String, file: PathBuf },
    #[error("{url}: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("status {status}: {message}")]
    Refused { status: StatusCode, message: String },
    #[error("nothing came for {PATIENCE:?}")]
    Silent,
    #[error("the connection broke: {0}")]
    Broke(String),
    #[error(
        "no credential: --secret-env names {0:?}, which is not set; or give --stdin, or --service-account-file with a file"
    )]
    NoCredential(String),
    #[error("{0} cannot be read: {1}")]
    Unread(String, std::io::Error),
    #[error("the answer has no trailer")]
    NoTrailer,
    #[error("the answer is not what this command knows: {0}")]
    Unreadable(String),
}

/// Asks one server with one key.
#[derive(Debug)]
pub(crate) struct Client {
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    key: String,
}

/// What the server said to a question that may have to wait.
#[derive(Debug)]
pub(crate) enum Answer {
    Body(Incoming),
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

/// Arguments that name a Floopy and a key.
pub(crate) trait Source: Args {
    /// A client of what they name.
    fn client(&self) -> Result<Client, ClientError>;
}

impl Source for Remote {
    fn client(&self) -> Result<Client, ClientError> {
        Self::client(self)
    }
}

impl Remote {
    /// A client of what the arguments name.
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        let key = std::env::var(&self.key_env).unwrap_or_default();
        match key.trim() {
            "" => Err(ClientError::NoKey(self.key_env.clone())),
            key => Ok(Client::new(&self.url, key)),
        }
    }
}

impl Client {
    /// `base` with or without the `/v1` that SDKs want.
    pub(crate) fn new(base: &str, key: &str) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(certificates::of_system())
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

    /// Asks for what comes piece by piece.
    pub(crate) async fn stream(&self, path: &str) -> Result<Answer, ClientError> {
        let answer = self.send(&Method::GET, path, None).await?;
        if answer.status().is_success() {
            return Ok(Answer::Body(answer.into_body()));
        }
        match wait_s(&answer) {
            Some(seconds) => Ok(Answer::Wait(seconds)),
            None => Err(refused(answer).await),
        }
    }

    /// Asks for an answer in JSON.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let body = body.map(ToString::to_string);
        self.ask_in(method, path, body).await
    }

    /// The same, with a body that is sent as it is written.
    pub(crate) async fn ask_in(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Value, ClientError> {
        let answer = self.send(&method, path, body).await?;
        if !answer.status().is_success() {
            return Err(refused(answer).await);
        }
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect();
        let body = timeout(PATIENCE, body).await;
        let body = body.map_err(|_| ClientError::Silent)?;
        let body = body.map_err(|error| ClientError::Broke(causes(&*error)))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|e| ClientError::Unreadable(e.to_string()))
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Response<Incoming>, ClientError> {
        let unreachable = |reason: String| ClientError::Unreachable {
            url: self.base.clone(),
            reason,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default()));
        let request = request.map_err(|e| unreachable(e.to_string()))?;
        let answer = timeout(PATIENCE, self.http.request(request)).await;
        let answer = answer.map_err(|_| ClientError::Silent)?;
        answer.map_err(|error| unreachable(causes(&error)))
    }
}

/// The next piece of an answer; `None` at its end.
pub(crate) async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, ClientError> {
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

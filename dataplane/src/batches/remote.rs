//! Asking providers about files and batches, under the operator's credentials.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_protocols::{ProviderApi, chat, messages};
use futures::{StreamExt, stream::BoxStream};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use http_body_util::{BodyExt, BodyStream, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::{
    gateway::Gateway,
    http::respond::Refusal,
    provider::Provider,
    upstream::{ClientError, Upload, whole},
};

/// Of an answer about a file or a batch.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Longest name of a provider's that is put into a path.
const MAX_ID_BYTES: usize = 256;

/// A file, piece by piece.
pub(crate) type Pieces = BoxStream<'static, std::io::Result<Bytes>>;

/// A question to a provider.
pub(crate) struct Question {
    pub method: Method,
    pub path: String,
    pub body: Option<Sent>,
}

/// What is sent along.
pub(crate) struct Sent {
    pub content_type: String,
    /// `None`: as long as it turns out to be.
    pub length: Option<u64>,
    pub body: Upload,
}

impl Question {
    pub(crate) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
        }
    }

    pub(crate) fn post(path: String, body: Option<Sent>) -> Self {
        Self {
            method: Method::POST,
            path,
            body,
        }
    }

    pub(crate) fn delete(path: String) -> Self {
        Self {
            method: Method::DELETE,
            path,
            body: None,
        }
    }
}

impl Sent {
    pub(crate) fn json(json: impl Into<Bytes>) -> Self {
        let json = json.into();
        Self {
            content_type: "application/json".to_owned(),
            length: Some(json.len() as u64),
            body: whole(json),
        }
    }
}

/// Why a provider did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was not reached: it has done nothing.
    Unreached(String),
    /// It may have done it, and nobody knows.
    Unknown(String),
    /// It said no.
    Refused {
        status: StatusCode,
        message: String,
        retry_after: Option<u64>,
    },
}

impl Failed {
    /// Whether the provider has none of the name.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status == StatusCode::NOT_FOUND,
            Self::Unreached(_) | Self::Unknown(_) => false,
        }
    }

    /// As callers are told it.
    pub(crate) fn refusal(self, provider: &str) -> Refusal {
        match self {
            Self::Unreached(why) => {
                let message = format!("{provider} cannot be reached: {why}");
                Refusal::upstream(StatusCode::BAD_GATEWAY, "upstream_unreachable", message)
            }
            Self::Unknown(why) => {
                let message = format!(
                    "{provider} did not answer ({why}); what was asked may have been done: look before you ask again"
                );
                Refusal::upstream(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", message)
            }
            Self::Refused {
                status,
                message,
                retry_after,
            } => {
                let message = format!("{provider} answered {}: {message}", status.as_u16());
                // What else it refuses is between it and the operator.
                let told = match status.as_u16() {
                    400 | 404 | 409 | 413 | 422 | 429 => status,
                    _ => StatusCode::BAD_GATEWAY,
                };
                Refusal {
                    retry_after,
                    ..Refusal::upstream(told, "upstream_error", message)
                }
            }
        }
    }
}

/// Asks, and gives what was answered with success.
pub(crate) async fn ask(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    question: Question,
) -> Result<Response<Incoming>, Failed> {
    let is_upload = question.body.is_some();
    let request = request(gateway, provider, question).await?;
    let patience = Duration::from_millis(gateway.config.timeouts.first_byte_ms);
    let patience = if is_upload {
        patience.max(UPLOAD)
    } else {
        patience
    };
    let asking = gateway.batches.streaming.request(request);
    let response = timeout(patience, asking).await;
    let response = response.map_err(|_| Failed::Unknown("it took too long".to_owned()))?;
    let response = response.map_err(|error| match error {
        ClientError::NoHost(_) | ClientError::Connect(_) | ClientError::Forbidden(_) => {
            Failed::Unreached(error.to_string())
        }
        ClientError::Broken(_) => Failed::Unknown(error.to_string()),
    })?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refused(gateway, provider, response).await)
}

/// For a whole upload and its answer: two hundred megabytes over a slow line.
const UPLOAD: Duration = Duration::from_secs(1_800);

async fn request(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    question: Question,
) -> Result<Request<Upload>, Failed> {
    let odd = || Failed::Unreached("it has no address for this".to_owned());
    let uri = provider.uri_under(&question.path).ok_or_else(odd)?;
    let mut head = Request::new(Bytes::new());
    *head.method_mut() = question.method;
    *head.uri_mut() = uri;
    let headers = head.headers_mut();
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("floopy/", env!("CARGO_PKG_VERSION"))),
    );
    if provider.api == ProviderApi::Messages {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(sent) = &question.body {
        let content_type = HeaderValue::try_from(&sent.content_type).map_err(|_| odd())?;
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(length) = sent.length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    let at = (gateway.upstream.client(), gateway.clock.now_ms());
    let credentials = provider.credentials.apply(&mut head, at).await;
    credentials.map_err(|_| Failed::Unreached("its credentials are not to be had".to_owned()))?;
    let body = question
        .body
        .map_or_else(|| whole(Bytes::new()), |b| b.body);
    Ok(head.map(|_| body))
}

async fn refused(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    response: Response<Incoming>,
) -> Failed {
    let (parts, body) = response.into_parts();
    let idle = Duration::from_millis(gateway.config.timeouts.stream_idle_ms);
    let body = timeout(idle, Limited::new(body, MAX_ANSWER_BYTES).collect()).await;
    let body = body.ok().and_then(Result::ok);
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let status = parts.status.as_u16();
    let error = match provider.api {
        ProviderApi::Messages => messages::read_error(status, &body),
        ProviderApi::Chat | ProviderApi::Cohere | ProviderApi::Gemini | ProviderApi::Converse => {
            chat::read_error(status, &body)
        }
    };
    let retry_after = parts.headers.get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    Failed::Refused {
        status: parts.status,
        message: error.message,
        retry_after,
    }
}

/// Asks, and gives the whole answer.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    question: Question,
) -> Result<Bytes, Failed> {
    let response = ask(gateway, provider, question).await?;
    let idle = Duration::from_millis(gateway.config.timeouts.stream_idle_ms);
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect();
    let body = timeout(idle, body).await;
    let body = body.map_err(|_| Failed::Unknown("its answer stopped".to_owned()))?;
    let body = body.map_err(|_| Failed::Unknown("its answer broke off".to_owned()))?;
    Ok(body.to_bytes())
}

/// An answer as it comes.
pub(crate) fn pieces(gateway: &Gateway, body: Incoming) -> Pieces {
    let idle = Duration::from_millis(gateway.config.timeouts.stream_idle_ms);
    let frames = BodyStream::new(body);
    let next = move |mut frames: BodyStream<Incoming>| async move {
        let frame = match timeout(idle, frames.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) => Err(std::io::Error::other(error)),
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        };
        Some((frame, frames))
    };
    futures::stream::unfold(frames, next).boxed()
}

/// A provider's own name of something, as part of a path.
pub(crate) fn segment(id: &str) -> Result<&str, Failed> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(id);
    }
    let why = "it gave a name that cannot be part of a path";
    Err(Failed::Unreached(why.to_owned()))
}

//! One message to a server, and what it answers: JSON, or a stream of events with the answer among them.

use std::time::Duration;

use bytes::Bytes;
use floopy_protocols::sse::Scanner;
use floopy_shared::network::{check_url, origin};
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE, LOCATION},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::timeout;

use super::{Failure, target::Target};
use crate::{
    upstream::{Client, ClientError, ReplyBody},
    whole::{Unfinished, whole},
};

/// Of an answer, whichever form it has.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Servers move within themselves, as from `/mcp` to `/mcp/`.
const MAX_REDIRECTS: usize = 3;

const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
static SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A message, and what it is sent with.
pub(super) struct Message<'a> {
    pub(super) body: Bytes,
    /// The session that it belongs to and the version of the protocol, once they are known.
    pub(super) session: Option<&'a HeaderValue>,
    pub(super) version: Option<&'static str>,
    /// The id of the question; `None`: nothing is answered.
    pub(super) id: Option<u64>,
}

/// What came back.
pub(super) struct Answered {
    /// The whole message; null where there is none.
    pub(super) message: Value,
    pub(super) session: Option<HeaderValue>,
}

/// Sends a message and waits for its answer, within the time that the server has.
pub(super) async fn exchange(
    client: &Client,
    target: &Target,
    message: &Message<'_>,
) -> Result<Answered, Failure> {
    let patience = Duration::from_millis(u64::from(target.timeout_ms));
    let late = || Failure::told(format!("it did not answer within {} ms", target.timeout_ms));
    let answered = timeout(patience, exchanged(client, target, message)).await;
    answered.unwrap_or_else(|_| Err(late()))
}

async fn exchanged(
    client: &Client,
    target: &Target,
    message: &Message<'_>,
) -> Result<Answered, Failure> {
    let mut uri = target.uri.clone();
    for _ in 0..=MAX_REDIRECTS {
        let request = request(target, &uri, message)?;
        let response = client.request(request).await.map_err(unreachable)?;
        let status = response.status();
        if status == StatusCode::TEMPORARY_REDIRECT || status == StatusCode::PERMANENT_REDIRECT {
            uri = moved(&uri, &response)?;
            continue;
        }
        return read(response, message).await;
    }
    Err(Failure::told("it redirects too often"))
}

fn request(target: &Target, uri: &Uri, message: &Message<'_>) -> Result<Request<Bytes>, Failure> {
    let request = Request::post(uri).body(message.body.clone());
    let mut request = request.map_err(|e| Failure::told(format!("it cannot be asked: {e}")))?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, BOTH);
    headers.insert(CONTENT_TYPE, JSON);
    if let Some(session) = message.session {
        headers.insert(SESSION.clone(), session.clone());
    }
    if let Some(version) = message.version {
        headers.insert(VERSION.clone(), HeaderValue::from_static(version));
    }
    // A secret is for the server that it was given for, and for nobody that this one points to.
    if let Some((name, secret)) = &target.secret
        && origin(uri) == origin(&target.uri)
    {
        headers.insert(name.clone(), secret.clone());
    }
    Ok(request)
}

fn unreachable(error: ClientError) -> Failure {
    match error {
        ClientError::Forbidden(forbidden) => Failure::Forbidden(forbidden),
        ClientError::Connect(_) => Failure::passing("no connection can be made to it"),
        ClientError::NoHost(_) => Failure::told("its address has no host"),
        // It may have heard.
        ClientError::Broken(_) => Failure::told("the connection to it broke"),
    }
}

/// Where a redirect leads; connecting to there is judged like to anywhere.
fn moved(from: &Uri, response: &Response<ReplyBody>) -> Result<Uri, Failure> {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let nowhere = || Failure::told("it redirects to nowhere");
    let location = location.ok_or_else(nowhere)?;
    let absolute = if location.starts_with('/') && !location.starts_with("//") {
        let authority = from.authority().ok_or_else(nowhere)?;
        let scheme = from.scheme_str().unwrap_or("https");
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    check_url(&absolute, |_| Ok(()))
        .map_err(|why| Failure::told(format!("it redirects to where nobody is asked: {why}")))
}

async fn read(response: Response<ReplyBody>, message: &Message<'_>) -> Result<Answered, Failure> {
    let status = response.status();
    let session = response.headers().get(&SESSION).cloned();
    if status == StatusCode::NOT_FOUND && message.session.is_some() {
        return Err(Failure::SessionGone);
    }
    if !status.is_success() {
        let why = format!("it answered with HTTP status {}", status.as_u16());
        return Err(match status.as_u16() {
            429 | 502..=504 => Failure::passing(why),
            _ => Failure::told(why),
        });
    }
    let Some(id) = message.id else {
        let message = Value::Null;
        return Ok(Answered { message, session });
    };
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let message = match kind.to_ascii_lowercase().as_str() {
        "application/json" => of_json(response.into_body(), id).await?,
        "text/event-stream" => of_events(response.into_body(), id).await?,
        other => {
            let shown: String = other.chars().take(60).collect();
            return Err(Failure::told(format!(
                "it answered with the content type {shown:?}, and not with JSON or a stream of events"
            )));
        }
    };
    Ok(Answered { message, session })
}

fn too_long() -> Failure {
    Failure::told(format!("its answer is longer than {MAX_BYTES} bytes"))
}

async fn of_json(body: ReplyBody, id: u64) -> Result<Value, Failure> {
    let body = whole(body, MAX_BYTES).await.map_err(|why| match why {
        Unfinished::TooLong => too_long(),
        Unfinished::Broken => Failure::told("its answer broke off"),
    })?;
    let message: Value =
        serde_json::from_slice(&body).map_err(|_| Failure::told("its answer is not JSON"))?;
    if answers(&message, id) {
        Ok(message)
    } else {
        Err(Failure::told("its answer is not to what it was asked"))
    }
}

/// What else it tells on the way is not for us.
async fn of_events(mut body: ReplyBody, id: u64) -> Result<Value, Failure> {
    let mut scanner = Scanner::default();
    let mut read = 0_usize;
    let mut found = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::told("its answer broke off"))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        read += bytes.len();
        if read > MAX_BYTES {
            return Err(too_long());
        }
        scanner.feed(&bytes, |event, _| {
            let message: Option<Value> = serde_json::from_slice(event).ok();
            let message = message.filter(|message| answers(message, id));
            found = found.take().or(message);
        });
        if let Some(message) = found {
            return Ok(message);
        }
    }
    Err(Failure::told(
        "its stream of events ended without an answer",
    ))
}

fn answers(message: &Value, id: u64) -> bool {
    let has_said = message.get("result").is_some() || message.get("error").is_some();
    has_said && message["id"].as_u64() == Some(id)
}

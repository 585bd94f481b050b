//! `GET /v1/decisions…` and exports: the control plane keeps the records, so it answers, under the caller's own
//! key.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, Request, Response,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{body::Body, relayed::Relayed, respond::Refusal};
use crate::{
    admit::{Permission, admit},
    doors::Passage,
    gateway::Gateway,
};

/// Of the control plane's answer.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Seconds after which asking again makes sense.
const RETRY_AFTER_S: u64 = 2;

/// An export is as long as its tenant's history: it is passed on piece by piece.
const EXPORT: &str = "/v1/export/decisions";

/// For the head of an export, before which its rows are counted.
const EXPORT_BEGINS: Duration = Duration::from_secs(30);

static ASKED: [HeaderName; 2] = [AUTHORIZATION, ACCEPT_LANGUAGE];
static ANSWERED: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_LANGUAGE,
    RETRY_AFTER,
    HeaderName::from_static("floopy-aggregation-notice"),
];

/// Passes the question on and the answer back.
pub(super) async fn forward(
    gateway: &Arc<Gateway>,
    request: &Request<Incoming>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    // Whoever has no key is told so by the control plane.
    let known = admit(
        gateway.current.snapshot(),
        request.headers(),
        Permission::Read,
    )
    .ok();
    let tenant = known.as_ref().map(|admitted| &admitted.tenant.id);
    passage.seat(tenant).map_err(|shed| gateway.shed(shed))?;
    let question = question(&gateway.config.control.rest, request).map_err(|_| unavailable())?;
    let timeouts = &gateway.config.timeouts;
    let is_export = request.uri().path() == EXPORT;
    let deadline = if is_export {
        EXPORT_BEGINS
    } else {
        Duration::from_millis(timeouts.control_ms)
    };
    let answer = async {
        let response = gateway
            .upstream
            .client()
            .request(question)
            .await
            .map_err(|_| unavailable())?;
        let (parts, body) = response.into_parts();
        let body = if is_export && parts.status.is_success() {
            let idle = Duration::from_millis(timeouts.stream_idle_ms);
            Body::relayed(Relayed::new(body, idle))
        } else {
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            Body::whole(body.map_err(|_| unavailable())?.to_bytes())
        };
        Ok(answered(&parts, body))
    };
    timeout(deadline, answer).await.map_err(|_| unavailable())?
}

fn answered(parts: &http::response::Parts, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    for name in &ANSWERED {
        if let Some(value) = parts.headers.get(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}

fn question(rest: &str, request: &Request<Incoming>) -> Result<Request<Bytes>, http::Error> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let mut question =
        Request::get(format!("{}{path}", rest.trim_end_matches('/'))).body(Bytes::new())?;
    for name in &ASKED {
        if let Some(value) = request.headers().get(name) {
            question.headers_mut().insert(name.clone(), value.clone());
        }
    }
    Ok(question)
}

fn unavailable() -> Refusal {
    let message = "the control plane, which keeps the decisions, cannot be reached; calls are served all the same";
    Refusal::unavailable("control_plane_unavailable", message, RETRY_AFTER_S)
}

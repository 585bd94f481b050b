//! What the control plane answers is asked of it under the caller's own key, and its answer passed on.

mod paths;
mod relayed;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::domain::{ids::RequestId, snapshot::Tenant};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION,
        CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
    },
    request::Parts,
};
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;

use self::paths::Answer;
pub(crate) use self::{
    paths::{Forwarded, RATINGS},
    relayed::Relayed,
};
use super::{body::Body, dispatch::methods, document, request_body::RequestBody, respond::Refusal};
use crate::{
    admit::{API_KEY, Admitted, Denied, Permission, admit},
    doors::Passage,
    gateway::Gateway,
    upstream::{ClientError, ReplyBody},
};

/// Of an answer that is passed on as a whole.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// For the head of an answer that is passed on as it comes: an export counts its rows first.
const LONG_ANSWER_BEGINS: Duration = Duration::from_secs(30);

/// Of callers whose key is not known here, and how long they may take to send it: room for bodies is everybody's.
const STRANGERS_BODY_BYTES: usize = 64 << 10;
const STRANGERS_PATIENCE: Duration = Duration::from_secs(5);

/// Seconds after which asking again makes sense.
const RETRY_AFTER_S: u64 = 2;

/// The methods that are forwarded; which of them a path has, the control plane says.
pub(super) const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// In the answers of a control plane that stands by.
static ROLE: HeaderName = HeaderName::from_static("floopy-control-plane");

static ASKED: [HeaderName; 8] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    ACCEPT,
    ACCEPT_LANGUAGE,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-floopy-confirm"),
];

static ANSWERED: [HeaderName; 8] = [
    CONTENT_TYPE,
    CONTENT_LANGUAGE,
    CONTENT_DISPOSITION,
    CACHE_CONTROL,
    RETRY_AFTER,
    ETAG,
    LOCATION,
    ALLOW,
];

/// Of our own headers, all are passed on.
const OWN_HEADERS: &str = "floopy-";

/// The tenant of a caller, if it is known here.
fn known(admitted: Result<Admitted, Denied>) -> Result<Option<Arc<Tenant>>, Refusal> {
    match admitted {
        Ok(admitted) => Ok(Some(admitted.tenant)),
        // The control plane may know a key that has not come here yet.
        Err(Denied::NoSnapshot | Denied::Unknown) => Ok(None),
        Err(
            denied @ (Denied::Missing
            | Denied::Malformed
            | Denied::Disabled
            | Denied::NoRead
            | Denied::NoWrite),
        ) => Err(denied.into()),
    }
}

/// Passes the question on and the answer back.
pub(super) async fn forward(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    (forwarded, id): (&'static Forwarded, RequestId),
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let snapshot = gateway.current.snapshot();
    let tenant = known(admit(snapshot, &parts.headers, permission(&parts.method)))?;
    // The control plane says the same, after a way that the question is spared.
    let lacking = tenant.as_ref().and_then(|t| t.lacking(parts.uri.path()));
    if let Some((plan, feature)) = lacking {
        return Err(Refusal::plan_required(plan, feature));
    }
    let seat = passage.seat(tenant.as_ref().map(|tenant| &tenant.id));
    seat.map_err(|shed| gateway.shed(shed))?;
    let patience = Duration::from_millis(gateway.config.timeouts.body_ms);
    let bounds = match &tenant {
        Some(_) => (forwarded.body_bytes, patience),
        // Strangers, until the control plane knows better.
        None => (STRANGERS_BODY_BYTES, patience.min(STRANGERS_PATIENCE)),
    };
    let body = gateway.read(body, bounds, passage).await?;
    let path = parts.uri.path();
    let deadline = Duration::from_millis(gateway.config.timeouts.control_ms);
    let deadline = match forwarded.answer {
        Answer::Whole => deadline,
        Answer::Streamed => deadline.max(LONG_ANSWER_BEGINS),
    };
    let answer = async {
        let answer = ask(gateway, &parts, (body, id)).await?;
        let (parts, body) = answer.into_parts();
        let body = match forwarded.answer {
            Answer::Whole => whole(body).await?,
            Answer::Streamed => {
                let idle = Duration::from_millis(gateway.config.timeouts.stream_idle_ms);
                Body::relayed(Relayed::new(body, idle))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = parts.status;
        pass_on(&parts.headers, response.headers_mut());
        correct_methods(&mut response, path);
        Ok(response)
    };
    let late = || match permission(&parts.method) {
        Permission::Read => unavailable(),
        Permission::Write | Permission::Chat => unknown_outcome(deadline),
    };
    let answered = timeout(deadline, answer).await;
    answered.map_err(|_| {
        // Where there is another one, it is asked next.
        gateway.leads.fetch_add(1, Ordering::Relaxed);
        late()
    })?
}

/// Asks the control plane that answered last, and the next where nobody takes the question there or only stands by: so it
/// is asked once.
async fn ask(
    gateway: &Gateway,
    parts: &Parts,
    (body, id): (Bytes, RequestId),
) -> Result<Response<ReplyBody>, Refusal> {
    let addresses = &gateway.config.control.rest;
    let first = gateway.leads.load(Ordering::Relaxed);
    for at in (first..).take(addresses.len()) {
        let question = question(addresses.around(at), parts, body.clone(), id);
        let question = question.map_err(|_| unavailable())?;
        match gateway.upstream.client().request(question).await {
            Ok(answer) if answer.headers().get(&ROLE).is_none() => {
                gateway.leads.store(at % addresses.len(), Ordering::Relaxed);
                return Ok(answer);
            }
            // It stands by, or it is not there.
            Ok(_) | Err(ClientError::Connect(_)) => {}
            Err(ClientError::NoHost(_) | ClientError::Forbidden(_) | ClientError::Broken(_)) => {
                return Err(unavailable());
            }
        }
    }
    Err(unavailable())
}

/// Reading is `GET`, everything else changes something.
fn permission(method: &Method) -> Permission {
    if method == Method::GET {
        Permission::Read
    } else {
        Permission::Write
    }
}

/// The same question, path and query as they were sent, under the id that this proxy answers with.
fn question(
    rest: &str,
    parts: &Parts,
    body: Bytes,
    id: RequestId,
) -> Result<Request<Bytes>, http::Error> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut question = Request::builder()
        .method(parts.method.clone())
        .uri(format!("{}{path}", rest.trim_end_matches('/')))
        .body(body)?;
    let headers = question.headers_mut();
    for name in &ASKED {
        if let Some(value) = parts.headers.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if let Some(key) = parts.headers.get(&API_KEY)
        && !parts.headers.contains_key(AUTHORIZATION)
    {
        let bearer = [b"Bearer ", key.as_bytes()].concat();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::try_from(bearer).map_err(http::Error::from)?,
        );
    }
    headers.insert(
        REQUEST_ID.clone(),
        HeaderValue::try_from(id.to_string()).map_err(http::Error::from)?,
    );
    Ok(question)
}

async fn whole(body: ReplyBody) -> Result<Body, Refusal> {
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(Body::whole(body.map_err(|_| unavailable())?.to_bytes()))
}

fn pass_on(answered: &HeaderMap, headers: &mut HeaderMap) {
    for (name, value) in answered {
        if ANSWERED.contains(name) || name.as_str().starts_with(OWN_HEADERS) {
            headers.append(name.clone(), value.clone());
        }
    }
}

/// What the proxy takes at a path, which need not be what the control plane takes there.
fn correct_methods(response: &mut Response<Body>, path: &str) {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(allowed) = document::allowed(path)
    {
        response.headers_mut().insert(ALLOW, methods(allowed));
    }
}

/// What changes something may have been done: asking again by itself could do it twice.
fn unknown_outcome(deadline: Duration) -> Refusal {
    let message = format!(
        "the control plane did not answer within {} ms; what was asked may have been done: look before you ask again",
        deadline.as_millis()
    );
    Refusal::new(
        StatusCode::GATEWAY_TIMEOUT,
        "control_plane_timeout",
        message,
    )
}

fn unavailable() -> Refusal {
    let message = "the control plane, which answers this path, cannot be reached; calls are served all the same";
    Refusal::unavailable("control_plane_unavailable", message, RETRY_AFTER_S)
}

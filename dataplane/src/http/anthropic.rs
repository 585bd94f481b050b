//! What only callers of Anthropic's API see: errors in its envelope, and counts of tokens.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_protocols::{ApiError, ErrorKind, messages};
use floopy_shared::domain::ids::RequestId;
use http::{HeaderName, HeaderValue, Request, Response, header::CONTENT_TYPE, request::Parts};
use serde_json::{Map, Value};

use super::{
    body::Body,
    request_body::RequestBody,
    respond::{OwnError, Refusal},
};
use crate::{
    admit::{Admitted, Permission},
    call::{Call, Endpoint},
    doors::Passage,
    gateway::Gateway,
    pipeline::{Decided, plan, session_header, understand},
    upstream::Errand,
};

/// Says that a count is not the provider's.
static ESTIMATED: HeaderName = HeaderName::from_static("floopy-estimated");

/// Puts an error of ours into Anthropic's envelope; what came from a provider is in it already, and names the request
/// where the provider did not.
pub(super) fn reword(mut response: Response<Body>, id: RequestId) -> Response<Body> {
    let Some(own) = response.extensions_mut().remove::<OwnError>() else {
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            return response.map(|body| body.map_whole(|error| with_id(error, id)));
        }
        return response;
    };
    let error = ApiError {
        kind: ErrorKind::of_status(response.status().as_u16()),
        message: own.message,
        code: None,
        param: None,
    };
    let (_, body) = messages::write_error(&error);
    let strategy = response.body().strategy();
    let mut worded = Body::whole(with_id(body.into(), id));
    worded.count_as(strategy);
    response.map(|_| worded)
}

/// An error with the request's id, in the place that Anthropic has for it.
fn with_id(error: Bytes, id: RequestId) -> Bytes {
    let said: Option<Map<String, Value>> = serde_json::from_slice(&error).ok();
    let is_nameless =
        said.is_some_and(|said| said.contains_key("error") && !said.contains_key("request_id"));
    let open = error.trim_ascii_end().strip_suffix(b"}");
    match open.filter(|_| is_nameless) {
        Some(open) => [open, format!(",\"request_id\":\"{id}\"}}").as_bytes()]
            .concat()
            .into(),
        None => error,
    }
}

/// Counts a request's tokens: by whoever would serve it, where its API does that, else by its bytes.
pub(super) async fn count(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    id: RequestId,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = gateway.enter(&parts.headers, Permission::Write, passage)?;
    if let Err(answer) = gateway.within(&admitted, &parts.headers) {
        return Ok(*answer);
    }
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let bounds = (gateway.config.limits.body_bytes, deadline);
    let body = gateway.read(body, bounds, passage).await?;
    let asked = (body, Endpoint::CountTokens, &parts.headers);
    let call = understand((gateway, &admitted), asked)?;
    let count = call.features().input_tokens_estimate;
    if let Some(exact) = exact(gateway, &admitted, (&parts, id), call).await {
        return Ok(exact);
    }
    let mut response = Response::new(Body::whole(messages::write_count(count)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ESTIMATED.clone(), HeaderValue::from_static("true"));
    Ok(response)
}

/// What the provider counts, as it says it.
async fn exact(
    gateway: &Gateway,
    admitted: &Admitted,
    (parts, id): (&Parts, RequestId),
    call: Call,
) -> Option<Response<Body>> {
    let session = session_header(&parts.headers).ok()?;
    let now_ms = gateway.clock.now_ms();
    let asked = (&parts.headers, session.as_ref());
    let Decided { call, plan } = plan(gateway, admitted, call, asked, (id, now_ms)).ok()?;
    let errand = Errand {
        call: &call,
        headers: &parts.headers,
        providers: admitted.providers(),
        order: &plan.choice.order,
        now_ms,
        hedge_after: None,
        text_bytes: 0,
        trace: None,
    };
    let whole = gateway.upstream.count(&errand).await?;
    let mut response = Response::new(Body::whole(whole.body));
    *response.headers_mut() = whole.headers;
    Some(response)
}

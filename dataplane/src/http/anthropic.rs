//! What only callers of Anthropic's API see: errors in its envelope, and counts of tokens.

use std::{sync::Arc, time::Duration};

use floopy_protocols::{ApiError, ErrorKind, messages};
use floopy_shared::domain::ids::RequestId;
use http::{HeaderName, HeaderValue, Request, Response, header::CONTENT_TYPE};
use hyper::body::Incoming;

use super::{
    body::Body,
    respond::{OwnError, Refusal},
};
use crate::{
    admit::{Permission, admit},
    call::{Call, Endpoint},
    doors::Passage,
    gateway::Gateway,
};

/// Says that a count is not the provider's.
static ESTIMATED: HeaderName = HeaderName::from_static("floopy-estimated");

/// Puts an error of ours into Anthropic's envelope; what came from a provider is in it already.
pub(super) fn reword(mut response: Response<Body>, id: RequestId) -> Response<Body> {
    let Some(own) = response.extensions_mut().remove::<OwnError>() else {
        return response;
    };
    let error = ApiError {
        kind: ErrorKind::of_status(response.status().as_u16()),
        message: own.message,
        code: None,
        param: None,
    };
    let (_, body) = messages::write_error(&error);
    // The place that Anthropic has for it.
    let body = String::from_utf8_lossy(&body);
    let body = body.strip_suffix('}').map_or_else(
        || body.to_string(),
        |open| format!("{open},\"request_id\":\"{id}\"}}"),
    );
    let strategy = response.body().strategy();
    let mut worded = Body::whole(body);
    worded.count_as(strategy);
    response.map(|_| worded)
}

/// Counts a request's tokens, by its bytes: no provider is asked.
pub(super) async fn count(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let snapshot = gateway.current.snapshot();
    let admitted = admit(snapshot, &parts.headers, Permission::Write)?;
    let tenant = Some(&admitted.tenant.id);
    passage.seat(tenant).map_err(|shed| gateway.shed(shed))?;
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let bounds = (gateway.config.limits.body_bytes, deadline);
    let body = gateway.read(body, bounds, passage).await?;
    let call = Call::parse(body, Endpoint::CountTokens, None)?;
    let count = call.features().input_tokens_estimate;
    let mut response = Response::new(Body::whole(messages::write_count(count)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ESTIMATED.clone(), HeaderValue::from_static("true"));
    Ok(response)
}

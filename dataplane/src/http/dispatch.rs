//! One request in, one response out: passage, handler, request id, count.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use floopy_shared::domain::ids::RequestId;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH},
};
use hyper::body::{Body as _, Incoming};
use serde_json::json;
use uuid::Uuid;

use super::{
    AnsweredAs, anthropic, batches,
    body::Body,
    caller, document, explain, feedback, files, forward, mcp, models,
    request_body::RequestBody,
    respond::{Refusal, json_response},
    route::Route,
};
use crate::{
    call::Endpoint,
    doors::Passage,
    gateway::Gateway,
    metrics::{Metrics, RouteLabel, StrategyLabel},
    pipeline,
    rates::Exceeded,
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Counts a request however it ends.
struct Tally {
    metrics: Arc<Metrics>,
    route: RouteLabel,
    status: Option<StatusCode>,
    strategy: StrategyLabel,
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.metrics.request(self.route, self.status, self.strategy);
    }
}

/// Answers one request of a client.
pub(crate) async fn dispatch(gateway: Arc<Gateway>, request: Request<Incoming>) -> Response<Body> {
    answer_to(&gateway, request.map(RequestBody::Wire)).await
}

/// Answers one request, whoever makes it.
pub(super) async fn answer_to(
    gateway: &Arc<Gateway>,
    mut request: Request<RequestBody>,
) -> Response<Body> {
    let id = RequestId(Uuid::new_v4());
    let is_head = *request.method() == Method::HEAD;
    if is_head {
        *request.method_mut() = Method::GET;
    }
    let route = Route::of(request.method(), request.uri().path());
    let metrics = Arc::clone(&gateway.metrics);
    let mut tally = Tally {
        metrics,
        route: route.label(),
        status: None,
        strategy: StrategyLabel::None,
    };
    let mut response = enter(gateway, request, route, id).await;
    tally.strategy = response.body().strategy();
    tally.status = Some(response.status());
    // Of several calls of a model the answer is the last one's.
    let id = match response.extensions().get::<AnsweredAs>() {
        Some(AnsweredAs(last)) => *last,
        None => id,
    };
    if let Ok(value) = HeaderValue::from_str(id.write(&mut [0; RequestId::TEXT_BYTES])) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    if is_head {
        without_body(response)
    } else {
        response
    }
}

/// What `HEAD` is told: all but the body, whose length is said where it is known.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::whole(Bytes::new()))
}

async fn enter(
    gateway: &Arc<Gateway>,
    request: Request<RequestBody>,
    route: Route,
    id: RequestId,
) -> Response<Body> {
    if route == Route::Health {
        return json_response(StatusCode::OK, &json!({"status": "ok"}));
    }
    if route == Route::Document {
        return document::answer();
    }
    if let Err(exceeded) = within_limit(gateway, &request) {
        return gateway.limited(exceeded);
    }
    let mut passage = match gateway.doors.enter() {
        Ok(passage) => passage,
        Err(shed) => return gateway.shed(shed).response(),
    };
    let inside = &mut passage;
    let response = match route {
        Route::Chat => serve(gateway, request, (Endpoint::Chat, id), inside).await,
        Route::Responses => serve(gateway, request, (Endpoint::Responses, id), inside).await,
        Route::Messages => {
            let served = serve(gateway, request, (Endpoint::Messages, id), inside).await;
            anthropic::reword(served, id)
        }
        Route::CountTokens => {
            let counted = Box::pin(anthropic::count(gateway, request, id, inside)).await;
            anthropic::reword(answer(counted), id)
        }
        Route::Embeddings => serve(gateway, request, (Endpoint::Embeddings, id), inside).await,
        Route::Models => answer(models::list(gateway, request.headers())),
        Route::Feedback => answer(Box::pin(feedback::rate(gateway, request, inside)).await),
        Route::Explain => answer(Box::pin(explain::explain(gateway, request, id, inside)).await),
        Route::ExplainCached => {
            answer(Box::pin(explain::explain_cached(gateway, request, id, inside)).await)
        }
        Route::Files => answer(Box::pin(files::answer(gateway, request, inside)).await),
        Route::Batches => answer(Box::pin(batches::answer(gateway, request, inside)).await),
        Route::Retraction => answer(Box::pin(feedback::retract(gateway, &request, inside)).await),
        Route::Mcp => mcp::answer(gateway, request, inside).await,
        Route::Control(forwarded) => {
            let question = (forwarded, id);
            answer(Box::pin(forward::forward(gateway, request, question, inside)).await)
        }
        Route::Document | Route::Health | Route::NotFound => not_found(),
        Route::WrongMethod(allowed) => wrong_method(allowed),
    };
    response.map(|body| body.with_passage(passage))
}

/// Whether the address that a request comes from may make another one. Its body is not read first, nor its key.
fn within_limit(gateway: &Gateway, request: &Request<RequestBody>) -> Result<(), Exceeded> {
    let config = &gateway.config.addresses;
    if config.requests_per_minute == 0 {
        return Ok(());
    }
    let Some(address) = caller::address(request, &config.trusted) else {
        return Ok(());
    };
    let limit = u64::from(config.requests_per_minute);
    let now_ms = gateway.clock.now_ms();
    gateway.rates.admit_address(address, limit, now_ms)
}

/// Boxed: the futures around it are moved before they begin, and would be moved with room for it.
fn serve<'a>(
    gateway: &'a Arc<Gateway>,
    request: Request<RequestBody>,
    (endpoint, id): (Endpoint, RequestId),
    passage: &'a mut Passage,
) -> Pin<Box<impl Future<Output = Response<Body>> + use<'a>>> {
    Box::pin(pipeline::serve(gateway, request, endpoint, id, passage))
}

fn answer(result: Result<Response<Body>, Refusal>) -> Response<Body> {
    result.unwrap_or_else(|refusal| refusal.response())
}

fn not_found() -> Response<Body> {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path",
    )
    .response()
}

fn wrong_method(allowed: &'static str) -> Response<Body> {
    let message = "this path does not take this method; the header Allow names those that it takes";
    let refusal = Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    );
    let mut response = refusal.response();
    response.headers_mut().insert(ALLOW, methods(allowed));
    response
}

/// As `Allow` names them: HEAD is answered wherever GET is.
pub(super) fn methods(allowed: &'static str) -> HeaderValue {
    let with_head = allowed.split(", ").any(|method| method == "GET");
    let named = with_head.then(|| HeaderValue::try_from(format!("{allowed}, HEAD")).ok());
    named
        .flatten()
        .unwrap_or_else(|| HeaderValue::from_static(allowed))
}

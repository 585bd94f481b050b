//! What a control plane answers that stands by: that another one has to be asked.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::registry::Registry;
use serde_json::json;

use super::exposition;

/// Says in every answer that it is of a control plane that stands by.
const ROLE: HeaderName = HeaderName::from_static("floopy-control-plane");
const STANDBY: HeaderValue = HeaderValue::from_static("standby");
/// Seconds after which another one may lead.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// All routes.
pub(crate) fn standby(registry: Arc<Mutex<Registry>>) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/readyz", get(unready))
        .route("/v1/status", get(status))
        .route("/metrics", get(metrics))
        .fallback(elsewhere)
        .method_not_allowed_fallback(elsewhere)
        .layer(middleware::map_response(say_so))
        .with_state(registry)
}

async fn say_so(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ROLE, STANDBY);
    // The next question may be one for whoever leads.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn unready() -> Response {
    let text = "standing by: another control plane leads\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn status() -> Json<serde_json::Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION"), "role": "standby"}))
}

async fn metrics(State(registry): State<Arc<Mutex<Registry>>>) -> Response {
    exposition(&registry)
}

async fn elsewhere() -> Response {
    let message = "this control plane stands by; ask the one that leads: its /readyz answers 200";
    let error = json!({"error": {
        "message": message, "type": "server_error", "param": null, "code": "control_plane_standby",
    }});
    let retry = [(header::RETRY_AFTER, RETRY_AFTER)];
    (StatusCode::SERVICE_UNAVAILABLE, retry, Json(error)).into_response()
}

//! Liveness, readiness and metrics, on a port of their own.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use hyper::body::Incoming;
use prometheus_client::registry::Registry;
use serde_json::json;

use super::{
    body::Body,
    respond::{Refusal, json_response},
};
use crate::{gateway::Gateway, record::spool::Level};

/// The metrics of the process.
pub type SharedRegistry = Arc<Mutex<Registry>>;

/// Answers one request of an operator.
pub(crate) fn answer(
    gateway: &Gateway,
    registry: &SharedRegistry,
    request: &Request<Incoming>,
) -> Response<Body> {
    match request.uri().path() {
        "/health" => json_response(StatusCode::OK, &json!({"status": "ok"})),
        "/readyz" => readiness(gateway),
        "/metrics" => metrics(registry),
        _ => {
            let message = "there is nothing at this path: try /health, /readyz or /metrics";
            Refusal::new(StatusCode::NOT_FOUND, "not_found", message).response()
        }
    }
}

/// Losing the control plane or the spool's space degrades, but calls are still served.
fn readiness(gateway: &Gateway) -> Response<Body> {
    let snapshot = gateway.current.snapshot();
    let level = gateway.spool.level();
    let has_tenants = snapshot.tenants().next().is_some();
    let (status, word) = if gateway.doors.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if !has_tenants {
        (StatusCode::SERVICE_UNAVAILABLE, "no_snapshot")
    } else if level == Level::Ok {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::OK, "degraded")
    };
    let body = json!({
        "status": word,
        "spool": level.as_str(),
        "snapshot_version": snapshot.version(),
        "control_plane": if gateway.current.is_connected() { "connected" } else { "lost" },
    });
    json_response(status, &body)
}

fn metrics(registry: &SharedRegistry) -> Response<Body> {
    let mut text = String::new();
    let encoded = {
        let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)
    };
    if encoded.is_err() {
        let message = "the metrics could not be written";
        return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).response();
    }
    let mut response = Response::new(Body::whole(text));
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

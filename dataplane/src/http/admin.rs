//! Liveness, readiness, metrics, and what the proxy goes by, on a port of their own.

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
        "/debug/configuration" => configuration(gateway),
        "/debug/snapshot" => snapshot(gateway),
        _ => {
            let message = "there is nothing at this path: try /health, /readyz, /metrics, /debug/configuration or \
                /debug/snapshot";
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

/// What can be set, as it was when the proxy started, without secrets. What was reloaded since is not in it.
fn configuration(gateway: &Gateway) -> Response<Body> {
    match serde_json::to_value(&gateway.config) {
        Ok(configuration) => json_response(StatusCode::OK, &configuration),
        Err(_) => unwritten("the configuration"),
    }
}

/// Which tables decisions are made on, in which versions: to be compared with those of another proxy, or the control plane's.
fn snapshot(gateway: &Gateway) -> Response<Body> {
    let snapshot = gateway.current.snapshot();
    let versions = snapshot.table_versions();
    let tables =
        versions.map(|(name, version)| json!({"name": name.to_string(), "version": version}));
    let tables: Vec<serde_json::Value> = tables.collect();
    let providers = gateway.current.configured();
    let body = json!({
        "version": snapshot.version(),
        "control_plane": if gateway.current.is_connected() { "connected" } else { "lost" },
        "tenants": snapshot.tenants().count(),
        "providers": providers,
        "tables": tables,
    });
    json_response(StatusCode::OK, &body)
}

fn unwritten(what: &str) -> Response<Body> {
    let message = format!("{what} could not be written");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message).response()
}

fn metrics(registry: &SharedRegistry) -> Response<Body> {
    let mut text = String::new();
    let encoded = {
        let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)
    };
    if encoded.is_err() {
        return unwritten("the metrics");
    }
    let mut response = Response::new(Body::whole(text));
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

//! The HTTP side: decisions for callers, health and metrics for operators.

mod audit;
mod baseline;
mod benchmark;
mod body;
mod cache;
mod constraints;
mod cursor;
mod dashboard;
mod datasets;
mod decisions;
mod error;
mod evaluations;
mod experiments;
mod explain;
mod export;
mod feedback;
mod firewall;
mod judge;
mod keys;
mod labels;
mod mcp;
mod once;
mod openapi;
pub(crate) mod operator;
mod optimization;
mod people;
mod plan;
mod playground;
mod pool;
mod projects;
mod promotions;
mod prompts;
mod providers;
mod query;
mod rankings;
mod replay;
mod roles;
mod rules;
mod serve;
mod session;
mod settings;
mod standby;
#[cfg(test)]
mod tests;
mod usage;
mod view;
mod webhooks;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use floopy_shared::{
    domain::{
        credential::KeyRing,
        ids::{KeyHash, TenantId},
    },
    process::{clock::Clock, reload::Reloads},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::json;
use uuid::Uuid;

use self::cursor::CursorKey;
pub(crate) use self::serve::serve;
pub(crate) use self::standby::standby;
use crate::store::sql::Conn;
use crate::{
    decision_log::DecisionLog,
    evaluations::{Asker, Evaluations},
    fleet::Fleet,
    in_force::InForce,
    index::{Index, dirty::Dirty, totals::Totals},
    queue::Queue,
    store::{
        Store, StoreError,
        keys::{self as keys_store, Holder},
        people as people_store,
    },
    webhooks::Webhooks,
};

/// Names a request, in it and in its answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) log: DecisionLog,
    pub(crate) queue: Queue,
    pub(crate) index: Arc<Index>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) clock: Clock,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) cursor_key: CursorKey,
    /// How far back decisions are kept.
    pub(crate) retention_ms: u64,
    pub(crate) in_force: InForce,
    /// Reads the configuration again, where the process does.
    pub(crate) reloads: Arc<OnceLock<Reloads>>,
    /// Told of settings that change.
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) exports: Arc<Exports>,
    /// Millionths of the savings that are due.
    pub(crate) savings_rate_ppm: u32,
    pub(crate) asking: Arc<Asking>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) evaluations: Arc<Evaluations>,
    /// Of whose key manages tenants; `None`: nobody's.
    pub(crate) operator: Option<KeyHash>,
    /// What credentials are sealed with.
    pub(crate) keys: KeyRing,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) people: Arc<People>,
    /// Calls the proxy for the dashboard.
    pub(crate) asker: Arc<Asker>,
    pub(crate) started_ms: u64,
}

pub(crate) use self::{
    body::JsonObject,
    cursor::CursorKey as SigningKey,
    error::ApiError,
    export::Exports,
    keys::describe as describe_key,
    once::{Asking, NAMED_MS},
    people::People,
    query::Pairs,
};

/// All routes.
pub(crate) fn router(api: Api) -> Router {
    let public = openapi::routes();
    Router::new()
        .merge(openapi::serve(&public))
        .merge(openapi::serve_operators(&openapi::operators()))
        .merge(public.into_router())
        .merge(operators_routes())
        .merge(dashboard::routes())
        .fallback(dashboard::page)
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(middleware::from_fn_with_state(api.clone(), once::answer))
        .layer(middleware::from_fn_with_state(api.clone(), roles::check))
        .layer(middleware::from_fn_with_state(api.clone(), plan::check))
        .layer(middleware::from_fn_with_state(
            api.clone(),
            operator::explain,
        ))
        .layer(middleware::from_fn_with_state(
            api.clone(),
            people::sign_in::recognize,
        ))
        .merge(operator::routes(&api))
        .layer(middleware::from_fn(word_refusals))
        .layer(middleware::from_fn(name_request))
        .with_state(api)
}

/// What no customer asks for, and no proxy passes on.
fn operators_routes() -> Router<Api> {
    Router::new()
        .route("/v1/status", get(status))
        .route("/health", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Every response carries `x-request-id`: the caller's own where it is a sensible one. Handlers find it in the
/// request.
async fn name_request(mut request: Request, next: Next) -> Response {
    let id = name(request.headers_mut());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Gives a request an id, its own where it is a sensible one.
pub(crate) fn name(headers: &mut http::HeaderMap) -> Option<HeaderValue> {
    let given = headers
        .get(REQUEST_ID)
        .filter(|id| id.len() <= 128)
        .cloned();
    let id = given.or_else(|| HeaderValue::from_str(&Uuid::new_v4().to_string()).ok())?;
    headers.insert(REQUEST_ID, id.clone());
    Some(id)
}

/// What is refused before a handler sees it is told in the one envelope: a path that is no text.
async fn word_refusals(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let form = response.headers().get(header::CONTENT_TYPE);
    let is_plain = form.is_some_and(|form| form.as_bytes().starts_with(b"text/plain"));
    if response.status() == StatusCode::BAD_REQUEST && is_plain {
        return ApiError::invalid_path().into_response();
    }
    response
}

async fn ready(State(api): State<Api>) -> Response {
    if api.index.ready() {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "rankings are not computed yet\n",
        )
            .into_response()
    }
}

async fn status(State(api): State<Api>) -> Json<serde_json::Value> {
    let tables = api.index.current();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "role": "leader",
        "snapshot_version": tables.version(),
        "tables": tables.iter().count(),
    }))
}

async fn metrics(State(api): State<Api>) -> Response {
    exposition(&api.registry)
}

/// All metrics as they are read.
fn exposition(registry: &Mutex<Registry>) -> Response {
    let mut text = String::new();
    let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    let written = encode(&mut text, &registry);
    drop(registry);
    match written {
        Ok(()) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => ApiError::internal().into_response(),
    }
}

/// The tenant whose key came with the request and may read.
async fn reader(api: &Api, request: &http::HeaderMap) -> Result<TenantId, ApiError> {
    Ok(reading(api, request).await?.0)
}

/// The same with a connection to read with.
async fn reading(api: &Api, request: &http::HeaderMap) -> Result<(TenantId, Conn), ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = holder(&mut conn, request).await?;
    if holder.read {
        Ok((holder.tenant, conn))
    } else {
        Err(ApiError::no_permission("read"))
    }
}

/// Whose key came with the request, if it may change things.
async fn writer(conn: &mut Conn, request: &http::HeaderMap) -> Result<Holder, ApiError> {
    let holder = holder(conn, request).await?;
    if holder.write {
        Ok(holder)
    } else {
        Err(ApiError::no_permission("write"))
    }
}

async fn holder(conn: &mut Conn, request: &http::HeaderMap) -> Result<Holder, ApiError> {
    let holder = match people::sign_in::person(request) {
        Some(id) => people_store::holder(conn, id).await?,
        None => keys_store::holder(conn, &KeyHash::of(bearer(request)?)).await?,
    };
    match holder {
        Some(holder) if holder.is_disabled => Err(ApiError::tenant_disabled()),
        Some(holder) => Ok(holder),
        None => Err(ApiError::unknown_key()),
    }
}

/// The key that came with the request.
fn bearer(request: &http::HeaderMap) -> Result<&str, ApiError> {
    let bearer = request
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = bearer.and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    key.filter(|key| !key.is_empty())
        .ok_or_else(ApiError::missing_key)
}

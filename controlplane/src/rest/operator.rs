//! `/v1/operator`: what whoever runs Floopy sees and changes of all tenants. Proxies do not forward it.

pub(crate) mod audit;
mod changing;
mod form;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod pool;
pub(crate) mod providers;
pub(crate) mod proxies;
pub(crate) mod queue;
pub(crate) mod reload;
pub(crate) mod tenants;

use axum::{
    Json, Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use floopy_shared::domain::ids::KeyHash;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{Api, bearer, error::ApiError, openapi, settings::whole_list, usage, view::moment};
use crate::store::{
    StoreError,
    keys::holder,
    tenants::managed::{self},
};

/// All routes, behind the operator's key.
pub(super) fn routes(api: &Api) -> Router<Api> {
    openapi::operators()
        .into_router()
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(middleware::from_fn_with_state(api.clone(), check))
}

/// Lets the operator through, and nobody else.
async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    match admit(&api, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Whether the operator asks.
pub(crate) async fn admit(api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
    let hash = KeyHash::of(bearer(headers)?);
    if api.operator == Some(hash) {
        return Ok(());
    }
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    match holder(&mut conn, &hash).await? {
        Some(_) => Err(ApiError::operator_required()),
        None => Err(ApiError::unknown_key()),
    }
}

/// Says of the operator's key, where a tenant's is asked for, what it is.
pub(super) async fn explain(State(api): State<Api>, request: Request, next: Next) -> Response {
    let key = bearer(request.headers()).ok().map(KeyHash::of);
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED && key.is_some() && key == api.operator {
        return ApiError::tenant_key_required().into_response();
    }
    response
}

/// The plans in force, and how many tenants have each.
pub(crate) async fn plans(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let sold = managed::by_plan(&api.store).await?;
    let terms = api.in_force.now();
    let told = terms.plans.iter().map(|(plan, is_configured)| {
        let tenants = sold.iter().find(|(name, _)| *name == plan.name);
        let mut told = usage::plan(plan);
        told["object"] = json!("plan");
        told["source"] = json!(if is_configured {
            "configuration"
        } else {
            "builtin"
        });
        told["tenants"] = json!(tenants.map_or(0, |(_, count)| *count));
        told
    });
    Ok(Json(whole_list(told.collect())))
}

/// How this control plane is.
pub(crate) async fn status(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let (tenants, disabled) = managed::counts(&api.store).await?;
    let tables = api.index.current();
    let proxies = proxies::all(&api).await?;
    let count = |is: fn(&proxies::View) -> bool| proxies.iter().filter(|p| is(p)).count();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": moment(api.started_ms),
        "now": moment(api.clock.now_ms()),
        "ready": api.index.ready(),
        "snapshot_version": tables.version(),
        "tables": tables.iter().count(),
        "tenants": {"total": tenants, "disabled": disabled},
        "proxies": {
            "known": proxies.len(),
            "connected": count(|proxy| proxy.connected),
            "behind": count(|proxy| proxy.connected && proxy.tables_behind > 0),
            "refusing": count(|proxy| proxy.connected && !proxy.rejected.is_empty()),
        },
    })))
}

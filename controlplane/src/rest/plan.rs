//! What a tenant's plan does not have is refused before it is looked at.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use floopy_shared::domain::{
    ids::TenantId,
    plan::{Feature, Lacking},
};
use http::HeaderMap;

use super::{Api, error::ApiError, holder};
use crate::{
    settings,
    store::{StoreError, sql::Conn},
};

/// Lets a request through if its path needs nothing that the plan of its tenant lacks.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if Feature::of_path(path).is_some()
        && let Err(refused) = has(&api, request.headers(), path).await
    {
        return refused.into_response();
    }
    next.run(request).await
}

/// Refuses what a tenant's plan does not have; whoever was sold no plan has everything.
pub(super) async fn require(
    api: &Api,
    conn: &mut Conn,
    tenant: &TenantId,
    feature: Feature,
) -> Result<(), ApiError> {
    let plan = settings::plan(conn, tenant, &api.in_force.now().plans).await?;
    match plan.filter(|plan| !plan.has(feature)) {
        Some(plan) => {
            let lacking = Lacking::Feature(feature);
            Err(ApiError::plan_required(&plan.name, lacking))
        }
        None => Ok(()),
    }
}

async fn has(api: &Api, headers: &HeaderMap, path: &str) -> Result<(), ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = holder(&mut conn, headers).await?;
    let plan = settings::plan(&mut conn, &holder.tenant, &api.in_force.now().plans).await?;
    let lacking = plan.and_then(|plan| Some((plan.lacks(path)?, plan)));
    match lacking {
        Some((lacking, plan)) => Err(ApiError::plan_required(&plan.name, lacking)),
        None => Ok(()),
    }
}

//! What a tenant's plan does not have is refused before it is looked at.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use floopy_shared::domain::plan::Feature;
use http::HeaderMap;

use super::{Api, error::ApiError, holder};
use crate::{settings, store::StoreError};

/// Lets a request through if its path needs nothing that the plan of its tenant lacks.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    if let Some(feature) = Feature::of_path(request.uri().path())
        && let Err(refused) = has(&api, request.headers(), feature).await
    {
        return refused.into_response();
    }
    next.run(request).await
}

async fn has(api: &Api, headers: &HeaderMap, feature: Feature) -> Result<(), ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = holder(&mut conn, headers).await?;
    let plan = settings::plan(&mut conn, &holder.tenant, &api.plans).await?;
    match plan.filter(|plan| !plan.has(feature)) {
        Some(plan) => Err(ApiError::plan_required(&plan.name, feature.as_str())),
        None => Ok(()),
    }
}

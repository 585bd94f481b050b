//! `/v1/operator/pool`: what is known of each model over all tenants, without saying who knows it, and what was told of it.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};

use super::changing::Changing;
use crate::{
    rest::{
        Api,
        error::ApiError,
        settings::whole_list,
        view::{moment, whole},
    },
    store::{audit::Action, pool},
};

/// Every model of everybody's catalog.
pub(crate) async fn get(State(api): State<Api>) -> Json<Value> {
    let observed = api.totals.observed();
    let terms = api.in_force.now();
    let models = terms.models.catalog.models().iter();
    let told = models.map(|model| {
        let seen = observed.get(&model.key).copied().unwrap_or_default();
        json!({
            "provider": model.key.provider(),
            "model": model.key.model(),
            "benchmark": model.benchmark,
            "benchmark_source": &*model.benchmark_source,
            "tenants": seen.tenants,
            "rated_sessions": seen.sessions,
            "rated_replies": whole(seen.manual),
            "judged_replies": whole(seen.judged),
            "failures": whole(seen.failed),
        })
    });
    Json(whole_list(told.collect()))
}

/// What was told so far, the newest first.
pub(crate) async fn releases(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let listed = pool::list(&api.store).await?;
    let one = |release: &pool::Listed| {
        json!({
            "release": release.number,
            "released_at": moment(release.at_ms),
            "tenants": release.tenants,
            "rho": release.rho,
            "sigma": release.sigma,
        })
    };
    Ok(Json(whole_list(listed.iter().map(one).collect())))
}

/// Asks for a release now, which costs everybody in it as much as any other.
pub(crate) async fn release(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if api.in_force.now().privacy.is_none() {
        let message = "nothing is pooled here: learning.pool.enabled is false";
        return Err(ApiError::invalid_field(
            "pool_disabled",
            "learning.pool.enabled",
            message,
        ));
    }
    let mut changing = Changing::begin(&api, &headers).await?;
    pool::want(&mut changing.tx).await?;
    let told = json!({"object": "pool_release", "wanted": true});
    let after = told.to_string();
    let change = (Action::Create, "pool/release");
    changing.audit(None, change, None, Some(&after)).await?;
    changing.commit_wanted().await?;
    Ok((StatusCode::ACCEPTED, Json(told)))
}

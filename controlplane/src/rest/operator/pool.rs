//! `GET /v1/operator/pool`: what is known of each model over all tenants, without saying who knows it.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::rest::{Api, settings::whole_list, view::whole};

/// Every model of everybody's catalog.
pub(crate) async fn get(State(api): State<Api>) -> Json<Value> {
    let observed = api.totals.observed();
    let models = api.models.catalog.models().iter();
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

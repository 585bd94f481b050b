//! `GET /v1/evaluations/{id}/results`: what each row was answered, in the order in which the answers came.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::ids::CandidateKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{asked_page, find, told_page};
use crate::{
    rest::{Api, error::ApiError, query::Pairs, reading, view::moment},
    store::evaluations::results::{self, Stored},
};

/// A page of results.
pub(in crate::rest) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let run = find(&mut conn, &tenant, &id).await?;
    let list = format!("evaluation/{}/results", run.id);
    let (after, limit) = asked_page(&api, &tenant, (&list, pairs))?;
    let after = after.map_or(0, |(place, _)| place);
    let found = results::page(&mut conn, run.id, after, limit + 1).await?;
    let place = |result: &Stored| (result.place, Uuid::nil());
    let page = (found, place, |result: &Stored| describe(run.id, result));
    Ok(Json(told_page(&api, &tenant, (&list, limit), page)))
}

fn describe(run: Uuid, result: &Stored) -> Value {
    json!({
        "id": result.id,
        "run_id": run,
        "input_id": result.input_id,
        "output": result.output,
        "score": result.score,
        "metadata": metadata(result),
        "created_at": moment(result.answered_ms),
    })
}

fn metadata(result: &Stored) -> Value {
    let served = result.served.as_deref();
    let served = served.and_then(|key| CandidateKey::parse(key).ok());
    let dimensions = result
        .dimensions
        .map(|[relevance, coherence, helpfulness, safety]| {
            json!({
                "relevance": relevance, "coherence": coherence,
                "helpfulness": helpfulness, "safety": safety,
            })
        });
    let mut told = json!({
        "request_id": result.request_id,
        "provider": served.as_ref().map(CandidateKey::provider),
        "model": served.as_ref().map(CandidateKey::model),
        "dimensions": dimensions,
        "judge": result.judge,
        "unscored": result.unscored,
        "latency_ms": result.latency_ms,
        "cost_micro_usd": result.cost_micro_usd,
        "attempts": result.attempts,
        "is_final": result.is_final,
        "error": json_of(result.error.as_deref()),
    });
    if let (Value::Object(told), Some(Value::Object(about))) =
        (&mut told, json_of(Some(&result.about)))
    {
        told.extend(about);
    }
    told
}

fn json_of(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}

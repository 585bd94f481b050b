//! `GET /v1/routing/rankings`: who serves each kind of task, as the proxies were told last.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::{
    domain::{
        ranking::{Objective, RankedCandidate, Rankings, ShapeRanking},
        snapshot::{TableBody, TableName},
    },
    view::{named, phase, role, weights},
};
use serde_json::{Value, json};

use super::{Api, error::ApiError, reader};

/// What proxies decide by.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let tables = api.index.current();
    let entry = tables.get(&TableName::Ranking(tenant));
    let rankings = entry.and_then(|entry| match &entry.body {
        TableBody::Rankings(rankings) => Some(rankings),
        TableBody::Catalog(_)
        | TableBody::Tenant(_)
        | TableBody::Prompts(_)
        | TableBody::Credential(_) => None,
    });
    let version = entry.map(|entry| entry.version);
    Ok(Json(described(version, rankings.map(AsRef::as_ref))))
}

fn described(version: Option<u64>, rankings: Option<&Rankings>) -> Value {
    let shapes: Option<Vec<Value>> =
        rankings.map(|rankings| rankings.shapes.iter().map(shape).collect());
    json!({
        "object": "rankings",
        "version": version,
        "objective": rankings.map(|rankings| match rankings.objective {
            Objective::Quality => "quality",
            Objective::Floor => "floor",
        }),
        "shadow_rate": rankings.map(|rankings| rankings.shadow_rate),
        "task_shapes": shapes.unwrap_or_default(),
    })
}

fn shape(shape: &ShapeRanking) -> Value {
    let evidence = &shape.evidence;
    json!({
        "task_shape": shape.shape.to_string(),
        "phase": phase(shape.phase),
        "weights": weights(&shape.weights),
        "confidence": shape.confidence,
        "confidence_reason": shape.confidence_reason.as_str(),
        "calibrated_probability": shape.calibrated,
        "baseline": shape.baseline.as_ref().map(named),
        "scored_requests": evidence.scored_requests,
        "rated_sessions": evidence.rated_sessions,
        "candidates": shape.candidates.iter().map(candidate).collect::<Vec<_>>(),
    })
}

fn candidate(ranked: &RankedCandidate) -> Value {
    let posterior = &ranked.posterior;
    json!({
        "provider": ranked.key.provider(),
        "model": ranked.key.model(),
        "role": role(ranked.role),
        "score": ranked.score,
        "posterior": {
            "mean": posterior.mean, "lower": posterior.lower, "upper": posterior.upper, "n": posterior.n,
        },
        "probability": ranked.probability,
        "shadow_probability": ranked.shadow_probability,
        "p_best": ranked.p_best,
        "latency_p95_ms": ranked.latency_p95_ms,
        "gate": ranked.gate.map(|gate| gate.reason()),
    })
}

//! `/v1/routing/rankings` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::{ModelName, Phase, Posterior, Role, Weights},
};
use crate::rest::rankings;

/// Who serves each kind of task, as the proxies were told last.
#[derive(ToSchema)]
struct Rankings {
    #[schema(example = "rankings")]
    object: String,
    /// Of the table that the proxies have; null: nothing was ranked yet.
    version: Option<u64>,
    objective: Option<Objective>,
    /// Share of requests that is also tried elsewhere, unseen.
    shadow_rate: Option<f64>,
    task_shapes: Vec<RankedShape>,
}

/// What routing seeks.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Objective {
    Quality,
    Floor,
}

#[derive(ToSchema)]
struct RankedShape {
    #[schema(example = "class:code")]
    task_shape: String,
    phase: Phase,
    weights: Weights,
    confidence: Option<f64>,
    confidence_reason: String,
    calibrated_probability: Option<f64>,
    baseline: Option<ModelName>,
    scored_requests: u64,
    /// A session counts by the share of it that was of this kind.
    rated_sessions: f64,
    /// The best first, which is the order in which they step in.
    candidates: Vec<RankedModel>,
}

#[derive(ToSchema)]
struct RankedModel {
    provider: String,
    model: String,
    role: Role,
    score: f64,
    posterior: Posterior,
    /// Of being served.
    probability: f64,
    /// Of being the one that is tried unseen.
    shadow_probability: f64,
    p_best: Option<f64>,
    latency_p95_ms: Option<u64>,
    /// The gate that keeps it back.
    gate: Option<String>,
}

pub(super) fn routes() -> Routes {
    Routes::of("Routing").get(
        "/v1/routing/rankings",
        rankings::get,
        Operation::new("getRankings", "Who serves what")
            .says("Probabilities before the needs of a call take anybody out.")
            .answers::<Rankings>(200, "Every kind of task that is ranked."),
    )
}

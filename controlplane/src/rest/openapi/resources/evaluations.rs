//! `/v1/evaluations` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::evaluations::{self, results};

/// A data set asked of a model or of the router.
#[derive(ToSchema)]
struct EvaluationInput {
    dataset_id: String,
    /// `auto`, a model's name, `provider/model`, or a list of them.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S", example = "auto")]
    model: String,
    /// A stored prompt, which stands before each row's messages in its newest version.
    prompt_id: Option<String>,
    config: Option<EvaluationConfig>,
}

/// What is absent is not sent.
#[derive(ToSchema)]
struct EvaluationConfig {
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    max_tokens: Option<u32>,
    seed: Option<i64>,
    response_format: Option<BTreeMap<String, Value>>,
    /// Calls under way at a time; 4 unless told.
    #[schema(minimum = 1, maximum = 8)]
    concurrency: Option<u32>,
    /// What the run may spend; it fails with `max_cost_reached` before it would spend more.
    #[schema(minimum = 1)]
    max_cost_micro_usd: Option<u64>,
    /// The name of the routing rule that `auto` follows.
    #[schema(min_length = 1, max_length = 200)]
    rule: Option<String>,
    /// The project that the calls are counted for.
    #[schema(format = Uuid)]
    project_id: Option<String>,
}

/// A run over a data set.
#[derive(ToSchema)]
struct Evaluation {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = Uuid)]
    dataset_id: String,
    model: String,
    prompt_id: Option<String>,
    status: EvaluationStatus,
    /// As it was asked for.
    config: Option<BTreeMap<String, Value>>,
    /// Why it failed.
    error: Option<EvaluationError>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// Not in lists, like all below.
    #[schema(nullable = false)]
    counts: Option<EvaluationCounts>,
    #[schema(nullable = false)]
    scores: Option<EvaluationScores>,
    /// Of all its calls.
    #[schema(nullable = false)]
    cost_micro_usd: Option<u64>,
    /// Answers of models without a price.
    #[schema(nullable = false)]
    unpriced: Option<u64>,
    #[schema(nullable = false)]
    latency_ms: Option<EvaluationLatency>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum EvaluationStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

#[derive(ToSchema)]
struct EvaluationError {
    /// `max_cost_reached`, `price_unknown`, `cost_limit_reached`, `quota_reached`, `dataset_deleted`, `key_refused`,
    /// `tenant_disabled`, `proxy_unreachable` or `not_configured`.
    code: String,
    message: String,
}

/// Rows.
#[derive(ToSchema)]
struct EvaluationCounts {
    total: u64,
    waiting: u64,
    under_way: u64,
    answered: u64,
    failed: u64,
    scored: u64,
    skipped: u64,
}

/// Means of what the judges said, from 0 to 1; null: nothing is judged yet.
#[derive(ToSchema)]
struct EvaluationScores {
    composite: Option<f64>,
    relevance: Option<f64>,
    coherence: Option<f64>,
    helpfulness: Option<f64>,
    safety: Option<f64>,
}

/// Of the answers.
#[derive(ToSchema)]
struct EvaluationLatency {
    p50: Option<u64>,
    p95: Option<u64>,
}

/// One row's answer.
#[derive(ToSchema)]
struct EvaluationResult {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = Uuid)]
    run_id: String,
    /// The row's id.
    input_id: String,
    /// Empty where the row failed.
    output: String,
    /// The judge's composite, from 0 to 1.
    score: Option<f64>,
    /// `request_id` of the decision, `provider`, `model`, `dimensions`, `judge`, `latency_ms`, `cost_micro_usd`,
    /// `attempts`, `is_final`, `error`, `unscored` (why there is no score), `expected`, `matches_expected`, `row_metadata`.
    metadata: BTreeMap<String, Value>,
    #[schema(format = DateTime)]
    created_at: String,
}

const ONE: &str = "/v1/evaluations/{id}";

pub(super) fn routes() -> Routes {
    Routes::of("Evaluations")
        .get(
            "/v1/evaluations",
            evaluations::list,
            Operation::new("listEvaluations", "Evaluations")
                .pages()
                .answers_page::<Evaluation>("The runs, the newest first."),
        )
        .post(
            "/v1/evaluations",
            evaluations::create,
            Operation::new("createEvaluation", "Begin an evaluation")
                .says("Each row is a call through the proxy, judged and never learned from. At most ten runs at a time.")
                .takes::<EvaluationInput>()
                .answers::<Evaluation>(201, "The run.")
                .refuses(404)
                .refuses(501),
        )
        .get(
            ONE,
            evaluations::one,
            Operation::new("getEvaluation", "One evaluation")
                .answers::<Evaluation>(200, "The run, with what its results come to."),
        )
        .post(
            "/v1/evaluations/{id}/cancel",
            evaluations::cancel,
            Operation::new("cancelEvaluation", "End an evaluation")
                .says("What was answered stays; a run that is over stays as it ended.")
                .answers::<Evaluation>(200, "The run."),
        )
        .get(
            "/v1/evaluations/{id}/results",
            results::list,
            Operation::new("listResults", "Results of an evaluation")
                .pages()
                .answers_page::<EvaluationResult>("The results, in the order in which they came."),
        )
}

//! `/v1/routing/explain`, which the proxy answers, and `/v1/routing/baseline` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::{
        Assignment, Candidate, ClassSignal, Evidence, ExplanationDetail, Filtered, ModelName,
        Phase, Weights,
    },
    decisions::in_languages,
    needs::{Affinity, Features},
    rankings, replay,
    rules::Strategy,
};
use crate::rest::baseline;

/// Routing against the best single model, on the same requests.
#[derive(ToSchema)]
struct Baseline {
    /// What routing served; missing while nothing can be compared.
    #[schema(nullable = false)]
    routing: Option<Routed>,
    /// Null: no model was observed on enough of the requests yet.
    best_single: Option<BestSingle>,
    /// Mean score of routing less that of the single model.
    #[schema(nullable = false)]
    difference: Option<f64>,
    #[schema(nullable = false)]
    confidence_sequence: Option<Sequence>,
    verdict: Verdict,
    explanation: String,
    shadow_today: Shadow,
    /// The same by kind of task.
    task_shapes: Vec<ShapeBaseline>,
}

/// Routing against the best single model for one kind of task.
#[derive(ToSchema)]
struct ShapeBaseline {
    #[schema(example = "class:code")]
    task_shape: String,
    /// What routing served; missing while nothing can be compared.
    #[schema(nullable = false)]
    routing: Option<Routed>,
    best_single: Option<BestSingle>,
    #[schema(nullable = false)]
    difference: Option<f64>,
    /// Holds for this kind of task at every moment at once.
    #[schema(nullable = false)]
    confidence_sequence: Option<Sequence>,
    verdict: Verdict,
    explanation: String,
    /// Who serves it now, but for shares that are tried.
    incumbent: Option<ModelName>,
    /// Whether that is the best single model: then routing keeps to the constant.
    serves_best_single: bool,
}

#[derive(ToSchema)]
struct Routed {
    mean_score: f64,
    requests: u64,
}

#[derive(ToSchema)]
struct BestSingle {
    provider: String,
    model: String,
    mean_score: f64,
    samples: u64,
}

/// What the difference lies between, at every moment at once.
#[derive(ToSchema)]
struct Sequence {
    level: f64,
    lower: f64,
    upper: f64,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Verdict {
    Ahead,
    Behind,
    Undecided,
    Unknown,
}

/// What copies that were sent to learn came to today.
#[derive(ToSchema)]
struct Shadow {
    calls: u64,
    cost_micro_usd: u64,
}

/// The call itself, as it would be sent to `/v1/chat/completions`, or `request` with the `headers` that it would have
/// and no other key.
#[derive(ToSchema)]
struct ExplainInput {
    model: Option<String>,
    messages: Option<Vec<Value>>,
    /// A chat completion's body.
    request: Option<ExplainedCall>,
    headers: Option<BTreeMap<String, String>>,
}

/// A chat completion's body.
#[derive(ToSchema)]
struct ExplainedCall {
    model: String,
    messages: Option<Vec<Value>>,
}

/// What a call would be answered by.
#[derive(ToSchema)]
struct Explained {
    dry_run: bool,
    /// `allow` or `block_input`.
    firewall_decision: String,
    /// `passed`, `flagged`, `blocked`, `skipped` or `refused`; null: nobody has the firewall look.
    firewall_verdict: Option<String>,
    /// What the call would be told where nobody can serve it.
    would_refuse: Option<WouldRefuse>,
    would_select: Option<ModelName>,
    winner: Option<ModelName>,
    candidates: Vec<Candidate>,
    filtered: Vec<Filtered>,
    session_id: Option<String>,
    snapshot_version: u64,
    task_shape: Option<String>,
    task_shapes: Vec<String>,
    /// What spoke for the class among them, strongest first.
    class_signals: Vec<ClassSignal>,
    features: Features,
    reasoning: Option<String>,
    explanation: Option<String>,
    explanation_detail: Option<ExplanationDetail>,
    routing_rule_id: Option<String>,
    /// Its name.
    routing_rule: Option<String>,
    strategy_id: Option<Strategy>,
    phase: Option<Phase>,
    weights: Option<Weights>,
    reason: Option<String>,
    propensity: Option<f64>,
    confidence: Option<f64>,
    confidence_reason: Option<String>,
    /// This and what follows: only where somebody would serve.
    #[schema(nullable = false)]
    fallbacks: Option<Vec<ModelName>>,
    #[schema(nullable = false)]
    baseline: Option<MaybeModel>,
    #[schema(nullable = false)]
    calibrated_probability: Option<MaybeNumber>,
    #[schema(nullable = false)]
    exploration_rate_effective: Option<f64>,
    #[schema(nullable = false)]
    used_shared_pool_prior: Option<bool>,
    #[schema(nullable = false)]
    evidence: Option<Evidence>,
    #[schema(nullable = false)]
    affinity: Option<Affinity>,
    #[schema(nullable = false)]
    passthrough: Option<bool>,
    #[schema(nullable = false)]
    draw_key: Option<String>,
    #[schema(nullable = false)]
    experiment: Option<MaybeAssignment>,
}

/// Null: none.
#[derive(ToSchema)]
struct MaybeModel(Option<ModelName>);

/// Null: not known.
#[derive(ToSchema)]
struct MaybeNumber(Option<f64>);

/// Null: none.
#[derive(ToSchema)]
struct MaybeAssignment(Option<Assignment>);

#[derive(ToSchema)]
struct WouldRefuse {
    status: u16,
    code: String,
    message: String,
}

pub(super) fn routes() -> Routes {
    let explain = Operation::new("explain", "What would a call be answered by?")
        .says("Decided by the functions that serve. Nobody is called, nothing is recorded, nothing of the call's limits is \
            used up. At most 64 KiB; 30 times a minute for an organisation, 10 times for a key.")
        .takes_open::<ExplainInput>()
        .answers::<Explained>(200, "Who would serve, and why.")
        .refuses(404);
    Routes::of("Routing")
        .at_the_proxy("post", "/v1/routing/explain", in_languages(explain))
        .get(
            "/v1/routing/baseline",
            baseline::get,
            Operation::new("getBaseline", "Is routing worth it?")
                .says("Also told where routing is behind.")
                .answers::<Baseline>(200, "Both sides."),
        )
        .and(rankings::routes())
        .and(replay::routes())
}

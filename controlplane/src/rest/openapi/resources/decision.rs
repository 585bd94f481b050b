//! The shapes of a decision, as it is recorded, listed, exported, explained and replayed.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::{
    experiments::Arrangement,
    needs::{Affinity, Features},
    outcome::{Attempt, JudgeScore, Outcome},
    priced::RecordedSavings,
    rules::Strategy,
};

/// The two parts of a model's name.
#[derive(ToSchema)]
pub(super) struct ModelName {
    #[schema(example = "openai")]
    provider: String,
    #[schema(example = "gpt-4.1-nano")]
    model: String,
}

/// One call: who served it, why, and what came of it.
#[derive(ToSchema)]
pub(super) struct Decision {
    /// `x-request-id` of the call.
    #[schema(format = Uuid)]
    request_id: String,
    #[schema(format = DateTime)]
    request_created_at: String,
    session_id: Option<String>,
    /// `floopy-session-name` of the call.
    session_name: Option<String>,
    /// `floopy-session-path` of the call.
    #[schema(example = "/app/onboarding")]
    session_path: Option<String>,
    /// `floopy-user-id` of the call, else the end user that its body names.
    user_id: Option<String>,
    /// `floopy-property-<name>` of the call, by name.
    properties: BTreeMap<String, String>,
    /// As the provider called its reply.
    completion_id: Option<String>,
    key_id: Option<String>,
    project_id: Option<String>,
    environment: Option<String>,
    /// Asked by an evaluation: nothing is learned from it.
    evaluation: bool,
    /// `model` as it was sent.
    requested_model: String,
    /// The call that this one is a copy of, sent to learn.
    shadow_of: Option<String>,
    /// `serving` or `shadow`.
    charged_to: String,
    /// The batch that it was a line of; null: it was called by itself.
    batch_id: Option<String>,
    /// The caller's name of the line.
    custom_id: Option<String>,
    /// `started` while a stream is under way.
    stage: String,
    routing_strategy: Strategy,
    /// The rule that was followed.
    routing_rule_id: Option<String>,
    /// Its name.
    routing_rule: Option<String>,
    passthrough: bool,
    experiment: Option<Assignment>,
    prompt: Option<PromptUsed>,
    phase: Phase,
    weights: Weights,
    candidates: Vec<Candidate>,
    filtered: Vec<Filtered>,
    /// Who served; null: nobody did.
    winner: Option<ModelName>,
    /// Who was chosen first.
    chosen: Option<ModelName>,
    /// `dispatched`, `fallback`, `explored`, `default_model`, `constraint_no_candidate`, `pinned`, `kept_warm`,
    /// `passthrough`, `shadow` or `error`.
    reason: String,
    /// Probability with which `chosen` was drawn.
    #[schema(minimum = 0, maximum = 1)]
    propensity: f64,
    affinity: Affinity,
    baseline: Option<ModelName>,
    calibrated_probability: Option<f64>,
    confidence: Option<f64>,
    /// `ok`, `day0_capped`, `shared_prior_capped`, `single_candidate`, `no_samples`,
    /// `no_router_invoked` or `cache_hit`.
    confidence_reason: String,
    exploration_rate_effective: f64,
    used_shared_pool_prior: bool,
    /// Version of the tables that it was decided with.
    snapshot_version: u64,
    /// The kind of task that it was ranked as.
    task_shape: Option<String>,
    /// From the most special kind of task to the most general.
    task_shapes: Vec<String>,
    /// What spoke for the class among them, strongest first; empty for tenants with zero retention.
    class_signals: Vec<ClassSignal>,
    /// What the caller did that says something of this reply or of one before it.
    implicit_signals: Vec<ImplicitSignal>,
    /// What the draw was made from.
    draw_key: String,
    features: Features,
    outcome: Outcome,
    evidence: RecordedEvidence,
    attempts: Vec<Attempt>,
    /// Null: recorded by a version that kept no prices.
    savings: Option<RecordedSavings>,
    judge: Option<JudgeScore>,
    /// Rating of the session, 0 to 10.
    session_score: Option<u8>,
    /// Rating of this very reply, 0 to 10.
    request_score: Option<u8>,
    provider: Option<String>,
    model: Option<String>,
    /// `ok`, `cached` (a stored reply was given), `blocked` (by the firewall), `error`, `disconnected` or `started`.
    status: String,
    latency_ms: Option<u64>,
    cost_micro_usd: Option<u64>,
    cache_enabled: Option<bool>,
    threat: Option<String>,
    explanation: Option<String>,
    explanation_detail: ExplanationDetail,
    /// The audit object: what was known and decided, without the summary.
    decision_trace: DecisionTrace,
    /// Where the benchmark of who served comes from; null: it has none.
    benchmark_source: Option<String>,
}

/// A decision as it was made.
#[derive(ToSchema)]
struct DecisionTrace {
    /// `x-request-id` of the call.
    #[schema(format = Uuid)]
    request_id: String,
    #[schema(format = DateTime)]
    request_created_at: String,
    session_id: Option<String>,
    session_name: Option<String>,
    session_path: Option<String>,
    user_id: Option<String>,
    properties: BTreeMap<String, String>,
    /// As the provider called its reply.
    completion_id: Option<String>,
    key_id: Option<String>,
    project_id: Option<String>,
    environment: Option<String>,
    /// Asked by an evaluation: nothing is learned from it.
    evaluation: bool,
    /// `model` as it was sent.
    requested_model: String,
    /// The call that this one is a copy of, sent to learn.
    shadow_of: Option<String>,
    /// `serving` or `shadow`.
    charged_to: String,
    /// The batch that it was a line of; null: it was called by itself.
    batch_id: Option<String>,
    /// The caller's name of the line.
    custom_id: Option<String>,
    /// `started` while a stream is under way.
    stage: String,
    routing_strategy: Strategy,
    /// The rule that was followed.
    routing_rule_id: Option<String>,
    /// Its name.
    routing_rule: Option<String>,
    passthrough: bool,
    experiment: Option<Assignment>,
    prompt: Option<PromptUsed>,
    phase: Phase,
    weights: Weights,
    candidates: Vec<Candidate>,
    filtered: Vec<Filtered>,
    /// Who served; null: nobody did.
    winner: Option<ModelName>,
    /// Who was chosen first.
    chosen: Option<ModelName>,
    /// `dispatched`, `fallback`, `explored`, `default_model`, `constraint_no_candidate`, `pinned`, `kept_warm`,
    /// `passthrough`, `shadow` or `error`.
    reason: String,
    /// Probability with which `chosen` was drawn.
    #[schema(minimum = 0, maximum = 1)]
    propensity: f64,
    affinity: Affinity,
    baseline: Option<ModelName>,
    calibrated_probability: Option<f64>,
    confidence: Option<f64>,
    /// `ok`, `day0_capped`, `shared_prior_capped`, `single_candidate`, `no_samples`,
    /// `no_router_invoked` or `cache_hit`.
    confidence_reason: String,
    exploration_rate_effective: f64,
    used_shared_pool_prior: bool,
    /// Version of the tables that it was decided with.
    snapshot_version: u64,
    /// The kind of task that it was ranked as.
    task_shape: Option<String>,
    /// From the most special kind of task to the most general.
    task_shapes: Vec<String>,
    /// What spoke for the class among them, strongest first; empty for tenants with zero retention.
    class_signals: Vec<ClassSignal>,
    /// What the caller did that says something of this reply or of one before it.
    implicit_signals: Vec<ImplicitSignal>,
    /// What the draw was made from.
    draw_key: String,
    features: Features,
    outcome: Outcome,
    evidence: RecordedEvidence,
    attempts: Vec<Attempt>,
    /// Null: recorded by a version that kept no prices.
    savings: Option<RecordedSavings>,
    judge: Option<JudgeScore>,
    /// Rating of the session, 0 to 10.
    session_score: Option<u8>,
    /// Rating of this very reply, 0 to 10.
    request_score: Option<u8>,
}

/// What a caller did that says something of a reply, without a rating.
#[derive(ToSchema)]
struct ImplicitSignal {
    signal: ImplicitKind,
    /// The call whose reply it says something of; null: this one.
    #[schema(format = Uuid)]
    about_request_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum ImplicitKind {
    AskedAgain,
    Retried,
    Left,
    InvalidToolCall,
    Capped,
    Abandoned,
}

/// A term of our lexicon, a look of the text, or the field of the request that decided its class.
#[derive(ToSchema)]
pub(super) struct ClassSignal {
    name: String,
    /// 100 are enough for a class; 0: a field decided.
    #[schema(minimum = 0)]
    points: u32,
}

/// What sources of evidence count for; they sum to 1.
#[derive(ToSchema)]
pub(super) struct Weights {
    session: f64,
    auto: f64,
    manual: f64,
    benchmark: f64,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum Phase {
    Day0,
    Auto,
    Nps,
}

/// A model that was weighed.
#[derive(ToSchema)]
pub(super) struct Candidate {
    provider: String,
    model: String,
    /// Quality that it was ranked by, 0 to 1.
    score: f64,
    /// What is believed of its quality; null: no ranking was asked.
    posterior: Option<Posterior>,
    /// Probability of being served, after filtering; those of all candidates sum to 1.
    #[schema(minimum = 0, maximum = 1)]
    propensity: f64,
    /// Null: the price is not known.
    expected_cost_micro_usd: Option<u64>,
    /// Why it could not serve, such as `circuit_open`, `capability_missing` or `constraint_max_latency_ms`.
    filtered_reason: Option<String>,
    role: Option<Role>,
    /// Probability of being the best of its kind of task.
    p_best: Option<f64>,
    /// Probability of keeping the floor of quality.
    p_floor: Option<f64>,
    latency_p95_ms: Option<u64>,
    load: Option<Load>,
}

#[derive(ToSchema)]
pub(super) struct Posterior {
    mean: f64,
    lower: f64,
    upper: f64,
    /// Effective observations behind it.
    n: f64,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum Role {
    Incumbent,
    Canary,
    Fallback,
    Explorer,
    Masked,
}

/// How busy it was, as its proxy saw it.
#[derive(ToSchema)]
struct Load {
    first_byte_ms: Option<f64>,
    /// Calls that waited for their first byte.
    waiting: u64,
}

/// A model that could not serve.
#[derive(ToSchema)]
pub(super) struct Filtered {
    provider: String,
    model: String,
    reason: String,
    score: f64,
}

/// What an experiment made of a call.
#[derive(ToSchema)]
pub(super) struct Assignment {
    #[schema(format = Uuid)]
    id: String,
    r#type: Arrangement,
    #[schema(example = "a")]
    variant: String,
    #[schema(minimum = 0, maximum = 100)]
    split_percentage: u8,
    /// Probability of the variant.
    probability: f64,
}

/// A stored prompt, and which version of it.
#[derive(ToSchema)]
struct PromptUsed {
    id: String,
    version: u32,
}

/// What the confidence rests on.
#[derive(ToSchema)]
pub(super) struct Evidence {
    samples: u64,
    /// Estimate of who is in charge less the best of the others: below 0 where that one costs more, or is unproven.
    top2_score_gap: f64,
    outcome_variance: f64,
    scored_requests: u64,
    rated_sessions: f64,
}

/// The same with what went wrong lately.
#[derive(ToSchema)]
struct RecordedEvidence {
    samples: u64,
    /// Estimate of who is in charge less the best of the others: below 0 where that one costs more, or is unproven.
    top2_score_gap: f64,
    outcome_variance: f64,
    scored_requests: u64,
    rated_sessions: f64,
    /// Alarms of the week before; null where nothing learned decided.
    recent_regressions: Option<AlarmCount>,
    /// The last of them, rounded down to five minutes.
    #[schema(format = DateTime)]
    last_regression_at: Option<String>,
}

/// Exact below 10, else at least 10 or 50.
#[derive(ToSchema)]
struct AlarmCount {
    #[schema(example = "exact")]
    kind: String,
    #[schema(nullable = false)]
    exact: Option<u64>,
    #[schema(nullable = false)]
    at_least: Option<u64>,
}

/// An explanation with its parts.
#[derive(ToSchema)]
pub(super) struct ExplanationDetail {
    text: String,
    /// Language of the text, as in `Content-Language`.
    locale: String,
    #[schema(example = "static_rule")]
    template_id: String,
    /// What the template is filled with.
    params: Value,
}

//! `/v1/experiments` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::ModelName,
};
use crate::rest::experiments;

/// Two routing rules that share the calls of the first.
#[derive(ToSchema)]
struct ExperimentByRules {
    /// Spaces around it are taken off.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Whose calls are shared.
    variant_a_routing_rule_id: String,
    /// Another rule.
    variant_b_routing_rule_id: String,
    /// Percent of the sessions that B gets.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    split_percentage: Option<u8>,
}

/// Two models; rules for them are made along with the experiment.
#[derive(ToSchema)]
struct ExperimentByModels {
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    name: Option<String>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    r#type: Arrangement,
    /// Percent of the sessions that the candidate gets.
    #[schema(minimum = 0, maximum = 100)]
    traffic_pct: u8,
    baseline: ModelInput,
    candidate: ModelInput,
}

/// A model of the catalog.
#[derive(ToSchema)]
struct ModelInput {
    provider: String,
    model: String,
}

/// `canary`: B serves its share. `shadow`: B is asked beside A and serves nobody.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum Arrangement {
    Canary,
    Shadow,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ExperimentStatus {
    Active,
    Completed,
    RolledBack,
}

/// Two routing rules side by side.
#[derive(ToSchema)]
struct Experiment {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    description: Option<String>,
    r#type: Arrangement,
    status: ExperimentStatus,
    variant_a_routing_rule_id: String,
    variant_b_routing_rule_id: String,
    /// Percent of the sessions that B gets.
    #[schema(minimum = 0, maximum = 100)]
    split_percentage: u8,
    /// The same.
    #[schema(minimum = 0, maximum = 100)]
    traffic_pct: u8,
    /// The only model of variant A; null: it has several.
    baseline: Option<ModelName>,
    /// The only model of variant B; null: it has several.
    candidate: Option<ModelName>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    #[schema(format = DateTime)]
    rolled_back_at: Option<String>,
    /// The results when it ended.
    summary: Option<Results>,
}

/// How both variants fare.
#[derive(ToSchema)]
struct Results {
    #[schema(format = Uuid)]
    experiment_id: String,
    status: ExperimentStatus,
    variant_a: VariantResults,
    variant_b: VariantResults,
    /// Null: not decided, or a shadow experiment, which names none.
    winner: Option<WinnerName>,
    /// Why no winner can be named.
    winner_reason: Option<String>,
    #[schema(format = DateTime)]
    computed_at: String,
    baseline: ModelResults,
    candidate: ModelResults,
    deltas: Deltas,
    test: TestMethod,
    window: ResultsWindow,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum WinnerName {
    A,
    B,
    Tie,
}

/// Of no calls, means are 0 and `sample_size` says so.
#[derive(ToSchema)]
struct VariantResults {
    routing_rule_id: String,
    /// Calls.
    sample_size: u64,
    #[schema(minimum = 0, maximum = 1)]
    success_rate: f64,
    average_latency_ms: u64,
    average_cost_micro_usd: u64,
    succeeded: u64,
    failed: u64,
    sessions_of_known_quality: u64,
    quality: Option<Interval>,
}

/// A mean and what it lies between.
#[derive(ToSchema)]
struct Interval {
    mean: f64,
    lower: f64,
    upper: f64,
}

#[derive(ToSchema)]
struct ModelResults {
    provider: Option<String>,
    model: Option<String>,
    samples: u64,
    avg_cost_micro_usd: Option<u64>,
    composite_quality: Option<f64>,
    p50_latency_ms: Option<u64>,
}

/// B less A.
#[derive(ToSchema)]
pub(super) struct Deltas {
    /// Percent.
    cost_pct: Option<f64>,
    quality_abs: Option<f64>,
    p50_latency_ms: Option<i64>,
}

#[derive(ToSchema)]
struct TestMethod {
    method: String,
    /// Probability with which the interval holds at every moment at once.
    level: f64,
    quality_difference: Option<Interval>,
    variance_reduction: Option<VarianceReduction>,
    /// Differences below this count as none.
    equivalence_margin: f64,
    min_sessions_per_variant: u64,
}

/// What the difference's interval owes to what was known of the users before; null where that says nothing.
#[derive(ToSchema)]
struct VarianceReduction {
    method: String,
    /// Users of whom sessions before the experiment are known.
    users: u64,
    sessions: u64,
    /// Share of the variance of those sessions that the users' other ones explain.
    explained: f64,
}

#[derive(ToSchema)]
struct ResultsWindow {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Whether older calls were left out.
    is_cut: bool,
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn confirmed(operation: Operation) -> Operation {
    let schema = json!({"type": "string", "enum": ["experiments"]});
    operation.required_header(
        "X-Floopy-Confirm",
        schema,
        "This changes who serves live traffic: without it, 400 `confirmation_required`.",
    )
}

pub(super) fn routes() -> Routes {
    let status = json!({"type": "string", "enum": ["active", "completed", "rolled_back"]});
    let shape = json!({"type": "string", "enum": ["page", "array"], "default": "page"});
    Routes::of("Experiments")
        .get(
            "/v1/experiments",
            experiments::list,
            Operation::new("listExperiments", "Experiments")
                .query("status", status, "Only these.")
                .query("from", moment(), "Created then or later.")
                .query("to", moment(), "Created then or earlier.")
                .query("shape", shape, "`array`: the items alone, without anything around them.")
                .pages()
                .answers_page_or_array::<Experiment>("The experiments, the newest first."),
        )
        .post(
            "/v1/experiments",
            experiments::create,
            confirmed(Operation::new("createExperiment", "Begin an experiment"))
                .says("By two rules or by two models; a body of at most 8 KiB. It splits calls about a second later. The                     same experiment asked for again within 10 minutes is answered with the first one and 200.")
                .takes_either::<ExperimentByRules, ExperimentByModels>()
                .answers::<Experiment>(200, "It runs already.")
                .answers::<Experiment>(201, "It has begun."),
        )
        .and(one())
}

fn one() -> Routes {
    Routes::of("Experiments")
        .get(
            "/v1/experiments/{id}",
            experiments::get,
            Operation::new("getExperiment", "One experiment")
                .answers::<Experiment>(200, "The experiment."),
        )
        .get(
            "/v1/experiments/{id}/results",
            experiments::results,
            Operation::new("getResults", "How both variants fare")
                .answers::<Results>(200, "The results by now."),
        )
        .post(
            "/v1/experiments/{id}/rollback",
            experiments::roll_back,
            confirmed(Operation::new("rollBackExperiment", "Roll back"))
                .says("All calls follow A again. One that ended before stays as it is.")
                .answers::<Experiment>(200, "The experiment, ended."),
        )
        .post(
            "/v1/experiments/{id}/complete",
            experiments::complete,
            confirmed(Operation::new("completeExperiment", "Complete"))
                .says("All calls follow A again; what becomes of B is said by the rules.")
                .answers::<Experiment>(200, "The experiment, ended."),
        )
}

//! `/v1/constraints` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::ImplicitKind,
};
use crate::rest::constraints;

/// Seven groups, each replaced as a whole where the body names any of its keys: limits (`cost_limit_monthly_usd` to
/// `max_requests_per_minute`), gates (`max_regression` to `require_shadow_before_live`), `routing`,
/// `rate_limits`, `budgets`, `implicit_signals` and `judge_rubric`.
#[derive(ToSchema)]
struct ConstraintsInput {
    /// US dollars between two firsts of a month (UTC); above 0 and below a billion; null: no limit.
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1_000_000_000)]
    cost_limit_monthly_usd: Option<f64>,
    /// Length of the window that tokens are counted in; null: 60.
    #[schema(minimum = 1, maximum = 86_400)]
    token_window_seconds: Option<u32>,
    #[schema(minimum = 1)]
    max_tokens_per_window: Option<u64>,
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    max_requests_per_minute: Option<u32>,
    /// Loss of quality (0 to 0.5) beyond which a model is kept back; missing: 0.05 over 7 days; null: off.
    max_regression: Option<RegressionGate>,
    /// Largest variance of outcomes; above 0, at most 1.
    #[schema(exclusive_minimum = 0, maximum = 1)]
    max_outcome_variance: Option<f64>,
    /// Growth of cost (0 to 5, 0.1 is 10 %) beyond which a model is kept back; missing: 0.1 over 7 days; null: off.
    max_cost_increase: Option<CostGate>,
    /// Fall of cost that needs validation first; above 0, at most 1.
    #[schema(exclusive_minimum = 0, maximum = 1)]
    max_cost_drop_without_validation: Option<f64>,
    /// Least confidence of a decision.
    #[schema(minimum = 0, maximum = 1)]
    confidence_threshold: Option<f64>,
    #[schema(minimum = 1, maximum = 100_000)]
    min_samples_before_promotion: Option<u32>,
    require_shadow_before_live: Option<bool>,
    /// Null: as in the configuration.
    routing: Option<RoutingConstraintsInput>,
    /// Limits of your own, beyond those of keys; the list replaces the one before.
    #[schema(max_items = 16)]
    rate_limits: Option<Vec<RateLimitInput>>,
    /// What you, your projects, keys, users and sessions may spend; the list replaces the one before.
    #[schema(max_items = 32)]
    budgets: Option<Vec<BudgetInput>>,
    /// Which of callers' acts count as evidence of a bad reply; the list replaces the one before. None unless told.
    implicit_signals: Option<Vec<ImplicitKind>>,
    /// What replies are judged by, beside or instead of the usual shares; the list replaces the one before. Shares are 1 in
    /// all; `relevance`, `coherence`, `helpfulness` and `safety` have what is left.
    #[schema(max_items = 8)]
    judge_rubric: Option<Vec<JudgeDimensionInput>>,
}

/// A dimension that replies are judged by.
#[derive(ToSchema)]
struct JudgeDimensionInput {
    /// `relevance`, `coherence`, `helpfulness` or `safety`, or a name of your own; each once, at most four of your own.
    #[schema(pattern = "^[a-z0-9_]{1,32}$")]
    name: String,
    /// Of a score; your own dimensions may have 0.8 in all.
    #[schema(minimum = 0, maximum = 1)]
    share: f64,
    /// What grades from 1 to 5 mean, as a model is told; of a dimension of your own, and of no other.
    #[schema(min_length = 1, max_length = 1000)]
    grades: Option<String>,
}

/// A loss of quality, and over how long.
#[derive(ToSchema)]
pub(super) struct RegressionGate {
    #[schema(minimum = 0, maximum = 0.5)]
    value: f64,
    window: GateWindow,
}

/// A growth of cost, and over how long.
#[derive(ToSchema)]
pub(super) struct CostGate {
    #[schema(minimum = 0, maximum = 5)]
    value: f64,
    window: GateWindow,
}

#[derive(ToSchema)]
enum GateWindow {
    #[schema(rename = "rolling_24h")]
    Day,
    #[schema(rename = "rolling_7d")]
    Week,
}

/// Who may serve; what is missing, null or empty rules nothing out.
#[derive(ToSchema)]
pub(super) struct RoutingConstraintsInput {
    #[schema(nullable = true)]
    allow_providers: Option<Vec<String>>,
    deny_providers: Option<Vec<String>>,
    /// `provider/model`, or a model's name at whichever provider.
    allow_models: Option<Vec<String>>,
    deny_models: Option<Vec<String>>,
    /// Of one request's forecast, in micro-USD.
    #[schema(minimum = 1)]
    max_cost_micro_usd: Option<u64>,
    /// Against the 95 % quantile of a candidate's replies.
    #[schema(minimum = 1)]
    max_latency_ms: Option<u64>,
    min_quality: Option<MinQualityInput>,
}

/// Quality relative to the baseline, and how sure it must be.
#[derive(ToSchema)]
pub(super) struct MinQualityInput {
    /// Share of the baseline's quality to keep.
    #[schema(minimum = 0, maximum = 1)]
    floor: f64,
    /// Probability with which it must be kept.
    #[schema(required = false, minimum = 0.5, maximum = 0.99)]
    assurance: f64,
}

/// Who may serve.
#[derive(ToSchema)]
pub(super) struct RoutingConstraints {
    allow_providers: Vec<String>,
    deny_providers: Vec<String>,
    allow_models: Vec<String>,
    deny_models: Vec<String>,
    max_cost_micro_usd: Option<u64>,
    max_latency_ms: Option<u64>,
    min_quality: Option<MinQuality>,
}

/// Quality relative to the baseline, and how sure it must be.
#[derive(ToSchema)]
struct MinQuality {
    floor: f64,
    assurance: f64,
}

/// At most so much in a sliding window; `max_requests`, `max_tokens` or both.
#[derive(ToSchema)]
struct RateLimitInput {
    #[schema(pattern = "^[a-zA-Z0-9_.-]{1,64}$", example = "strict")]
    name: String,
    /// Whose calls count together: `tenant`, `key`, or `property:<name>` for each value of the header
    /// `floopy-property-<name>`.
    #[schema(
        pattern = "^(tenant|key|property:[a-zA-Z0-9_-]{1,64})$",
        example = "property:customer"
    )]
    by: String,
    /// 60 where it is missing or null.
    #[schema(minimum = 1, maximum = 86_400)]
    window_seconds: Option<u32>,
    #[schema(minimum = 1)]
    max_requests: Option<u64>,
    /// Of replies that ended within the window.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// It holds for calls whose header `floopy-ratelimit-policy` names it, and for no others.
    #[serde(default)]
    when_named: bool,
}

/// A limit that is in force.
#[derive(ToSchema)]
struct RateLimit {
    name: String,
    by: String,
    window_seconds: u32,
    max_requests: Option<u64>,
    max_tokens: Option<u64>,
    when_named: bool,
}

/// At most so much in a period; at least one of its limits is given.
#[derive(ToSchema)]
struct BudgetInput {
    #[schema(pattern = "^[a-zA-Z0-9_.-]{1,64}$", example = "agents")]
    name: String,
    by: BudgetBy,
    /// The id of the only project, key or user that it holds for; null: each has as much.
    #[schema(min_length = 1, max_length = 256)]
    only: Option<String>,
    /// `month` and `day` are those of the calendar, UTC; `rolling_<n>h` (6 to 8784 hours) and `rolling_<n>d` look back from
    /// now. Missing: `month`, or `session` for sessions, which have no other.
    #[schema(
        pattern = "^(month|day|session|rolling_[0-9]{1,4}[hd])$",
        example = "rolling_7d"
    )]
    period: Option<String>,
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1_000_000_000)]
    max_usd: Option<f64>,
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    #[schema(minimum = 1)]
    max_calls: Option<u64>,
    /// Of sessions alone: from the first call on.
    #[schema(minimum = 1)]
    max_seconds: Option<u64>,
    /// Shares of a limit at which `budget_warning` is told, ascending; missing: 0.8.
    #[schema(max_items = 5)]
    warn_at: Option<Vec<f64>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum BudgetBy {
    Tenant,
    Project,
    Key,
    User,
    Session,
}

/// A budget that had no room for a call.
#[derive(ToSchema)]
pub(super) struct StoppedBy {
    name: String,
    by: BudgetBy,
    /// `max_usd`, `max_tokens`, `max_calls` or `max_seconds`.
    limit: String,
    /// The id of the project, key, user or session; null: the tenant.
    subject: Option<String>,
    /// Of the amounts: `micro_usd`, `tokens`, `calls` or `seconds`.
    unit: String,
    max: u64,
    used: u64,
    /// What the call was expected to take.
    needed: u64,
    /// When there is room again; null: never for this call.
    #[schema(format = DateTime)]
    opens_at: Option<String>,
}

/// A budget that is in force.
#[derive(ToSchema)]
struct Budget {
    name: String,
    by: BudgetBy,
    only: Option<String>,
    period: String,
    max_usd: Option<f64>,
    max_tokens: Option<u64>,
    max_calls: Option<u64>,
    max_seconds: Option<u64>,
    warn_at: Vec<f64>,
}

/// What is in force.
#[derive(ToSchema)]
struct Constraints {
    cost_limit_monthly_usd: Option<f64>,
    token_window_seconds: Option<u32>,
    max_tokens_per_window: Option<u64>,
    max_requests_per_minute: Option<u32>,
    max_regression: Option<Gate>,
    max_outcome_variance: Option<f64>,
    max_cost_increase: Option<Gate>,
    max_cost_drop_without_validation: Option<f64>,
    confidence_threshold: Option<f64>,
    min_samples_before_promotion: Option<u32>,
    require_shadow_before_live: Option<bool>,
    routing: RoutingConstraints,
    rate_limits: Vec<RateLimit>,
    budgets: Vec<Budget>,
    implicit_signals: Vec<ImplicitKind>,
    judge_rubric: Vec<JudgeDimension>,
    /// What gates compare with, as `provider/model`; null: they hold nobody back.
    baseline: Option<String>,
    /// What a gate is where its group is written without it.
    defaults: Gates,
}

/// A dimension that replies are judged by.
#[derive(ToSchema)]
struct JudgeDimension {
    name: String,
    share: f64,
    /// Missing for those that all are judged by.
    #[schema(nullable = false)]
    grades: Option<String>,
}

#[derive(ToSchema)]
struct Gates {
    max_regression: Option<Gate>,
    max_outcome_variance: Option<f64>,
    max_cost_increase: Option<Gate>,
    max_cost_drop_without_validation: Option<f64>,
    confidence_threshold: Option<f64>,
    min_samples_before_promotion: Option<u32>,
    require_shadow_before_live: Option<bool>,
}

#[derive(ToSchema)]
struct Gate {
    value: f64,
    window: GateWindow,
}

pub(super) fn routes() -> Routes {
    let etag = json!({"type": "string"});
    let about = "What this state is known by, for `If-Match`.";
    Routes::of("Constraints")
        .get(
            "/v1/constraints",
            constraints::get,
            Operation::new("getConstraints", "What is in force")
                .answers::<Constraints>(200, "Limits, gates and routing.")
                .tells("etag", &etag, about),
        )
        .put(
            "/v1/constraints",
            constraints::put,
            Operation::new("replaceConstraints", "Replace groups of constraints")
                .says("What `GET` answered may be sent back as it is: `baseline` and `defaults` are passed over. What                     would leave nobody to serve is refused. Values out of range are refused with `out_of_range_<field>`.")
                .header("If-Match", json!({"type": "string"}), "`etag` of the state that the change is meant for; 412 where it is another by now.")
                .takes::<ConstraintsInput>()
                .answers::<Constraints>(200, "What is in force now.")
                .tells("etag", &etag, about)
                .refuses(412),
        )
}

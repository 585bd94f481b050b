//! `/v1/optimization` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::ModelName,
    experiments::Deltas,
    priced::Recorded,
};
use crate::rest::optimization::{self, sessions};

/// Routing against the default model, under one rule.
#[derive(ToSchema)]
struct Verification {
    #[schema(format = Uuid)]
    route_id: String,
    window: String,
    status: VerificationStatus,
    baseline: SideResults,
    floopy: SideResults,
    delta: Deltas,
    baseline_model: Option<ModelName>,
    /// Loss of quality that still counts as none.
    max_regression: f64,
    /// Whether all replies of the window were looked at.
    is_complete: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum VerificationStatus {
    InsufficientData,
    RegressionDetected,
    Verified,
    NotVerified,
}

#[derive(ToSchema)]
struct SideResults {
    samples: u64,
    avg_cost_micro_usd: Option<i64>,
    /// 0 to 1.
    composite_quality: Option<f64>,
    p50_latency_ms: Option<u64>,
}

/// What routing saved, for all rules together.
#[derive(ToSchema)]
struct Savings {
    #[schema(example = "7d")]
    window: String,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    baseline_model: Option<ModelName>,
    routes_without_enough_data: u64,
    method: String,
    /// Probability with which the interval holds.
    interval_level: f64,
    routes: Vec<RouteSavings>,
    status: SavingsStatus,
    baseline_samples: u64,
    requests: u64,
    rerouted_requests: u64,
    actual_cost_micro_usd: i64,
    /// What the baseline would have cost.
    counterfactual_cost_micro_usd: Option<i64>,
    savings_micro_usd: Option<i64>,
    savings_interval: Option<SavingsInterval>,
    /// What copies that were sent to learn cost.
    shadow_cost_micro_usd: i64,
    /// What asking models to grade these replies cost; the operator pays it, and it is in no other figure.
    judge_cost_micro_usd: i64,
    net_savings_micro_usd: Option<i64>,
    recorded: Recorded,
}

/// What routing saved under one rule.
#[derive(ToSchema)]
struct RouteSavings {
    #[schema(format = Uuid)]
    route_id: String,
    name: String,
    is_complete: bool,
    status: SavingsStatus,
    baseline_samples: u64,
    requests: u64,
    rerouted_requests: u64,
    actual_cost_micro_usd: i64,
    counterfactual_cost_micro_usd: Option<i64>,
    savings_micro_usd: Option<i64>,
    savings_interval: Option<SavingsInterval>,
    shadow_cost_micro_usd: i64,
    judge_cost_micro_usd: i64,
    net_savings_micro_usd: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum SavingsStatus {
    Measured,
    InsufficientData,
}

#[derive(ToSchema)]
struct SavingsInterval {
    lower_micro_usd: i64,
    upper_micro_usd: i64,
}

/// Sessions, or sums of them.
#[derive(ToSchema)]
struct SessionCosts {
    #[schema(example = "7d")]
    window: String,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// Empty where `group_by` was asked for.
    items: Vec<SessionCost>,
    next_cursor: Option<String>,
    has_more: bool,
    /// Empty where it was not; those that cost most first, a thousand at most.
    groups: Vec<SessionGroup>,
    /// Whether all sessions of the window are in the groups: at most the newest 200,000 are.
    is_complete: bool,
}

/// What a session cost and saved, and how it went.
#[derive(ToSchema)]
pub(super) struct SessionCost {
    session_id: String,
    #[schema(format = DateTime)]
    first_request_at: String,
    #[schema(format = DateTime)]
    last_request_at: String,
    /// 0 to 10; null: it was not rated.
    rating: Option<u8>,
    outcome: SessionOutcome,
    #[schema(minimum = 0)]
    requests: u64,
    #[schema(minimum = 0)]
    answered_requests: u64,
    #[schema(minimum = 0)]
    failed_requests: u64,
    #[schema(minimum = 0)]
    capped_requests: u64,
    #[schema(minimum = 0)]
    blocked_requests: u64,
    /// Of all its calls, tries in vain included.
    #[schema(minimum = 0)]
    cost_micro_usd: u64,
    /// Calls that count for savings, what they cost, and what the baseline would have cost.
    #[schema(minimum = 0)]
    counted_requests: u64,
    #[schema(minimum = 0)]
    counted_cost_micro_usd: u64,
    #[schema(minimum = 0)]
    baseline_cost_micro_usd: u64,
    savings_micro_usd: i64,
}

/// What ended a session by force, or else whether it was rated.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum SessionOutcome {
    Capped,
    Blocked,
    Failed,
    Rated,
    Unrated,
}

/// Sums of the calls of one value.
#[derive(ToSchema)]
struct SessionGroup {
    /// Null: the calls say nothing of it.
    value: Option<String>,
    #[schema(minimum = 0)]
    sessions: u64,
    #[schema(minimum = 0)]
    rated_sessions: u64,
    mean_rating: Option<f64>,
    #[schema(minimum = 0)]
    requests: u64,
    #[schema(minimum = 0)]
    answered_requests: u64,
    #[schema(minimum = 0)]
    failed_requests: u64,
    #[schema(minimum = 0)]
    capped_requests: u64,
    #[schema(minimum = 0)]
    blocked_requests: u64,
    #[schema(minimum = 0)]
    cost_micro_usd: u64,
    #[schema(minimum = 0)]
    counted_requests: u64,
    #[schema(minimum = 0)]
    counted_cost_micro_usd: u64,
    #[schema(minimum = 0)]
    baseline_cost_micro_usd: u64,
    savings_micro_usd: i64,
}

fn text() -> Value {
    json!({"type": "string"})
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn windows(names: &[&str]) -> Value {
    json!({"type": "string", "enum": names, "default": "7d"})
}

pub(super) fn routes() -> Routes {
    Routes::of("Optimization")
        .get(
            "/v1/optimization/verification",
            optimization::verification,
            Operation::new("verifyRoute", "Is routing cheaper and as good?")
                .required_query("route_id", id(), "The id of a routing rule.")
                .query("window", windows(&["7d"]), "The last seven days.")
                .answers::<Verification>(200, "Both sides.")
                .refuses(404),
        )
        .get(
            "/v1/optimization/savings",
            optimization::savings,
            Operation::new("getSavings", "What routing saved")
                .query(
                    "route_id",
                    id(),
                    "The id of a routing rule; all of them unless told.",
                )
                .query("window", windows(&["24h", "7d", "30d"]), "How far back.")
                .answers::<Savings>(200, "The savings.")
                .refuses(404),
        )
        .get(
            "/v1/optimization/sessions",
            sessions::get,
            Operation::new("listSessionCosts", "What sessions cost and saved")
                .query("window", windows(&["24h", "7d", "30d"]), "How far back.")
                .query("property", text(), "Calls with this property, such as `plan=pro`; may come again.")
                .query("user_id", text(), "Calls of this end user.")
                .query("session_path", text(), "Calls of this place.")
                .query(
                    "group_by",
                    json!({"type": "string", "pattern": "^(user_id|session_path|model|task|property:.+)$"}),
                    "Sums in place of sessions: `user_id`, `session_path`, `model`, `task` or `property:NAME`.",
                )
                .query("limit", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}), "Sessions of a page.")
                .query("cursor", text(), "`next_cursor` of the page before.")
                .answers::<SessionCosts>(200, "The last active first."),
        )
}

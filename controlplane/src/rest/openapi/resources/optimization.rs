//! `/v1/optimization` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decision::ModelName,
    experiments::Deltas,
};
use crate::rest::optimization;

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
    net_savings_micro_usd: Option<i64>,
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
}

//! `/v1/usage` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    constraints::BudgetBy,
};
use crate::rest::usage;

/// Sums, the plan, and what is left of the month.
#[derive(ToSchema)]
struct Usage {
    /// First day, UTC.
    #[schema(format = Date)]
    from: String,
    /// Last day, UTC.
    #[schema(format = Date)]
    to: String,
    total: UsageSums,
    /// Empty without `group_by`.
    groups: Vec<UsageGroup>,
    /// Null: no plan, so nothing is limited by one.
    plan: Option<Plan>,
    /// By what is counted.
    quotas: BTreeMap<String, Quota>,
    budgets: Vec<BudgetUse>,
    judge: JudgeUse,
}

/// Replies of these days that models graded, and what asking them cost, which the operator pays.
#[derive(ToSchema)]
struct JudgeUse {
    graded_replies: u64,
    cost_micro_usd: u64,
}

#[derive(ToSchema)]
struct UsageSums {
    requests: u64,
    errors: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    cost_micro_usd: u64,
    /// Requests whose price is not known.
    unpriced_requests: u64,
    shadow_requests: u64,
    shadow_cost_micro_usd: u64,
    ratings: u64,
    /// Requests that a stored reply answered.
    cache_hits: u64,
    /// Requests that asked the cache and found nothing.
    cache_misses: u64,
    /// What the stored replies had cost.
    saved_micro_usd: u64,
    /// Their tokens, read and written.
    saved_tokens: u64,
    /// Of the hits: the reply was to the same question in other words.
    semantic_hits: u64,
    /// Such replies that were compared with fresh ones, and how many said something else.
    semantic_compared: u64,
    semantic_wrong: u64,
    /// Requests that the firewall scored, those of them that looked like attacks, and those that it refused for that.
    firewall_scanned: u64,
    firewall_flagged: u64,
    firewall_blocked: u64,
    /// Requests that it could not score.
    firewall_skipped: u64,
    /// Replies that it looked at, those of them that gave something away, and those that it stopped for that.
    firewall_output_scanned: u64,
    firewall_output_flagged: u64,
    firewall_output_blocked: u64,
    /// Requests that something was taken out of before anybody was asked.
    firewall_redacted: u64,
}

/// The sums of one group; of what it is grouped by, null is what is not known.
#[derive(ToSchema)]
struct UsageGroup {
    /// With `group_by=day`.
    #[schema(nullable = false, format = Date)]
    day: Option<String>,
    /// With `group_by=project`.
    #[schema(nullable = false)]
    project_id: Option<GroupValue>,
    /// With `group_by=environment`.
    #[schema(nullable = false)]
    environment: Option<GroupValue>,
    /// With `group_by=model`.
    #[schema(nullable = false)]
    model: Option<GroupValue>,
    requests: u64,
    errors: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    cost_micro_usd: u64,
    unpriced_requests: u64,
    shadow_requests: u64,
    shadow_cost_micro_usd: u64,
    ratings: u64,
    /// Requests that a stored reply answered.
    cache_hits: u64,
    /// Requests that asked the cache and found nothing.
    cache_misses: u64,
    /// What the stored replies had cost.
    saved_micro_usd: u64,
    /// Their tokens, read and written.
    saved_tokens: u64,
    /// Of the hits: the reply was to the same question in other words.
    semantic_hits: u64,
    /// Such replies that were compared with fresh ones, and how many said something else.
    semantic_compared: u64,
    semantic_wrong: u64,
    /// Requests that the firewall scored, those of them that looked like attacks, and those that it refused for that.
    firewall_scanned: u64,
    firewall_flagged: u64,
    firewall_blocked: u64,
    /// Requests that it could not score.
    firewall_skipped: u64,
    /// Replies that it looked at, those of them that gave something away, and those that it stopped for that.
    firewall_output_scanned: u64,
    firewall_output_flagged: u64,
    firewall_output_blocked: u64,
    /// Requests that something was taken out of before anybody was asked.
    firewall_redacted: u64,
}

/// Null: not known.
#[derive(ToSchema)]
struct GroupValue(Option<String>);

/// What was sold; null: not limited.
#[derive(ToSchema)]
struct Plan {
    name: String,
    requests_per_month: Option<u64>,
    ratings_per_month: Option<u64>,
    /// Of each key.
    requests_per_minute: Option<u32>,
    projects: Option<u32>,
    /// Days that calls are kept; null: as long as whoever runs the service keeps any.
    log_retention_days: Option<u32>,
    features: Vec<String>,
}

#[derive(ToSchema)]
struct Quota {
    limit: Option<u64>,
    used: u64,
    remaining: Option<u64>,
    #[schema(format = DateTime)]
    resets_at: String,
}

/// A budget, and who spent most of it in the window that is going on.
#[derive(ToSchema)]
struct BudgetUse {
    name: String,
    by: BudgetBy,
    only: Option<String>,
    period: String,
    max_cost_micro_usd: Option<u64>,
    max_tokens: Option<u64>,
    max_calls: Option<u64>,
    max_seconds: Option<u64>,
    /// When what is spent now counts no longer; null: never, of sessions.
    #[schema(format = DateTime)]
    resets_at: Option<String>,
    /// At most 20.
    accounts: Vec<BudgetAccount>,
}

#[derive(ToSchema)]
struct BudgetAccount {
    /// The id of the project, key, user or session; null: the tenant.
    subject: Option<String>,
    cost_micro_usd: u64,
    tokens: u64,
    calls: u64,
    /// Share of the limit that is used up most.
    used: f64,
}

pub(super) fn routes() -> Routes {
    let day = || json!({"type": "string", "format": "date"});
    let names = json!({"type": "array", "items": {"type": "string", "enum": ["day", "project", "environment", "model"]}});
    Routes::of("Usage").get(
        "/v1/usage",
        usage::get,
        Operation::new("getUsage", "What calls used")
            .says("At most 366 days and 10,000 groups.")
            .query(
                "from",
                day(),
                "First day, UTC; the first of this month unless told.",
            )
            .query("to", day(), "Last day, UTC; today unless told.")
            .query("group_by", names, "One or more, separated by commas.")
            .answers::<Usage>(200, "The sums."),
    )
}

//! The shapes of what a call is priced by, and of what is summed of it.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::decision::ModelName;

/// What a call cost beside what the tenant's default model would have cost for the same tokens.
#[derive(ToSchema)]
pub(super) struct RecordedSavings {
    /// Why the call counts for no savings; null: it counts.
    excluded: Option<Excluded>,
    /// The default model when the call came.
    baseline_model: Option<ModelName>,
    /// Null: the call was not answered, or a price is not known.
    #[schema(minimum = 0)]
    baseline_cost_micro_usd: Option<u64>,
    /// Tries in vain included.
    #[schema(minimum = 0)]
    actual_cost_micro_usd: Option<u64>,
    savings_micro_usd: Option<i64>,
    baseline_prices: Option<Prices>,
    /// Of who served.
    served_prices: Option<Prices>,
    /// Of the table that both are from.
    #[schema(minimum = 0)]
    price_table_version: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Excluded {
    Shadow,
    NotRecorded,
    Unfinished,
    Evaluation,
    CacheHit,
    NoRule,
    Unanswered,
    NoBaseline,
    NoPrice,
    UsageEstimated,
}

/// Micro-USD per million tokens.
#[derive(ToSchema)]
pub(super) struct Prices {
    #[schema(minimum = 0)]
    input_micro_usd_per_mtok: u64,
    /// Null: the input price.
    #[schema(minimum = 0)]
    cached_input_micro_usd_per_mtok: Option<u64>,
    #[schema(minimum = 0)]
    output_micro_usd_per_mtok: u64,
}

/// What the calls' own figures add up to.
#[derive(ToSchema)]
pub(super) struct Recorded {
    /// Calls that count.
    #[schema(minimum = 0)]
    requests: u64,
    #[schema(minimum = 0)]
    baseline_cost_micro_usd: u64,
    #[schema(minimum = 0)]
    actual_cost_micro_usd: u64,
    savings_micro_usd: i64,
    /// Of these, what is billed by: savings without those of rules whose quality fell.
    billable_savings_micro_usd: i64,
    /// Calls that count for nothing, by the reason.
    excluded: std::collections::BTreeMap<String, u64>,
    /// Of the savings.
    #[schema(minimum = 0, maximum = 1, example = 0.15)]
    rate: f64,
    /// `max(0, billable savings × rate)`, rounded down.
    #[schema(minimum = 0)]
    invoice_micro_usd: u64,
    rules: Vec<RecordedRule>,
}

/// The same of one rule.
#[derive(ToSchema)]
pub(super) struct RecordedRule {
    name: String,
    /// Null: it is there no more.
    route_id: Option<String>,
    #[schema(minimum = 0)]
    requests: u64,
    #[schema(minimum = 0)]
    baseline_cost_micro_usd: u64,
    #[schema(minimum = 0)]
    actual_cost_micro_usd: u64,
    savings_micro_usd: i64,
    billable_savings_micro_usd: i64,
    /// What verification says of the same time: `verified`, `not_verified`, `insufficient_data` or
    /// `regression_detected`.
    quality: String,
    /// `regression_detected`: its savings are not billed; null: they are.
    not_billed_because: Option<String>,
}

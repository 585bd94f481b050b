//! `/v1/routing/rules` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::rules;

/// A routing rule as it is written.
#[derive(ToSchema)]
struct RuleInput {
    /// What the header `floopy-routing-rule` names it by; no other rule has it.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = r"^[A-Za-z0-9_.-]+$",
        example = "cheap-first"
    )]
    name: String,
    strategy: Strategy,
    /// Each `provider/model`, in the order of preference. `legacy_model` has exactly one; only `feedback_driven` and
    /// `smart_cost` may have none, which is every candidate of the ranking.
    #[schema(max_items = 16, nullable = true, required = false)]
    models: Option<Vec<String>>,
    /// Of `weighted` alone: the shares of the models, in any unit, one for each.
    #[schema(max_items = 16, nullable = true)]
    weights: Option<Vec<f64>>,
    /// Of `smart_cost` alone: share of the baseline's quality to keep.
    #[schema(minimum = 0, maximum = 1)]
    floor: Option<f64>,
    /// Of `smart_cost` alone: probability with which it must be kept.
    #[schema(minimum = 0.5, maximum = 0.99)]
    assurance: Option<f64>,
    /// Whether calls that name no rule follow it; one rule at most, the newest.
    #[schema(default = false)]
    default: Option<bool>,
}

/// How a rule chooses.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Strategy {
    FeedbackDriven,
    Fallback,
    RoundRobin,
    Weighted,
    LatencyBased,
    SmartCost,
    LegacyModel,
}

/// What `auto` may mean instead of the learned ranking.
#[derive(ToSchema)]
struct Rule {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    strategy: Strategy,
    models: Vec<String>,
    weights: Vec<f64>,
    floor: Option<f64>,
    assurance: Option<f64>,
    default: bool,
    /// Where it can be changed.
    source: RuleSource,
    /// Null where it is the configuration's.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum RuleSource {
    Configuration,
    Experiment,
    Api,
}

const ONE: &str = "/v1/routing/rules/{id}";

pub(super) fn routes() -> Routes {
    Routes::of("Routing")
        .get(
            "/v1/routing/rules",
            rules::list,
            Operation::new("listRules", "All routing rules")
                .says("Those of the configuration and of experiments, too. One page holds them all.")
                .answers_page::<Rule>("The rules."),
        )
        .post(
            "/v1/routing/rules",
            rules::create,
            Operation::new("createRule", "Make a routing rule")
                .says("At most 64. Proxies follow it about a second later.")
                .takes::<RuleInput>()
                .answers::<Rule>(201, "The rule."),
        )
        .get(
            ONE,
            rules::get,
            Operation::new("getRule", "One routing rule").answers::<Rule>(200, "The rule."),
        )
        .put(
            ONE,
            rules::put,
            Operation::new("replaceRule", "Replace a routing rule")
                .says("Refused with 400 while an active experiment compares it, and for rules that are not `source: api`.")
                .takes::<RuleInput>()
                .answers::<Rule>(200, "The rule as it is now."),
        )
        .delete(
            ONE,
            rules::delete,
            Operation::new("deleteRule", "Delete a routing rule")
                .says("Refused with 400 while a key or an active experiment names it.")
                .answers::<Deleted>(200, "It is gone."),
        )
}

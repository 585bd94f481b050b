//! A row of an export, as far as savings follow from it.

use floopy_shared::domain::{
    money::{Prices, Usage},
    savings::Facts,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) request_id: String,
    pub(super) created_at: String,
    #[serde(default)]
    shadow_of: Option<String>,
    #[serde(default)]
    evaluation: bool,
    stage: String,
    pub(super) routing_rule: Option<String>,
    pub(super) winner: Option<Named>,
    pub(super) outcome: Outcome,
    #[serde(default)]
    attempts: Vec<Attempt>,
    /// Absent or null: recorded by a version that kept no prices.
    pub(super) savings: Option<Told>,
}

/// The two parts of a model's name.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    provider: String,
    model: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Outcome {
    status: u16,
    ending: String,
    pub(super) cost_micro_usd: Option<u64>,
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    usage_estimated: bool,
    cache_hit: bool,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    wasted_micro_usd: Option<u64>,
}

/// The row's own figures.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) excluded: Option<String>,
    pub(super) baseline_model: Option<Named>,
    pub(super) baseline_cost_micro_usd: Option<u64>,
    pub(super) actual_cost_micro_usd: Option<u64>,
    pub(super) savings_micro_usd: Option<i64>,
    pub(super) baseline_prices: Option<TokenPrices>,
    pub(super) served_prices: Option<TokenPrices>,
    pub(super) price_table_version: u64,
}

/// Micro-USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the row")]
pub(super) struct TokenPrices {
    pub(super) input_micro_usd_per_mtok: u64,
    pub(super) cached_input_micro_usd_per_mtok: Option<u64>,
    pub(super) output_micro_usd_per_mtok: u64,
}

impl From<TokenPrices> for Prices {
    fn from(p: TokenPrices) -> Self {
        Self {
            input_micro_usd_per_mtok: p.input_micro_usd_per_mtok,
            output_micro_usd_per_mtok: p.output_micro_usd_per_mtok,
            cached_input_micro_usd_per_mtok: p.cached_input_micro_usd_per_mtok,
        }
    }
}

impl Named {
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

impl Row {
    /// What the figures follow from; none of it is a figure.
    pub(super) fn facts(&self) -> Facts {
        let (outcome, told) = (&self.outcome, self.savings.as_ref());
        let is_finished = self.stage == "finished";
        let is_whole = outcome.ending == "completed" && outcome.status < 400;
        let wasted = self.attempts.iter().filter_map(|a| a.wasted_micro_usd);
        Facts {
            is_shadow: self.shadow_of.is_some(),
            is_recorded: told.is_some(),
            is_finished,
            is_evaluation: self.evaluation,
            is_cache_hit: outcome.cache_hit,
            has_rule: self.routing_rule.is_some(),
            is_answered: is_finished && is_whole && self.winner.is_some(),
            has_baseline: told.is_some_and(|told| told.baseline_model.is_some()),
            baseline_prices: told.and_then(|told| told.baseline_prices).map(Into::into),
            served_prices: told.and_then(|told| told.served_prices).map(Into::into),
            usage: Usage {
                input: outcome.input_tokens,
                cached_input: outcome.cached_input_tokens,
                output: outcome.output_tokens,
            },
            is_estimated: outcome.usage_estimated,
            wasted_micro_usd: wasted.fold(0, u64::saturating_add),
        }
    }
}

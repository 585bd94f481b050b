//! What a call cost beside what the tenant's default model would have cost, with all that both figures follow from but
//! the tokens, which are in the outcome.

use floopy_shared::{
    domain::{
        decision::Decision,
        money::Prices,
        savings::{Excluded, Facts},
    },
    view::named,
};
use serde_json::{Value, json};

/// `null`: the record is of a version that kept no prices.
pub(super) fn savings(d: &Decision) -> Value {
    let Some(priced) = &d.priced else {
        return Value::Null;
    };
    let facts = Facts::of(d);
    let figures = facts.figures();
    json!({
        "excluded": facts.excluded().map(Excluded::as_str),
        "baseline_model": priced.baseline.as_ref().map(named),
        "baseline_cost_micro_usd": figures.map(|figures| figures.baseline_micro_usd),
        "actual_cost_micro_usd": figures.map(|figures| figures.actual_micro_usd),
        "savings_micro_usd": figures.map(|figures| figures.savings_micro_usd()),
        "baseline_prices": priced.baseline_prices.map(prices),
        "served_prices": priced.served_prices.map(prices),
        "price_table_version": priced.table_version,
    })
}

fn prices(prices: Prices) -> Value {
    json!({
        "input_micro_usd_per_mtok": prices.input_micro_usd_per_mtok,
        "cached_input_micro_usd_per_mtok": prices.cached_input_micro_usd_per_mtok,
        "output_micro_usd_per_mtok": prices.output_micro_usd_per_mtok,
    })
}

//! Parts of records.

use floopy_shared::domain::{
    ids::CandidateKey, money::Prices, ranking::Posterior, savings::Priced, shape::Signal,
};

pub(crate) fn posterior(mean: f64) -> Posterior {
    Posterior {
        mean,
        lower: mean / 2.0,
        upper: 1.0,
        n: 3.5,
    }
}

pub(crate) fn class_signals() -> Vec<Signal> {
    vec![Signal {
        name: "code block".into(),
        points: 160,
    }]
}

pub(crate) fn priced(number: u64, flag: bool) -> Priced {
    let prices = Prices {
        input_micro_usd_per_mtok: number,
        output_micro_usd_per_mtok: 0,
        cached_input_micro_usd_per_mtok: flag.then_some(0),
    };
    Priced {
        baseline: flag.then(|| CandidateKey::parse("openai/gpt-4o").expect("valid")),
        baseline_prices: flag.then_some(prices),
        served_prices: (!flag).then_some(prices),
        table_version: number,
    }
}

//! Parts of records.

use floopy_shared::domain::{
    event::CalledTool,
    ids::{CandidateKey, RequestId},
    implicit::{Earlier, Implicit, ImplicitKind},
    money::Prices,
    ranking::Posterior,
    savings::Priced,
    shape::{ShapeKey, Signal},
};
use uuid::Uuid;

pub(crate) fn called(text: &str, flag: bool) -> CalledTool {
    CalledTool {
        name: text.to_owned(),
        arguments: text.to_owned(),
        parameters: flag.then(|| "{}".to_owned()),
        is_offered: flag,
        is_cut: !flag,
        is_repeated: flag,
    }
}

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

pub(crate) fn implicit() -> Vec<Implicit> {
    let earlier = Earlier {
        request_id: RequestId(Uuid::from_u128(4)),
        candidate: CandidateKey::parse("openai/gpt-4o").expect("valid"),
        shapes: vec![ShapeKey::root()],
        created_at_ms: 9,
    };
    let of_itself = Implicit {
        kind: ImplicitKind::Left,
        about: None,
    };
    let of_another = Implicit {
        kind: ImplicitKind::AskedAgain,
        about: Some(earlier),
    };
    vec![of_itself, of_another]
}

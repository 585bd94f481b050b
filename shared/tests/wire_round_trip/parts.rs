//! Parts of records.

use floopy_shared::domain::{
    ids::{CandidateKey, RequestId},
    implicit::{Earlier, Implicit, ImplicitKind},
    ranking::Posterior,
    shape::{ShapeKey, Signal},
};
use uuid::Uuid;

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

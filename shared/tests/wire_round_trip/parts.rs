//! Parts of records.

use floopy_shared::domain::{ranking::Posterior, shape::Signal};

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

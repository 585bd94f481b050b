//! Sums over tenants, told with noise.

use std::collections::BTreeMap;

use super::{
    given::{Domain, Given, UNIT, Units},
    noise::{Chance, Gaussian},
};
use floopy_shared::domain::{ids::CandidateKey, shape::ShapeKey};

/// What is told: of each cell of the domain, whether anybody gave or not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Released {
    /// Of the noise, in ones.
    pub sigma: f64,
    pub cells: BTreeMap<ShapeKey, BTreeMap<CandidateKey, Units>>,
}

/// Adds up what tenants give, with noise of the standard deviation `sigma`; 0: with none.
pub fn release(given: &[Given], domain: &Domain, sigma: f64, chance: &mut Chance<'_>) -> Released {
    let noise = Gaussian::new(sigma * UNIT);
    let mut cell = |shape: &ShapeKey, key: &CandidateKey| {
        let of = |given: &Given| given.cells.get(shape)?.get(key).copied();
        let sum = given
            .iter()
            .filter_map(of)
            .fold(Units::default(), |a, b| Units {
                evidence: a.evidence + b.evidence,
                gap: a.gap + b.gap,
            });
        Units {
            evidence: sum.evidence + noise.draw(chance),
            gap: sum.gap + noise.draw(chance),
        }
    };
    let mut shape = |shape: &ShapeKey| {
        let keys = domain.benchmarks.keys();
        let cells = keys.map(|key| (key.clone(), cell(shape, key)));
        (shape.clone(), cells.collect())
    };
    Released {
        sigma: noise.sigma() / UNIT,
        cells: domain.shapes.iter().map(&mut shape).collect(),
    }
}

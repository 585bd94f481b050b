//! Policies that learn nothing: what the others are measured against.

use super::{Policy, Served};
use crate::replay::world::{Drift, Request, World};

/// The same model for everything.
pub(super) struct Fixed(usize);

impl Policy for Fixed {
    fn serve(&mut self, _at: usize, _request: &Request) -> Served {
        Served::by(self.0)
    }
}

pub(super) fn benchmark(world: &World<'_>) -> Fixed {
    Fixed(world.table.best_by_benchmark())
}

/// The best over all of the tenant's requests, drift included.
pub(super) fn best_single(world: &World<'_>, tenant: usize) -> Fixed {
    let requests = &world.tenants[tenant].requests;
    let total = |model: usize| -> f64 {
        let one = |(at, r): (usize, &Request)| world.quality(tenant, at, r.shape, model);
        requests.iter().enumerate().map(one).sum()
    };
    let totals: Vec<f64> = (0..world.table.models.len()).map(total).collect();
    Fixed(first_best(&totals))
}

pub(super) fn cheapest(world: &World<'_>, tenant: usize) -> Fixed {
    let tenant = &world.tenants[tenant];
    let saved = |model: usize| -> f64 {
        let shapes = tenant.mix.iter().zip(&tenant.cost_usd);
        -shapes
            .map(|(share, costs)| share * costs[model])
            .sum::<f64>()
    };
    let saved: Vec<f64> = (0..world.table.models.len()).map(saved).collect();
    Fixed(first_best(&saved))
}

/// The best of each shape.
pub(super) struct Oracle {
    before: Vec<usize>,
    after: Vec<usize>,
    drift: Option<Drift>,
}

impl Oracle {
    pub(super) fn new(world: &World<'_>, tenant: usize) -> Self {
        let best = |at: usize| {
            let quality = |shape: usize| {
                let models = 0..world.table.models.len();
                models
                    .map(|m| world.quality(tenant, at, shape, m))
                    .collect::<Vec<f64>>()
            };
            (0..world.table.shapes.len())
                .map(|shape| first_best(&quality(shape)))
                .collect()
        };
        Self {
            before: best(0),
            after: best(usize::MAX),
            drift: world.drift,
        }
    }
}

impl Policy for Oracle {
    fn serve(&mut self, at: usize, request: &Request) -> Served {
        let drifted = self.drift.is_some_and(|drift| at >= drift.at);
        let best = if drifted { &self.after } else { &self.before };
        Served::by(best[request.shape])
    }
}

/// Position of the highest value; the first among equals.
pub(in crate::replay) fn first_best(values: &[f64]) -> usize {
    let better = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]).then(b.cmp(a));
    (0..values.len()).max_by(better).unwrap_or(0)
}

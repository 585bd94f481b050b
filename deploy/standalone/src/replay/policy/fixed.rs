//! Policies that learn nothing: what the others are measured against.

use super::{Brief, Policy, Served};
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

/// The best over all of the tenant's requests, drift included; under a floor the cheapest that keeps it.
pub(super) fn best_single(brief: &Brief<'_>, tenant: usize) -> Fixed {
    let world = brief.world;
    let customer = &world.tenants[tenant];
    let total = |of: &dyn Fn(usize, usize) -> f64| -> f64 {
        let requests = customer.requests.iter().enumerate();
        requests.map(|(at, request)| of(at, request.shape)).sum()
    };
    let models = 0..world.table.models.len();
    let options: Vec<Worth> = models
        .map(|model| Worth {
            quality: total(&|at, shape| world.quality(tenant, at, shape, model)),
            cost: total(&|_, shape| customer.cost_usd[shape][model]),
        })
        .collect();
    Fixed(pick(&options, world.table.best_by_benchmark(), brief.floor))
}

/// What a choice is worth.
struct Worth {
    quality: f64,
    cost: f64,
}

/// The best; under a floor the cheapest of those that keep it against the baseline.
fn pick(options: &[Worth], baseline: usize, floor: Option<f64>) -> usize {
    let needed = floor.map(|floor| floor * options[baseline].quality);
    let value = |option: &Worth| match needed {
        None => option.quality,
        Some(needed) if option.quality >= needed => -option.cost,
        Some(_) => f64::NEG_INFINITY,
    };
    first_best(&options.iter().map(value).collect::<Vec<f64>>())
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
    pub(super) fn new(brief: &Brief<'_>, tenant: usize) -> Self {
        let world = brief.world;
        let costs = &world.tenants[tenant].cost_usd;
        let option = |at: usize, shape: usize, model: usize| Worth {
            quality: world.quality(tenant, at, shape, model),
            cost: costs[shape][model],
        };
        let best = |at: usize, shape: usize| {
            let models = 0..world.table.models.len();
            let options: Vec<Worth> = models.map(|model| option(at, shape, model)).collect();
            pick(&options, world.table.best_by_benchmark(), brief.floor)
        };
        let all = |at: usize| {
            (0..world.table.shapes.len())
                .map(|shape| best(at, shape))
                .collect()
        };
        Self {
            before: all(0),
            after: all(usize::MAX),
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

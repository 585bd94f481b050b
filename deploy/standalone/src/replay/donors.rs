//! Tenants that learned before, on other prompts: what their learning is worth to a new one.

use std::sync::Arc;

use floopy_controlplane::learn::pool::Privacy;

use super::{
    args::Args,
    learner::{self, Learner, Pooled, Setup},
    policy::Policy,
    progress::Progress,
    run,
    table::Table,
    world::{Size, World},
};

/// Seed of the donors' world relative to that of the others, so that no tenant is met twice.
const DONOR_SEED: u64 = 1 << 32;

/// Of one release of the product, where a year may cost a tenant this.
fn noise(epsilon: f64) -> f64 {
    let privacy = Privacy {
        epsilon,
        ..Privacy::DEFAULT
    };
    privacy.sigma()
}

/// Replays the donors, and pools what they learned.
pub(super) fn learn(
    table: &Table,
    args: &Args,
    setup: &Arc<Setup>,
    progress: &Progress,
) -> Option<Pooled> {
    let size = Size {
        tenants: args.donors,
        requests: args.donor_requests,
        seed: args.seed.wrapping_add(DONOR_SEED),
        seeds: 1,
    };
    let world = World::new(table, args.feedback, size);
    progress.begin("donors", args.donors * args.donor_requests);
    let make = |tenant: usize| Box::new(Learner::new(setup, tenant)) as Box<dyn Policy>;
    let mut lanes = run::run(&world, make, learner::EXCHANGE, |served| {
        progress.add(served)
    });
    let learners: Vec<&mut Learner> = lanes
        .iter_mut()
        .filter_map(|lane| lane.policy.as_learner())
        .collect();
    let learners: Vec<&Learner> = learners.into_iter().map(|learner| &*learner).collect();
    let sigma = args.pool_epsilon.map_or(0.0, noise);
    learner::pool(&learners, sigma, size.seed)
}

//! `/v1/pool` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::pool;

/// Whether you share what is learned from your traffic.
#[derive(ToSchema)]
struct PoolMembership {
    /// False: nothing is given, and nothing taken.
    member: bool,
}

/// What left for the pool that new tenants start from.
#[derive(ToSchema)]
struct PoolProof {
    /// Always `pool`.
    object: String,
    /// Whether anything is pooled here at all.
    enabled: bool,
    member: bool,
    /// Null: nothing is pooled here.
    privacy: Option<PoolPrivacy>,
    spent: PoolSpent,
    /// Of the last 365 days, the newest first.
    given: Vec<PoolGift>,
}

/// What is promised of each tenant.
#[derive(ToSchema)]
struct PoolPrivacy {
    /// Of all releases of the window together.
    epsilon: f64,
    delta: f64,
    window_days: u32,
    every_days: u32,
    /// The root of the sum of squares of all that a tenant gives to a release, at most; a gap of 0.5 counts as 1.
    bound: f64,
    /// Standard deviation of the noise in each cell.
    sigma: f64,
    /// By how much the best test for whether a tenant is in a release is better than guessing, at most.
    #[schema(minimum = 0, maximum = 1)]
    advantage: f64,
}

/// What it came to so far.
#[derive(ToSchema)]
struct PoolSpent {
    releases: u64,
    epsilon: f64,
    delta: f64,
    /// Of all these releases together.
    #[schema(minimum = 0, maximum = 1)]
    advantage: f64,
}

/// All that left with one release, before noise. Empty: nothing was known, or you left since.
#[derive(ToSchema)]
struct PoolGift {
    release: u64,
    #[schema(format = DateTime)]
    released_at: String,
    /// What everything was multiplied by to keep to the bound.
    #[schema(minimum = 0, maximum = 1)]
    scale: f64,
    sigma: f64,
    cells: Vec<PoolCell>,
}

#[derive(ToSchema)]
struct PoolCell {
    /// `all`, or a kind of task that is read from texts, never a call site.
    #[schema(example = "class:code")]
    task_shape: String,
    provider: String,
    model: String,
    /// How much is known, times `scale`.
    #[schema(minimum = 0, maximum = 1)]
    evidence: f64,
    /// How far that lies from the public benchmark, times `evidence`.
    #[schema(minimum = -0.5, maximum = 0.5)]
    gap: f64,
}

pub(super) fn routes() -> Routes {
    Routes::of("Routing")
        .get(
            "/v1/pool",
            pool::get,
            Operation::new("getPoolProof", "What left you for the pool, exactly")
                .answers::<PoolProof>(200, "All of it, and what it may have told of you."),
        )
        .put(
            "/v1/pool",
            pool::put,
            Operation::new("setPoolMembership", "Join or leave the pool")
                .says("Leaving takes effect at once: what was given is forgotten, and the next release is without it. The plan must have `has_pool_opt_out`.")
                .takes::<PoolMembership>()
                .answers::<PoolProof>(200, "As it is now."),
        )
}

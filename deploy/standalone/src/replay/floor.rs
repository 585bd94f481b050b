//! What a floor saved, and what it cost in quality, against the model with the best benchmark.

use std::ops::Range;

use serde::Serialize;

use super::{
    measure::{Interval, Valued},
    policy::Kind,
};

/// One policy over some requests. Shares are of 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FloorReport {
    pub(super) policy: &'static str,
    pub(super) from: usize,
    pub(super) to: usize,
    /// Of the baseline's cost.
    pub(super) saving: Interval,
    /// The same, with shadow calls paid.
    pub(super) saving_net_of_shadow: Interval,
    /// Mean quality over the baseline's.
    pub(super) quality_ratio: Interval,
    /// Requests whose expected quality is more than 5 % below the baseline's.
    pub(super) below_5_percent: Interval,
    pub(super) below_10_percent: Interval,
}

/// Rounding that is no loss of quality.
const SLACK: f64 = 1e-9;

/// The first hundred requests, and the last half.
pub(super) fn reports(kind: Kind, valued: &Valued<'_>) -> Vec<FloorReport> {
    let all = valued.world.requests();
    let ranges = [0..all.min(100), all - all / 2..all];
    ranges
        .into_iter()
        .map(|range| report(kind, valued, range))
        .collect()
}

fn report(kind: Kind, valued: &Valued<'_>, range: Range<usize>) -> FloorReport {
    let world = valued.world;
    let baseline = world.table.best_by_benchmark();
    let shape = |tenant: usize, at: usize| world.tenants[tenant].requests[at].shape;
    let quality = |tenant: usize, at: usize| world.quality(tenant, at, shape(tenant, at), baseline);
    let cost =
        |tenant: usize, at: usize| world.tenants[tenant].cost_usd[shape(tenant, at)][baseline];
    let sums = |of: &dyn Fn(usize, usize) -> f64| valued.sums(&range, of);
    let base_cost = sums(&cost);
    let served = sums(&|t, at| valued.cost(t, at));
    let paid = sums(&|t, at| valued.cost(t, at) + valued.shadow_cost(t, at));
    let below = |share: f64| {
        let is_below = |t: usize, at: usize| valued.quality(t, at) < share * quality(t, at) - SLACK;
        let counts = sums(&|t, at| f64::from(u8::from(is_below(t, at))));
        Interval::of(&each(&counts, |count| count / range.len().max(1) as f64))
    };
    FloorReport {
        policy: kind.name(),
        from: range.start,
        to: range.end,
        saving: Interval::of(&each(&ratios(&served, &base_cost), |ratio| 1.0 - ratio)),
        saving_net_of_shadow: Interval::of(&each(&ratios(&paid, &base_cost), |ratio| 1.0 - ratio)),
        quality_ratio: Interval::of(&ratios(
            &sums(&|t, at| valued.quality(t, at)),
            &sums(&quality),
        )),
        below_5_percent: below(0.95),
        below_10_percent: below(0.90),
    }
}

fn each(values: &[f64], of: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().map(|value| of(*value)).collect()
}

/// Per tenant; 1 where there is nothing to compare with.
fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    let ratio = |(a, b): (&f64, &f64)| if *b > 0.0 { a / b } else { 1.0 };
    above.iter().zip(below).map(ratio).collect()
}

//! What all tenants together know of a candidate, without telling who knows it.
//!
//! A tenant gives, per kind of task and candidate, how much of its composite is evidence, `e` on 0..1, and how far that
//! evidence lies from the public benchmark: numbers, no text and no names ([`given`]). All that one tenant gives is bounded
//! together, added to what the others give, and told with noise ([`release`]), so that nobody who sees what is told can
//! say whether a tenant is in it ([`privacy`]). What is told where enough tenants stand behind it becomes a prior: their
//! mean, shrunk to the levelled benchmark by how far tenants differ (Bühlmann 1967) and by the noise.

mod given;
mod noise;
mod privacy;
mod release;

use std::collections::BTreeMap;

use floopy_shared::domain::{ids::CandidateKey, shape::ShapeKey};

pub use self::{
    given::{BOUND, Contribution, Domain, GAP, Given, Part, UNIT, Units},
    noise::Chance,
    privacy::{Privacy, WINDOW_DAYS, advantage, epsilon},
    release::{Released, release},
};

/// Tenants that must stand behind a cell.
pub const TENANTS: f64 = 5.0;
/// Standard deviations of the noise that must be on top of them, so that noise alone is never taken for tenants: it is in
/// three of ten million cells.
pub const CLEAR_OF_NOISE: f64 = 5.0;
/// How far benchmarks are off, as a standard deviation: what pooled evidence is weighed against.
const BENCHMARK_TAU: f64 = 0.15;
/// How far a tenant lies from the pool at least: on public workloads with disjoint prompts, 0.03 kept tenants
/// from learning what is their own, and 0.08 gained most after 10,000 requests.
const TENANT_TAU: f64 = 0.08;
/// Variance between what tenants say of a candidate: they differ, and each knows it from few replies.
const BETWEEN: f64 = 0.04;

/// Where a candidate stands in a shape, by other tenants' evidence, and how far a tenant may lie from that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledCell {
    pub mean: f64,
    pub tau: f64,
}

/// The pooled priors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pool {
    pub cells: BTreeMap<ShapeKey, BTreeMap<CandidateKey, PooledCell>>,
}

impl Pool {
    /// What was told, around the public benchmarks.
    pub fn of(released: &Released, benchmarks: &BTreeMap<CandidateKey, f64>) -> Self {
        let shape = |(shape, cells): (&ShapeKey, &BTreeMap<CandidateKey, Units>)| {
            let cells = pooled(cells, released.sigma, benchmarks)?;
            Some((shape.clone(), cells))
        };
        Self {
            cells: released.cells.iter().filter_map(shape).collect(),
        }
    }
}

/// One cell's sums, in ones.
#[derive(Clone, Copy)]
struct Sums {
    evidence: f64,
    /// Of `e · (d - b)`.
    gap: f64,
    benchmark: f64,
}

/// The candidates of a shape; `None` where nobody is known well enough.
fn pooled(
    cells: &BTreeMap<CandidateKey, Units>,
    sigma: f64,
    benchmarks: &BTreeMap<CandidateKey, f64>,
) -> Option<BTreeMap<CandidateKey, PooledCell>> {
    let known = cells.iter().filter_map(|(key, units)| {
        let sums = Sums {
            evidence: units.evidence(),
            gap: units.gap(),
            benchmark: *benchmarks.get(key)?,
        };
        (sums.evidence >= TENANTS + CLEAR_OF_NOISE * sigma).then_some((key, sums))
    });
    let known: BTreeMap<&CandidateKey, Sums> = known.collect();
    if known.is_empty() {
        return None;
    }
    let (gap, weight) = known.values().fold((0.0, 1.0), |(gap, weight), sums| {
        (gap + sums.gap, weight + sums.evidence)
    });
    let level = gap / weight;
    // Whoever is not known stands where the benchmark puts it among those who are: otherwise the unknown
    // would be measured by another scale, and win by it.
    let cell = |(key, benchmark): (&CandidateKey, &f64)| {
        let unknown = PooledCell {
            mean: (benchmark + level).clamp(0.0, 1.2),
            tau: BENCHMARK_TAU,
        };
        let cell = known
            .get(key)
            .map_or(unknown, |sums| shrunk(sums, level, sigma));
        (key.clone(), cell)
    };
    Some(benchmarks.iter().map(cell).collect())
}

fn shrunk(sums: &Sums, level: f64, sigma: f64) -> PooledCell {
    let assumed = BENCHMARK_TAU * BENCHMARK_TAU;
    let noise = (GAP * sigma / sums.evidence).powi(2);
    let trust = assumed / (assumed + BETWEEN / sums.evidence + noise);
    let mean = sums.benchmark + (1.0 - trust) * level + trust * sums.gap / sums.evidence;
    PooledCell {
        mean: mean.clamp(0.0, 1.2),
        tau: ((1.0 - trust) * assumed + TENANT_TAU * TENANT_TAU).sqrt(),
    }
}

#[cfg(test)]
mod tests;

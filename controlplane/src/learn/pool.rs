//! What all tenants together know of a candidate, without saying who knows it.
//!
//! A tenant contributes, per shape and candidate, how much of its composite is evidence, `e` on 0..1, and what
//! that evidence alone says, `d`: numbers, no text and no names. Each weighs at most one per cell, and a cell is
//! published only where enough tenants stand behind it and none of them dominates (k-anonymity, Sweeney 2002).
//! The pooled prior is their mean, shrunk to the levelled benchmark by how far tenants differ (Bühlmann 1967).

use std::collections::BTreeMap;

use floopy_shared::domain::{ids::CandidateKey, shape::ShapeKey};

/// Tenants that must stand behind a cell.
const TENANTS: usize = 5;
/// Largest share of a cell's evidence that one tenant may have.
const DOMINANCE: f64 = 0.3;
/// Evidence below this is none.
const LEAST_EVIDENCE: f64 = 0.05;
/// Data-only estimates are kept to this range: wide, as cutting to 0..1 would bias noisy cells.
const RANGE: (f64, f64) = (-1.0, 2.0);
/// How far benchmarks are off, as a standard deviation: what pooled evidence is weighed against.
const BENCHMARK_TAU: f64 = 0.15;
/// How far a tenant lies from the pool at least: on public workloads with disjoint prompts, 0.03 kept tenants
/// from learning what is their own, and 0.08 gained most after 10,000 requests.
const TENANT_TAU: f64 = 0.08;
/// Limits of the variance between tenants.
const BETWEEN: (f64, f64) = (0.0009, 0.25);
/// Least evidence that a variance is divided by.
const LEAST_SUM: f64 = 0.3;

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

/// One tenant's part of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// How much of the composite is evidence.
    pub evidence: f64,
    /// What the evidence alone says.
    pub says: f64,
}

impl Part {
    /// From a composite, the share of the prior in it and the prior's mean.
    pub fn of(composite: f64, prior_share: f64, prior: f64) -> Option<Self> {
        let evidence = 1.0 - prior_share;
        (evidence >= LEAST_EVIDENCE).then(|| Self {
            evidence,
            says: ((composite - prior_share * prior) / evidence).clamp(RANGE.0, RANGE.1),
        })
    }
}

/// What one tenant contributes.
pub type Contribution = BTreeMap<ShapeKey, BTreeMap<CandidateKey, Part>>;

/// Pools what tenants contribute, around the public benchmarks.
pub fn pool(contributions: &[Contribution], benchmarks: &BTreeMap<CandidateKey, f64>) -> Pool {
    let mut parts: BTreeMap<&ShapeKey, BTreeMap<&CandidateKey, Vec<Part>>> = BTreeMap::new();
    for contribution in contributions {
        for (shape, cells) in contribution {
            let shape = parts.entry(shape).or_default();
            for (key, part) in cells {
                shape.entry(key).or_default().push(*part);
            }
        }
    }
    let mut pool = Pool::default();
    for (shape, cells) in parts {
        let cells = pool_shape(&cells, benchmarks);
        if !cells.is_empty() {
            pool.cells.insert(shape.clone(), cells);
        }
    }
    pool
}

/// Sums over one cell's parts.
struct Sums {
    evidence: f64,
    says: f64,
    benchmark: f64,
    between: f64,
}

fn pool_shape(
    cells: &BTreeMap<&CandidateKey, Vec<Part>>,
    benchmarks: &BTreeMap<CandidateKey, f64>,
) -> BTreeMap<CandidateKey, PooledCell> {
    let published = cells.iter().filter(|(_, parts)| is_anonymous(parts));
    let sums: BTreeMap<&CandidateKey, Sums> = published
        .filter_map(|(key, parts)| Some((*key, sums(parts, *benchmarks.get(*key)?))))
        .collect();
    if sums.is_empty() {
        return BTreeMap::new();
    }
    let (gap, weight) = sums.values().fold((0.0, 1.0), |(gap, weight), sums| {
        let off = sums.says - sums.evidence * sums.benchmark;
        (gap + off, weight + sums.evidence)
    });
    let level = gap / weight;
    // Whoever is not published stands where the benchmark puts it among those who are: otherwise the unknown
    // would be measured by another scale, and win by it.
    let cell = |(key, benchmark): (&CandidateKey, &f64)| {
        let unknown = PooledCell {
            mean: (benchmark + level).clamp(0.0, 1.2),
            tau: BENCHMARK_TAU,
        };
        let cell = sums.get(key).map_or(unknown, |sums| shrink(sums, level));
        (key.clone(), cell)
    };
    benchmarks.iter().map(cell).collect()
}

fn is_anonymous(parts: &[Part]) -> bool {
    let sum: f64 = parts.iter().map(|part| part.evidence).sum();
    let most = parts.iter().map(|part| part.evidence).fold(0.0, f64::max);
    parts.len() >= TENANTS && most <= DOMINANCE * sum
}

fn sums(parts: &[Part], benchmark: f64) -> Sums {
    let evidence: f64 = parts.iter().map(|part| part.evidence).sum();
    let says: f64 = parts.iter().map(|part| part.evidence * part.says).sum();
    let mean = says / evidence;
    let squares: f64 = parts
        .iter()
        .map(|part| part.evidence * (part.says - mean).powi(2))
        .sum();
    Sums {
        evidence,
        says,
        benchmark,
        between: (squares / evidence).clamp(BETWEEN.0, BETWEEN.1),
    }
}

fn shrink(sums: &Sums, level: f64) -> PooledCell {
    let assumed = BENCHMARK_TAU * BENCHMARK_TAU;
    let trust = assumed / (assumed + sums.between / sums.evidence.max(LEAST_SUM));
    let mean = (1.0 - trust) * (sums.benchmark + level) + trust * sums.says / sums.evidence;
    PooledCell {
        mean: mean.clamp(0.0, 1.2),
        tau: ((1.0 - trust) * assumed + TENANT_TAU * TENANT_TAU).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(model: &str) -> CandidateKey {
        CandidateKey::new("p", model).expect("valid")
    }

    fn contribution(evidence: f64, says: f64) -> Contribution {
        let cell = BTreeMap::from([(key("a"), Part { evidence, says })]);
        BTreeMap::from([(ShapeKey::root(), cell)])
    }

    fn benchmarks() -> BTreeMap<CandidateKey, f64> {
        BTreeMap::from([(key("a"), 0.5)])
    }

    fn cell(pool: &Pool) -> Option<PooledCell> {
        pool.cells.get("all")?.get("p/a").copied()
    }

    #[test]
    fn many_tenants_who_agree_move_and_narrow_the_prior() {
        let many: Vec<Contribution> = (0..40).map(|_| contribution(0.8, 0.9)).collect();
        let found = cell(&pool(&many, &benchmarks())).expect("published");
        assert!(
            (found.mean - 0.9).abs() < 0.01 && found.tau < 0.085,
            "{found:?}"
        );
    }

    #[test]
    fn few_tenants_or_one_that_dominates_are_not_published() {
        let few: Vec<Contribution> = (0..4).map(|_| contribution(0.8, 0.9)).collect();
        assert_eq!(cell(&pool(&few, &benchmarks())), None);
        let mut one: Vec<Contribution> = (0..6).map(|_| contribution(0.06, 0.9)).collect();
        one.push(contribution(0.9, 0.1));
        assert_eq!(cell(&pool(&one, &benchmarks())), None);
    }

    #[test]
    fn evidence_alone_is_what_the_prior_does_not_explain() {
        let part = Part::of(0.7, 0.5, 0.5).expect("evidence");
        assert!((part.says - 0.9).abs() < 1e-12 && (part.evidence - 0.5).abs() < 1e-12);
        assert_eq!(Part::of(0.5, 1.0, 0.5), None);
    }
}

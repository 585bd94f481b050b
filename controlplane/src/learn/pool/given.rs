//! What one tenant gives: parts of cells, on a grid, bounded all together.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    ids::CandidateKey,
    shape::{Class, ShapeKey},
};

/// Parts of one that are counted: what is given is whole numbers, so that noise can be exact.
pub const UNIT: f64 = 1_000.0;
/// All that a tenant gives, as the root of the sum of squares over cells: what is more is scaled down. A tenant that
/// knows a few models in a few kinds of tasks stays below.
pub const BOUND: f64 = 3.0;
/// How far a tenant's evidence can lie from the benchmark.
pub const GAP: f64 = 0.5;
/// Evidence below this is none.
const LEAST_EVIDENCE: f64 = 0.05;
/// Data-only estimates are kept to this range: wide, as cutting to 0..1 would bias noisy cells.
const RANGE: (f64, f64) = (-1.0, 2.0);

/// One tenant's part of a cell, before it is bounded.
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

/// What one tenant's evidence says.
pub type Contribution = BTreeMap<ShapeKey, BTreeMap<CandidateKey, Part>>;

/// Of what something can be told: known to everybody, whoever gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    pub shapes: BTreeSet<ShapeKey>,
    /// Candidates that everybody can have, with their public benchmarks.
    pub benchmarks: BTreeMap<CandidateKey, f64>,
}

impl Domain {
    /// Kinds of tasks that are read from texts. Call sites are a tenant's own, and so are their names.
    pub fn of_classes(benchmarks: BTreeMap<CandidateKey, f64>) -> Self {
        let classes = Class::CHAT.into_iter().map(ShapeKey::of_class);
        Self {
            shapes: classes.chain([ShapeKey::root()]).collect(),
            benchmarks,
        }
    }
}

/// A part of a cell, or a sum of such, as whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Of [`UNIT`] of evidence.
    pub evidence: i64,
    /// Of [`UNIT`] of [`GAP`]s.
    pub gap: i64,
}

impl Units {
    /// In ones.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub fn evidence(self) -> f64 {
        self.evidence as f64 / UNIT
    }

    /// `e · (d - b)`, in ones.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub fn gap(self) -> f64 {
        self.gap as f64 / UNIT * GAP
    }
}

/// What one tenant gives, as it leaves the tenant's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    /// What everything was multiplied by to keep to the bound; 1: nothing was.
    pub scale: f64,
    pub cells: BTreeMap<ShapeKey, BTreeMap<CandidateKey, Units>>,
}

impl Given {
    /// Of what a tenant knows, what is the domain's, within the bound.
    pub fn of(contribution: &Contribution, domain: &Domain) -> Self {
        let of_domain = contribution
            .iter()
            .filter(|(shape, _)| domain.shapes.contains(*shape));
        let parts: Vec<(&ShapeKey, &CandidateKey, [f64; 2])> = of_domain
            .flat_map(|(shape, cells)| {
                cells.iter().filter_map(move |(key, part)| {
                    let benchmark = domain.benchmarks.get(key)?;
                    Some((shape, key, coordinates(*part, *benchmark)))
                })
            })
            .collect();
        let squares = parts.iter().flat_map(|(_, _, xs)| xs.map(|x| x * x));
        let norm = squares.sum::<f64>().sqrt();
        let scale = if norm > BOUND { BOUND / norm } else { 1.0 };
        let mut given = Self {
            scale,
            cells: BTreeMap::new(),
        };
        for (shape, key, [evidence, gap]) in parts {
            let units = Units {
                evidence: on_grid(scale * evidence),
                gap: on_grid(scale * gap),
            };
            let cells = given.cells.entry(shape.clone()).or_default();
            cells.insert(key.clone(), units);
        }
        given
    }
}

/// Both on -1..1.
fn coordinates(part: Part, benchmark: f64) -> [f64; 2] {
    let evidence = part.evidence.clamp(0.0, 1.0);
    let gap = evidence * (part.says - benchmark) / GAP;
    [evidence, gap.clamp(-1.0, 1.0)]
}

/// Towards nothing, so that the bound holds on the grid, too.
#[expect(
    clippy::cast_possible_truncation,
    reason = "within -1..1 times the grid"
)]
fn on_grid(x: f64) -> i64 {
    (x * UNIT) as i64
}

//! A tenant's sums, by shape and candidate, ready for the formulas.

use std::collections::BTreeMap;

use floopy_shared::domain::{ids::CandidateKey, shape::ShapeKey};

use super::{
    credit::{Cell, Source},
    sums::{Moments, Sums},
};

/// What was observed of one candidate in one shape.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ArmStats {
    pub session: Moments,
    pub auto: Moments,
    pub manual: Moments,
}

impl ArmStats {
    /// Effective observations of all sources.
    pub fn n(&self) -> f64 {
        self.session.n + self.auto.n + self.manual.n
    }
}

/// What was observed in one shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShapeStats {
    pub arms: BTreeMap<CandidateKey, ArmStats>,
    /// Sessions with a rating that touched this shape.
    pub rated_sessions: f64,
    /// How often this shape stood below another one.
    pub parents: BTreeMap<ShapeKey, f64>,
}

impl ShapeStats {
    /// Replies with a judge's score, or a failure that counts as one.
    pub fn scored_requests(&self) -> f64 {
        self.arms.values().map(|arm| arm.auto.n).sum()
    }

    /// The shape this one stood below most often; the first by name among equals.
    pub fn parent(&self) -> Option<&ShapeKey> {
        let best = self.parents.iter().rev().max_by(|a, b| a.1.total_cmp(b.1));
        best.map(|(shape, _)| shape)
    }
}

/// Everything observed for one tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantStats {
    pub shapes: BTreeMap<ShapeKey, ShapeStats>,
}

impl TenantStats {
    /// Sorts cells, whose days do not matter here, into shapes. Names that are none are left out.
    pub fn collect(cells: impl IntoIterator<Item = (Cell, Sums)>) -> Self {
        let mut stats = Self::default();
        for (cell, sums) in cells {
            stats.add(&cell, sums);
        }
        stats
    }

    /// Adds what one more cell holds.
    pub fn add(&mut self, cell: &Cell, sums: Sums) {
        let seen = sums.moments();
        let Some(shape) = ShapeKey::named(&cell.shape) else {
            return;
        };
        let shape = self.shapes.entry(shape).or_default();
        let arm = CandidateKey::parse(&cell.arm).ok();
        match (cell.source, arm) {
            (Source::Rated, _) => shape.rated_sessions += seen.n,
            (Source::Parent, _) => {
                if let Some(parent) = ShapeKey::named(&cell.arm) {
                    *shape.parents.entry(parent).or_default() += seen.n;
                }
            }
            (Source::Session | Source::Auto | Source::Manual, None) => {}
            (Source::Session, Some(key)) => {
                merge(&mut shape.arms.entry(key).or_default().session, seen)
            }
            (Source::Auto, Some(key)) => merge(&mut shape.arms.entry(key).or_default().auto, seen),
            (Source::Manual, Some(key)) => {
                merge(&mut shape.arms.entry(key).or_default().manual, seen)
            }
        }
    }
}

fn merge(into: &mut Moments, seen: Moments) {
    into.n += seen.n;
    into.sum += seen.sum;
    into.sumsq += seen.sumsq;
}

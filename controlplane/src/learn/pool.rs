//! What all tenants together know of a candidate, without saying who knows it.

use std::collections::BTreeMap;

use floopy_shared::domain::{ids::CandidateKey, shape::ShapeKey};

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

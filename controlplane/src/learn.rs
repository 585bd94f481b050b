//! Learning: pure steps from what happened to who serves. No I/O, no async, no clock, no randomness.
//!
//! `credit` turns decisions, scores and ratings into sums per cell; `estimate` turns a shape's sums into a
//! posterior per candidate; `policy` turns posteriors into traffic; `rank` runs them for a tenant.

pub(crate) mod credit;
pub(crate) mod estimate;
pub(crate) mod normal;
pub(crate) mod policy;
pub(crate) mod rank;
pub(crate) mod stats;
pub(crate) mod sums;

#[cfg(test)]
mod simulation;

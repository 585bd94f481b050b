//! Learning: pure steps from what happened to who serves. No I/O, no async, no clock, no randomness.
//!
//! `credit` turns decisions, scores and ratings into sums per cell; `estimate` turns a shape's sums into a
//! posterior per candidate; `policy` turns posteriors into traffic; `rank` runs them for a tenant.

pub mod credit;
pub mod estimate;
pub mod normal;
pub mod policy;
pub mod rank;
pub mod stats;
pub mod sums;

#[cfg(test)]
mod simulation;

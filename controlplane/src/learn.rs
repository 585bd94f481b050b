//! Learning: pure steps from what happened to who serves. No I/O, no async, no clock, no randomness.
//!
//! `credit` turns decisions, scores and ratings into sums per cell, `stats` sorts them; `evidence` reads them
//! on one scale (`agreement`); `prior`, `residual` and `estimate` make a posterior per candidate of a shape, and
//! `split` says which shapes have one of their own; `policy` turns posteriors into traffic; `gates` (by `recent`)
//! hold back who has not shown enough; `rank` runs them for a tenant; `promotion` (by `bets`) takes who is to serve
//! there step by step, and back.

pub mod accord;
pub mod agreement;
pub mod alarm;
pub mod belief;
pub mod bets;
pub mod credit;
pub mod drift;
pub mod estimate;
pub mod evidence;
pub mod experiment;
pub mod gates;
pub mod monitor;
pub mod normal;
pub mod policy;
pub mod pool;
pub mod prior;
pub mod promotion;
pub mod rank;
pub mod recent;
pub mod recheck;
pub mod residual;
pub mod split;
pub mod stats;
pub mod sums;
pub mod versus;
pub mod versus_baseline;

#[cfg(test)]
mod simulation;

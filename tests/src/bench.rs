//! What the benchmarks share.

pub mod control;
pub mod load;
pub mod nginx;
pub mod report;
pub mod upstream;

//! What the benchmarks share.

pub mod control;
pub mod ingest;
pub mod load;
pub mod nginx;
pub mod report;
pub mod upstream;

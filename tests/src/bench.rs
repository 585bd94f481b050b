//! What the benchmarks share.

pub mod control;
pub mod firewall;
pub mod gateway;
pub mod ingest;
pub mod load;
pub mod machine;
pub mod nginx;
pub mod pairs;
pub mod proxy;
pub mod rank;
pub mod rated;
pub mod replayed;
pub mod report;
pub mod semantic;
pub mod streams;
pub mod upstream;
pub mod wire;
pub mod world;

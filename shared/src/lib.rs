//! The vocabulary of the planes (`domain`), its wire form (`wire`), how callers are shown it (`view`), the catalog of
//! models as a file (`catalog`), what addresses are for (`network`) and what every process needs (`process`).

pub mod catalog;
pub mod domain;
pub mod network;
pub mod process;
pub mod view;
pub mod wire;

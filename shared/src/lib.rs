//! The vocabulary of the planes (`domain`), its wire form (`wire`), the catalog of models as a file (`catalog`) and
//! what every process needs (`process`).

pub mod catalog;
pub mod domain;
pub mod process;
pub mod wire;

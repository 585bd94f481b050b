//! The vocabulary of the planes (`domain`), its wire form (`wire`) and what every process needs (`process`).

pub mod domain;
pub mod process;
pub mod wire;

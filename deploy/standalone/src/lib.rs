//! All planes in one process: the command `floopy`, its simulator and its demo.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod firewall;
pub mod import;
pub mod remote;
pub mod replay;
pub mod savings;
pub mod simulator;
pub mod system;

mod console;
pub mod data_dir;
mod reload;

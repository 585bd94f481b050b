//! Pure vocabulary and rules: no I/O, no async, no clock, no randomness.

pub mod affinity;
pub mod batch;
pub mod cache;
pub mod catalog;
pub mod confidence;
pub mod constraints;
pub mod decision;
pub mod draw;
pub mod event;
pub mod experiment;
pub mod explanation;
pub mod export;
pub mod features;
pub mod gates;
pub mod ids;
pub mod limits;
pub mod money;
pub mod plan;
pub mod prompt;
pub mod ranking;
pub mod route;
pub mod rule;
pub mod shape;
pub mod snapshot;
pub mod tenant;
pub mod weights;

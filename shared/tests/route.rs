//! The routing decision: who serves, who steps in, what the trace says, and that it replays.
#![expect(clippy::expect_used, reason = "a broken fixture is a failed test")]

#[path = "route/affinity.rs"]
mod affinity;
#[path = "route/any.rs"]
mod any;
#[path = "route/choose.rs"]
mod choose;
#[path = "route/constraints.rs"]
mod constraints;
#[path = "route/gates.rs"]
mod gates;
#[path = "route/recorded.rs"]
mod recorded;
#[path = "route/replay.rs"]
mod replay;
#[path = "route/rules.rs"]
mod rules;
#[path = "route/world.rs"]
mod world;

//! What must not be kept of a text is found wherever it stands, and nothing else is.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

#[path = "sensitive/any.rs"]
mod any;
#[path = "sensitive/examples.rs"]
mod examples;
#[path = "sensitive/properties.rs"]
mod properties;

//! What the proxy costs, beside nginx in the same run: latency added, calls a second on one core, a thousand
//! streams at once, memory. Prints the tables and writes them to `docs/benchmarks.md`.
//!
//! `bench-gateway quick` measures shortly and writes nothing.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::Duration;

use floopy_tests::bench::{
    gateway::{Lengths, Subjects, latency, memory, saturation, streams},
    machine,
    report::{Report, say},
};

const FILE: &str = "docs/benchmarks.md";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let quick = std::env::args().any(|arg| arg == "quick");
    let lengths = if quick {
        Lengths::quick()
    } else {
        Lengths::full()
    };
    let mut report = Report::default();
    report.text("# What the gateway costs");
    report.text(&format!(
        "Measured by `make bench-gateway` at commit {} on: {}. Everything in one run on this one machine, load \
         generator and upstream included, in interleaved rounds; a figure is the median of its rounds.",
        machine::commit(),
        machine::description(),
    ));
    let subjects = Subjects::start().await;
    let mut failed = latency(&mut report, &subjects, &lengths).await;
    failed += saturation(&mut report, &subjects, &lengths).await;
    memory(&mut report, &subjects);
    drop(subjects);
    failed += streams(&mut report, &lengths).await;
    assert_eq!(failed, 0, "calls failed: the figures are worth nothing");
    if !quick {
        let path = report.write(FILE).expect("written");
        say(&format!("written to {}", path.display()));
    }
    // What is left of the last round has a moment to end by itself.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

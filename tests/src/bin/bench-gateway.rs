//! What the proxy costs, beside nginx in the same run: latency added, calls a second on one core, a thousand
//! streams at once, memory. Prints the tables and writes them to `docs/benchmarks.md`.
//!
//! `bench-gateway --help` tells how to measure a part of it, or shortly.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{process::ExitCode, time::Duration};

use floopy_tests::bench::{
    gateway::{
        Lengths, Subjects, latency, memory,
        options::{Asked, Options, USAGE},
        saturation, streams,
    },
    machine,
    report::{Report, say},
};

const FILE: &str = "docs/benchmarks.md";

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)) {
        Ok(Asked::Run(options)) => {
            measure(options);
            ExitCode::SUCCESS
        }
        Ok(Asked::Help) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Err(unknown) => {
            say(&format!("bench-gateway: {unknown}\n\n{USAGE}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn measure(options: Options) {
    let lengths = if options.quick {
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
    let mut failed = 0;
    if options.latency() {
        let subjects = Subjects::start(machine::cores()).await;
        failed += latency(&mut report, &subjects, &lengths).await;
        memory(&mut report, &subjects);
    }
    if options.saturation() {
        // As many threads as there are cores to serve on, which is what the proxy itself would choose.
        let subjects = Subjects::start(1).await;
        failed += saturation(&mut report, &subjects, &lengths).await;
    }
    if options.streams() {
        failed += streams(&mut report, &lengths).await;
    }
    assert_eq!(failed, 0, "calls failed: the figures are worth nothing");
    if options.writes() {
        let path = report.write(FILE).expect("written");
        say(&format!("written to {}", path.display()));
    }
    // What is left of the last round has a moment to end by itself.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

//! `make soak`: mixed traffic for `SOAK_MINUTES` against the real processes; fails if anything leaked or was lost.

use std::{io::Write, process::ExitCode, time::Duration};

use floopy_tests::soak::{Plan, WORKERS, run};

/// Where `SOAK_MINUTES` is not set.
const MINUTES: f64 = 10.0;

/// Longer than what either side keeps an idle connection.
const IDLE: Duration = Duration::from_secs(90);

const NOISE_KIB: u64 = 6 << 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let minutes = match std::env::var("SOAK_MINUTES") {
        Ok(text) => match text.parse::<f64>() {
            Ok(minutes) if minutes > 0.0 && minutes < 100_000.0 => minutes,
            Ok(_) | Err(_) => {
                say(&format!(
                    "SOAK_MINUTES is {text:?}, it must be a number above 0"
                ));
                return ExitCode::FAILURE;
            }
        },
        Err(_) => MINUTES,
    };
    let duration = Duration::from_secs_f64(minutes * 60.0);
    say(&format!("{WORKERS} clients for {minutes} minutes …"));
    let report = run(Plan {
        duration,
        warm_up: duration / 3,
        idle: IDLE,
        noise_kib: NOISE_KIB,
        seed: 1,
    })
    .await;
    say(report.text().trim_end());
    if report.problems.is_empty() {
        say("nothing leaked, nothing was lost");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn say(text: &str) {
    // A closed pipe is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
}

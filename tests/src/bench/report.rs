//! Percentiles, and a table of them.

use std::{io::Write, time::Duration};

use super::load::Sample;

/// Two percentiles of one target at one rate.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    pub p50: Duration,
    pub p99: Duration,
    pub calls: usize,
    pub failed: usize,
}

impl Row {
    /// Sums a sample up.
    pub fn of(name: &'static str, mut sample: Sample) -> Self {
        sample.latencies.sort_unstable();
        Self {
            name,
            p50: percentile(&sample.latencies, 50),
            p99: percentile(&sample.latencies, 99),
            calls: sample.latencies.len() + sample.failed,
            failed: sample.failed,
        }
    }
}

/// Of values in ascending order.
pub fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Prints a rate's rows; the first one is the direct call, the others are shown as what they add to it.
pub fn print(per_second: u32, rows: &[Row]) {
    say(&format!(
        "\n{per_second} requests/s, open loop, latency from when each call was due"
    ));
    say(
        "            calls  failed    p50 µs    p99 µs   added p50   added p99   p50 ratio   p99 ratio",
    );
    let Some(direct) = rows.first() else { return };
    for row in rows {
        let (added50, added99) = (
            micros(row.p50) - micros(direct.p50),
            micros(row.p99) - micros(direct.p99),
        );
        say(&format!(
            "{:<9} {:>7} {:>7} {:>9.0} {:>9.0} {:>11.0} {:>11.0} {:>11.2} {:>11.2}",
            row.name,
            row.calls,
            row.failed,
            micros(row.p50),
            micros(row.p99),
            added50,
            added99,
            micros(row.p50) / micros(direct.p50),
            micros(row.p99) / micros(direct.p99),
        ));
    }
}

/// One line on standard output.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

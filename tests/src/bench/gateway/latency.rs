//! Latency that is added to a direct call, and processor time, at rates below saturation.

use std::time::Duration;

use super::{Lengths, Subject, Subjects};
use crate::bench::{
    load::{Plan, Sample, open_loop},
    machine::cpu_time,
    report::{Report, median, micros, percentile},
};

const RATES: [u32; 2] = [500, 2_000];
const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);
const PERCENTS: [usize; 3] = [50, 90, 99];

/// What the rounds of one subject gave.
#[derive(Debug, Default)]
struct Rounds {
    /// Latency in µs, for each percentile in each round.
    latencies: Vec<[f64; 3]>,
    calls: usize,
    failed: usize,
    cpu: Duration,
}

impl Rounds {
    fn add(&mut self, mut sample: Sample, cpu: Duration) {
        sample.latencies.sort_unstable();
        let at = |percent| micros(percentile(&sample.latencies, percent));
        self.latencies.push(PERCENTS.map(at));
        self.calls += sample.latencies.len();
        self.failed += sample.failed;
        self.cpu += cpu;
    }

    fn median(&self, percent: usize) -> f64 {
        median(self.latencies.iter().map(|l| l[percent]).collect())
    }

    /// Over the direct call of the same round.
    fn added(&self, direct: &Self, percent: usize) -> f64 {
        let pairs = self.latencies.iter().zip(&direct.latencies);
        median(
            pairs
                .map(|(own, base)| own[percent] - base[percent])
                .collect(),
        )
    }
}

/// Measures and reports; how many calls failed.
pub async fn latency(report: &mut Report, subjects: &Subjects, lengths: &Lengths) -> usize {
    report.text("## Added latency");
    report.text(
        "Open loop, latency from when each call was due. nginx is a plain reverse proxy with kept connections. \
         Floopy admits, reads the shape, decides and records every call: with a named model there is nothing to \
         choose, with `auto` there are 20 ranked candidates. Processor time is that of the proxying process.",
    );
    let mut failed = 0;
    for per_second in RATES {
        report.text(&format!("{per_second} requests/s:"));
        failed += at_rate(report, &subjects.all, lengths, per_second).await;
    }
    failed
}

async fn at_rate(
    report: &mut Report,
    subjects: &[Subject],
    lengths: &Lengths,
    per_second: u32,
) -> usize {
    let plan = Plan {
        per_second,
        duration: lengths.round,
        connections: CONNECTIONS,
    };
    let mut rounds: Vec<Rounds> = subjects.iter().map(|_| Rounds::default()).collect();
    for subject in subjects {
        let plan = Plan {
            duration: WARM_UP,
            ..plan
        };
        open_loop(&subject.target, plan).await;
    }
    // Interleaved, so that whatever else the machine does hits all of them.
    for _ in 0..lengths.rounds {
        for (subject, rounds) in subjects.iter().zip(&mut rounds) {
            let before = subject.pid.map(cpu_time).unwrap_or_default();
            let sample = open_loop(&subject.target, plan).await;
            let cpu = subject.pid.map(cpu_time).unwrap_or_default() - before;
            rounds.add(sample, cpu);
        }
    }
    report.table(
        &[
            "",
            "calls",
            "p50 µs",
            "p90 µs",
            "p99 µs",
            "added p50",
            "added p90",
            "added p99",
            "CPU µs a call",
        ],
        &subjects
            .iter()
            .zip(&rounds)
            .map(|(subject, own)| row(subject, own, &rounds[0]))
            .collect::<Vec<_>>(),
    );
    rounds.iter().map(|rounds| rounds.failed).sum()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn row(subject: &Subject, own: &Rounds, direct: &Rounds) -> Vec<String> {
    let mut cells = vec![subject.name.to_owned(), own.calls.to_string()];
    cells.extend((0..3).map(|percent| format!("{:.0}", own.median(percent))));
    match subject.pid {
        None => cells.extend([const { String::new() }; 4]),
        Some(_) => {
            cells.extend((0..3).map(|percent| format!("{:.0}", own.added(direct, percent))));
            cells.push(format!("{:.1}", micros(own.cpu) / own.calls.max(1) as f64));
        }
    }
    cells
}

//! Calls a second that one core brings at most: the proxy has a core of its own, load and upstream the rest.

use std::time::{Duration, Instant};

use super::{Lengths, Subject, Subjects};
use crate::bench::{
    load::{Sample, closed_loop},
    machine::{cores, cpu_time, pin},
    report::{Report, median, micros},
};

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);

/// What the rounds of one subject gave.
#[derive(Debug, Default)]
struct Rounds {
    per_second: Vec<f64>,
    /// Share of its core that the process used.
    busy: Vec<f64>,
    /// Calls for each second of processor time.
    per_core: Vec<f64>,
    failed: usize,
}

impl Rounds {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn add(&mut self, sample: &Sample, elapsed: Duration, cpu: Duration) {
        let calls = sample.latencies.len() as f64;
        self.per_second.push(calls / elapsed.as_secs_f64());
        self.busy.push(cpu.as_secs_f64() / elapsed.as_secs_f64());
        self.per_core.push(calls / cpu.as_secs_f64().max(1e-3));
        self.failed += sample.failed;
    }
}

/// Measures and reports; how many calls failed.
pub async fn saturation(report: &mut Report, subjects: &Subjects, lengths: &Lengths) -> usize {
    let cores = cores();
    if cores < 2 {
        report.text("Saturation needs a second core for the load: it was not measured.");
        return 0;
    }
    report.text("## Saturation of one core");
    report.text(&format!(
        "Closed loop, {CONNECTIONS} connections; the proxying process has one thread that serves and is kept on one core, load generator and \
         upstream on the others. Where they cannot saturate it, its core is less than fully busy, and calls for \
         each second of its processor time say what a full core would bring.",
    ));
    pin(std::process::id(), &format!("0-{}", cores - 2));
    let proxies: Vec<&Subject> = subjects.all.iter().filter(|s| s.pid.is_some()).collect();
    let mut rounds: Vec<Rounds> = proxies.iter().map(|_| Rounds::default()).collect();
    for subject in &proxies {
        subject
            .pid
            .into_iter()
            .for_each(|pid| pin(pid, &(cores - 1).to_string()));
        closed_loop(&subject.target, WARM_UP, CONNECTIONS).await;
    }
    for _ in 0..lengths.rounds {
        for (subject, rounds) in proxies.iter().zip(&mut rounds) {
            round(subject, rounds, lengths.round).await;
        }
    }
    let everywhere = format!("0-{}", cores - 1);
    let pids = proxies.iter().filter_map(|subject| subject.pid);
    pids.chain([std::process::id()])
        .for_each(|pid| pin(pid, &everywhere));
    show(report, &proxies, &rounds);
    rounds.iter().map(|rounds| rounds.failed).sum()
}

async fn round(subject: &Subject, rounds: &mut Rounds, duration: Duration) {
    let cpu = || subject.pid.map(cpu_time).unwrap_or_default();
    let (begun, before) = (Instant::now(), cpu());
    let sample = closed_loop(&subject.target, duration, CONNECTIONS).await;
    rounds.add(&sample, begun.elapsed(), cpu() - before);
}

fn show(report: &mut Report, proxies: &[&Subject], rounds: &[Rounds]) {
    let reference = rounds.first().map(|r| median(r.per_core.clone()));
    let row = |(subject, own): (&&Subject, &Rounds)| {
        let per_core = median(own.per_core.clone());
        let of_first = reference.map_or(0.0, |reference| per_core / reference);
        vec![
            subject.name.to_owned(),
            format!("{:.0}", median(own.per_second.clone())),
            format!("{:.0} %", 100.0 * median(own.busy.clone())),
            format!("{per_core:.0}"),
            format!("{:.1}", micros(Duration::from_secs(1)) / per_core),
            format!("{:.0} %", 100.0 * of_first),
        ]
    };
    report.table(
        &[
            "",
            "requests/s",
            "core busy",
            "requests per core-second",
            "CPU µs a call",
            "of the first",
        ],
        &proxies.iter().zip(rounds).map(row).collect::<Vec<_>>(),
    );
}

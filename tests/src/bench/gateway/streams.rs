//! A thousand streams at once: what is added to the time to the first event, and what a stream's length costs.

use std::time::Duration;

use tokio::time::sleep;

use super::{Lengths, MESSAGES, TENANTS};
use crate::bench::{
    load::{Sample, Target},
    machine::{cores, cpu_time, memory_kib, mib},
    nginx::Nginx,
    proxy::Proxy,
    report::{Report, micros, percentile},
    streams::{Crowd, run},
    upstream::{self, Pace},
};

const STREAMS: usize = 1_000;
const ARRIVAL: Duration = Duration::from_secs(4);

/// Six seconds, as long as a common reply takes.
const COMMON: Pace = Pace {
    events: 60,
    every: Duration::from_millis(100),
};

/// Longer than it is measured.
const ENDLESS: Pace = Pace {
    events: 100_000,
    every: Duration::from_millis(50),
};

/// Moments of a long stream at which memory is read.
const READINGS: u32 = 5;

/// Measures and reports; how many streams failed.
pub async fn streams(report: &mut Report, lengths: &Lengths) -> usize {
    report.text(&format!("## {STREAMS} streams at once"));
    first_event(report, lengths).await + long_streams(report, lengths).await
}

fn body() -> String {
    format!(r#"{{"model":"auto","stream":true,{MESSAGES}}}"#)
}

async fn first_event(report: &mut Report, lengths: &Lengths) -> usize {
    let upstream = upstream::start(COMMON);
    let nginx = Nginx::start(upstream).await;
    let proxy = Proxy::start(upstream, TENANTS, cores()).await;
    let mut targets = vec![("direct", upstream, None)];
    targets.extend(nginx.as_ref().map(|n| ("nginx", n.streaming, Some(n.id()))));
    targets.push(("Floopy, `auto`", proxy.addr, Some(proxy.id())));
    let crowd = Crowd {
        streams: STREAMS,
        arrival: ARRIVAL,
        duration: lengths.crowd,
    };
    report.text(&format!(
        "{STREAMS} users, each opening one stream after the other: {} events of about 230 bytes, one every {} ms. \
         Time from the request to its first event.",
        COMMON.events,
        COMMON.every.as_millis()
    ));
    let (mut rows, mut failed, mut base) = (Vec::new(), 0, None);
    for (name, addr, pid) in targets {
        let cpu = || pid.map(cpu_time).unwrap_or_default();
        let before = cpu();
        let mut sample = run(&Target::new(addr, &proxy.key, &body()), crowd).await;
        let busy = (cpu() - before).as_secs_f64() / (crowd.arrival + crowd.duration).as_secs_f64();
        failed += sample.failed;
        sample.latencies.sort_unstable();
        let base = *base.get_or_insert_with(|| percentiles(&sample));
        rows.push(row(name, &sample, base, pid.map(|_| busy)));
    }
    let columns = [
        "",
        "streams",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "added p50",
        "added p90",
        "added p99",
        "core busy",
    ];
    report.table(&columns, &rows);
    failed
}

fn percentiles(sample: &Sample) -> [f64; 3] {
    [50, 90, 99].map(|percent| micros(percentile(&sample.latencies, percent)) / 1e3)
}

fn row(name: &str, sample: &Sample, base: [f64; 3], busy: Option<f64>) -> Vec<String> {
    let own = percentiles(sample);
    let mut cells = vec![name.to_owned(), sample.latencies.len().to_string()];
    cells.extend(own.map(|ms| format!("{ms:.2}")));
    match busy {
        None => cells.extend([const { String::new() }; 4]),
        Some(busy) => {
            cells.extend((0..3).map(|at| format!("{:.2}", own[at] - base[at])));
            cells.push(format!("{:.0} %", 100.0 * busy));
        }
    }
    cells
}

async fn long_streams(report: &mut Report, lengths: &Lengths) -> usize {
    let upstream = upstream::start(ENDLESS);
    let proxy = Proxy::start(upstream, TENANTS, cores()).await;
    let (before, _) = memory_kib(proxy.id());
    let crowd = Crowd {
        streams: STREAMS,
        arrival: ARRIVAL,
        duration: lengths.long_stream,
    };
    let target = Target::new(proxy.addr, &proxy.key, &body());
    let watching = async {
        sleep(ARRIVAL).await;
        let mut readings = Vec::new();
        for reading in 1..=READINGS {
            sleep(lengths.long_stream / (READINGS + 1)).await;
            let after = lengths.long_stream * reading / (READINGS + 1);
            readings.push((after, memory_kib(proxy.id()).0));
        }
        readings
    };
    let (sample, readings) = tokio::join!(run(&target, crowd), watching);
    report.text(&format!(
        "The same number of streams that do not end, 20 events/s each. Resident memory before: {:.1} MiB; of each \
         reply that is judged, at most 16 KiB of text are kept.",
        mib(before)
    ));
    let rows: Vec<Vec<String>> = readings
        .into_iter()
        .map(|(after, kib)| {
            vec![
                format!("{:.0} s", after.as_secs_f64()),
                format!("{:.0}", after.as_secs_f64() / ENDLESS.every.as_secs_f64()),
                format!("{:.1}", mib(kib)),
            ]
        })
        .collect();
    report.table(&["after", "events of each stream", "resident MiB"], &rows);
    sample.failed
}

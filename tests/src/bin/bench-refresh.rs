//! Measures a refresh of many tenants step by step, on one core.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{hint::black_box, sync::Arc, time::Instant};

use floopy_controlplane::bench::{Bench, Size};
use floopy_proto::v1;
use floopy_shared::domain::ranking::Rankings;
use floopy_tests::bench::report::say;
use prost::Message;

const SIZE: Size = Size {
    tenants: 1_000,
    shapes: 10,
    candidates: 20,
    days: 7,
};
/// Repetitions, of which the one with the least CPU time counts: what else runs on the machine only ever adds.
const ROUNDS: usize = 7;
/// What one refresh of all tenants may take, in milliseconds.
const TARGET_MS: f64 = 300.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let bench = Bench::fill(dir.path(), SIZE).await.expect("filled");
    let cells = SIZE.tenants * SIZE.shapes * SIZE.candidates;
    say(&format!(
        "refresh of {} tenants × {} shapes × {} candidates, {} days in the store; least of {ROUNDS}; load {}",
        SIZE.tenants,
        SIZE.shapes,
        SIZE.candidates,
        SIZE.days,
        load()
    ));
    let before = resident();
    let started = Instant::now();
    bench.read().await.expect("read");
    step("read the store (once, at the start)", ms(started));
    let held = resident().saturating_sub(before);
    say(&format!(
        "  kept in memory: {} MiB, {} bytes per cell",
        held >> 20,
        held / cells
    ));
    let stats = fastest("sums to statistics", || bench.stats());
    let ranked = fastest("learn::rank", || bench.rank(&stats.1));
    let compared = fastest("compare with what is published", || {
        bench.material(&ranked.1, &bench.rank(&stats.1))
    });
    let published = fastest("build the tables", || bench.publish(&ranked.1));
    let total = stats.0 + ranked.0 + (compared.0 - ranked.0).max(0.0) + published.0;
    let encoded = fastest("encode for one proxy", || encode(&ranked.1));
    say(&format!("  {} KiB on the wire", encoded.1 >> 10));
    let verdict = if total < TARGET_MS { "met" } else { "MISSED" };
    say(&format!(
        "one refresh: {total:.0} ms of CPU, of {TARGET_MS:.0} ms: {verdict}; {} MiB resident at most",
        peak() >> 20
    ));
}

/// Runs a step again and again; the fastest time in milliseconds, and the last result.
fn fastest<T>(what: &str, run: impl Fn() -> T) -> (f64, T) {
    let (mut fastest, mut least) = (f64::INFINITY, f64::INFINITY);
    let mut result = None;
    for _ in 0..ROUNDS {
        let (started, cpu) = (Instant::now(), cpu_ms());
        result = Some(black_box(run()));
        fastest = fastest.min(ms(started));
        least = least.min(cpu_ms() - cpu);
    }
    say(&format!(
        "  {what:<40} {least:>8.1} ms of CPU, {fastest:>8.1} ms in all"
    ));
    (least, result.expect("at least one round"))
}

/// CPU time of this thread so far, in milliseconds; where Linux tells no more, the time of day.
fn cpu_ms() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told
        .split_whitespace()
        .next()
        .and_then(|n| n.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || {
            std::time::UNIX_EPOCH
                .elapsed()
                .map_or(0.0, |age| age.as_secs_f64() * 1e3)
        },
        |nanoseconds| nanoseconds / 1e6,
    )
}

/// How busy the machine is: its runnable threads over the last minute.
fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

/// Bytes of all rankings on the wire.
fn encode(rankings: &[Arc<Rankings>]) -> usize {
    let bytes = |rankings: &Arc<Rankings>| v1::Rankings::from(&**rankings).encode_to_vec().len();
    rankings.iter().map(bytes).sum()
}

fn step(what: &str, ms: f64) {
    say(&format!("  {what:<40} {ms:>8.1} ms"));
}

fn ms(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}

/// Bytes of this process in memory.
fn resident() -> usize {
    status("VmRSS:")
}

/// The most that ever were.
fn peak() -> usize {
    status("VmHWM:")
}

fn status(key: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) << 10
}

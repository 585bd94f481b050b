//! Measures how fast decisions get into the decision log: into the store alone, and through its outbox into ClickHouse's
//! engine, which runs beside.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::{Duration, Instant};

use floopy_shared::process::{clock::Clock, config::Secret};
use floopy_tests::{
    bench::{
        ingest::{Control, world::World},
        report::say,
    },
    clickhouse::ClickHouse,
};
use tikv_jemallocator::Jemalloc;

/// The one that `floopy` ships with: what is measured is what runs.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const TENANTS: usize = 100;
/// Sessions of four calls each; another number can be given as the first argument.
const SESSIONS: usize = 25_000;
const CALLS: usize = 4;
/// Decisions per second that are to be sustained.
const TARGET_STORE: f64 = 2_000.0;
const TARGET_CLICKHOUSE: f64 = 10_000.0;
const POLL: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() {
    let given = std::env::args().nth(1);
    let sessions = given.map_or(SESSIONS, |n| n.parse().expect("a number of sessions"));
    let mut world = World::new(TENANTS, sessions, Clock::system().now_ms());
    say(&format!(
        "decisions over gRPC in memory, {TENANTS} tenants, {sessions} sessions of {CALLS} calls, 20 candidates each"
    ));
    let dir = tempfile::tempdir().expect("a directory");
    let control = Control::start(dir.path(), world.tenants()).await;
    let run = control.append(world.decisions(0..sessions)).await;
    let per_second = run.per_second();
    told(&run.line("SQLite alone"), per_second, TARGET_STORE);
    control.stop().await;
    into_clickhouse(&mut world, sessions).await;
}

async fn into_clickhouse(world: &mut World, sessions: usize) {
    let decisions = u64::try_from(sessions * CALLS).expect("a number");
    let mut engine = ClickHouse::planned();
    let dir = tempfile::tempdir().expect("a directory");
    let url = Some(Secret::new(engine.url()));
    let control = Control::with_log(dir.path(), world.tenants(), url).await;
    let run = control.append(world.decisions(0..sessions)).await;
    let per_second = run.per_second();
    told(
        &run.line("SQLite, ClickHouse gone"),
        per_second,
        TARGET_STORE,
    );
    engine.start_again().await;
    taken(&control, 1).await;
    let (started, before) = (Instant::now(), took(&control));
    taken(&control, decisions).await;
    rate("outbox to ClickHouse", decisions - before, started);
    control.stop().await;

    let dir = tempfile::tempdir().expect("a directory");
    let engine = ClickHouse::start().await;
    let url = Some(Secret::new(engine.url()));
    let control = Control::with_log(dir.path(), world.tenants(), url).await;
    let started = Instant::now();
    let run = control.append(world.decisions(0..sessions)).await;
    let per_second = run.per_second();
    told(
        &run.line("SQLite, ClickHouse beside"),
        per_second,
        TARGET_STORE,
    );
    taken(&control, decisions).await;
    rate("proxy to ClickHouse", decisions, started);
    control.stop().await;
}

fn took(control: &Control) -> u64 {
    control.metric("floopy_control_decision_log_decisions_total")
}

async fn taken(control: &Control, decisions: u64) {
    let mut tick = tokio::time::interval(POLL);
    while took(control) < decisions {
        tick.tick().await;
    }
}

fn rate(what: &str, decisions: u64, started: Instant) {
    let count = f64::from(u32::try_from(decisions).unwrap_or(u32::MAX));
    let per_second = count / started.elapsed().as_secs_f64();
    let line = format!("{what:<24} {decisions:>6} events {per_second:>7.0} /s");
    told(&line, per_second, TARGET_CLICKHOUSE);
}

fn told(line: &str, per_second: f64, target: f64) {
    let ratio = per_second / target;
    let verdict = if ratio >= 1.0 { "met" } else { "MISSED" };
    say(&format!("{line}  {verdict} ({ratio:.2}×)"));
}

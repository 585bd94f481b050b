//! Measures how fast decisions are exported, over HTTP through the proxy, and in how much memory.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::Instant;

use floopy_tests::{
    Floopy, Settings, Shape, Upstream,
    bench::report::say,
    history::{HISTORIC_TENANT, fill, read_through},
};

/// Decisions; another number can be given as the first argument.
const ROWS: usize = 200_000;
/// How many one export may have at most.
const MOST: f64 = 5e6;

#[tokio::main]
async fn main() {
    let given = std::env::args().nth(1);
    let rows = given.map_or(ROWS, |n| n.parse().expect("a number of rows"));
    say(&format!(
        "exports through the proxy, 20 candidates per decision; {MOST:.0} rows are the most of one export"
    ));
    for rows in [rows / 20, rows] {
        measure(rows / 4 * 4).await;
    }
}

async fn measure(rows: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let begun = Instant::now();
    fill(dir.path(), Shape::Split, rows).await;
    let filled_s = begun.elapsed().as_secs_f64();
    let upstream = Upstream::start().await;
    let (tenant, key) = HISTORIC_TENANT;
    let settings = Settings::for_upstream(&upstream).another_tenant(tenant, key);
    let floopy = Floopy::over(Shape::Split, settings, dir).await;
    let read = read_through(&floopy, &floopy.api().with_key(key)).await;
    let (rows, took_s) = (read.rows as f64, read.took.as_secs_f64());
    say(&format!(
        "{rows:>9} rows {:>6.1} MB in {took_s:>5.1} s: {:>6.0} rows/s, {:>5.1} MB/s, {:>6.0} s for the most; all \
         processes at most {:>4.0} MiB; cut off and gone on with {} times; filled in {filled_s:.0} s",
        read.bytes as f64 / 1e6,
        rows / took_s,
        read.bytes as f64 / 1e6 / took_s,
        MOST * took_s / rows,
        read.peak_kib as f64 / 1_024.0,
        read.truncated,
    ));
}

//! Measures whether an answer's time tells another tenant's id from one that nobody has: pairs of both, one right after the
//! other in an order drawn anew, many times for every way in which something can be asked for.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::Instant;

use floopy_tests::{
    Api, Floopy, Shape, Upstream, batches,
    bench::{
        pairs::{Difference, difference},
        report::{Report, micros, say},
    },
    foreign::{Owned, ask, file_and_batch, one_of_each, rating},
};
use rand::Rng;

/// Pairs of each way; another number can be given as the first argument.
const PAIRS: usize = 400;
/// Of these not counted, while connections and caches get warm.
const WARM_UP: usize = 20;
/// Asking is what this does.
const EXPLAINS: &str = "tenant_explains_per_minute = 10000000\nkey_explains_per_minute = 10000000";

#[tokio::main]
async fn main() {
    let given = std::env::args().nth(1);
    let pairs = given.map_or(PAIRS, |n| n.parse().expect("a number of pairs"));
    let upstream = Upstream::start().await;
    let settings = batches::settings(&upstream).proxy("limits", EXPLAINS);
    let floopy = Floopy::with(Shape::Standalone, settings).await;
    let mut all = one_of_each(&floopy.api()).await;
    all.push(rating(&floopy.api()).await);
    for provider in batches::PROVIDERS {
        all.extend(file_and_batch(&floopy.api(), provider).await);
    }
    let ways: usize = all.iter().map(|owned| owned.ways.len()).sum();
    say(&format!(
        "foreign against unknown ids, {pairs} interleaved pairs of each of {ways} ways, at the proxy"
    ));
    let other = floopy.other_api();
    let mut rows = Vec::new();
    for owned in &all {
        rows.extend(measure(&other, owned, (pairs, ways)).await);
    }
    let columns = [
        "what",
        "way",
        "unknown µs",
        "difference µs",
        "95 % interval",
        "p",
        "differs",
    ];
    Report::default().table(&columns, &rows);
}

async fn measure(other: &Api, owned: &Owned, (pairs, ways): (usize, usize)) -> Vec<Vec<String>> {
    let unknown = owned.unknown();
    let mut rows = Vec::new();
    for way in &owned.ways {
        let timed = async |id: &str| {
            let begun = Instant::now();
            ask(other, way, id).await;
            micros(begun.elapsed())
        };
        let (mut differences, mut usual) = (Vec::new(), Vec::new());
        for pair in 0..pairs + WARM_UP {
            let (foreign, nobodys) = if rand::rng().random::<bool>() {
                let first = timed(&owned.id).await;
                (first, timed(&unknown).await)
            } else {
                let first = timed(&unknown).await;
                (timed(&owned.id).await, first)
            };
            if pair >= WARM_UP {
                differences.push(foreign - nobodys);
                usual.push(nobodys);
            }
        }
        let found = difference(&differences);
        rows.push(row(
            (owned.name, way.0.as_str(), way.1),
            usual,
            &found,
            ways,
        ));
    }
    rows
}

fn row(
    (name, method, path): (&str, &str, &str),
    usual: Vec<f64>,
    found: &Difference,
    ways: usize,
) -> Vec<String> {
    // So many ways are looked at that some differ by chance alone.
    let differs = found.p < 0.05 / ways as f64;
    vec![
        name.to_owned(),
        format!("{method} {path}"),
        format!("{:.0}", floopy_tests::bench::report::median(usual)),
        format!("{:+.1}", found.median),
        format!("{:+.1} to {:+.1}", found.interval.0, found.interval.1),
        format!("{:.4}", found.p),
        if differs { "YES" } else { "no" }.to_owned(),
    ]
}

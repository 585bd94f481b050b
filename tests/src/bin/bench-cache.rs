//! Measures what a stored reply costs: calls that are due a thousand times a second, answered by a plain upstream directly,
//! by it through the proxy, and from the proxy's cache, round after round in turn, and what the proxy itself says it took.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::time::Duration;

use floopy_tests::{
    Api,
    bench::{
        load::{Plan, Sample, Target, open_loop},
        proxy::Proxy,
        report::{Report, micros, percentile, say},
        upstream::{Pace, start},
    },
};

const BODY: &str = r#"{"model":"up/model-0","messages":[{"role":"user","content":"How is the weather in Lisbon today?"}],"temperature":0}"#;
const ON: (&str, &str) = ("floopy-cache-enabled", "true");

const PER_SECOND: u32 = 1_000;
const CONNECTIONS: usize = 16;
/// Rounds of each way, and how long one takes; with the argument `quick` one of a second.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(5);
/// Hits in a row whose own word is read.
const HITS: usize = 5_000;

/// Streams are no part of this.
const PACE: Pace = Pace {
    events: 1,
    every: Duration::from_millis(1),
};

#[tokio::main]
async fn main() {
    let is_quick = std::env::args().any(|argument| argument == "quick");
    let (rounds, duration) = if is_quick {
        (1, Duration::from_secs(1))
    } else {
        (ROUNDS, ROUND)
    };
    let upstream = start(PACE);
    let proxy = Proxy::start(upstream, 100, 1).await;
    let ways = [
        ("upstream", Target::new(upstream, &proxy.key, BODY)),
        (
            "proxy, not cached",
            Target::new(proxy.addr, &proxy.key, BODY),
        ),
        (
            "proxy, cached",
            Target::with_header(proxy.addr, &proxy.key, ON, BODY),
        ),
    ];
    let plan = Plan {
        per_second: PER_SECOND,
        duration,
        connections: CONNECTIONS,
    };
    say(&format!(
        "{PER_SECOND} calls/s over {CONNECTIONS} connections, {rounds} rounds of {duration:?} of each way in turn"
    ));
    let mut samples = vec![Sample::default(); ways.len()];
    // Not counted: connections and caches get warm.
    for (_, target) in &ways {
        let plan = Plan {
            duration: Duration::from_secs(1),
            ..plan
        };
        open_loop(target, plan).await;
    }
    for _ in 0..rounds {
        for ((_, target), sample) in ways.iter().zip(&mut samples) {
            sample.merge(open_loop(target, plan).await);
        }
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for ((name, _), sample) in ways.iter().zip(samples) {
        let took = sample.latencies.iter().copied().map(micros).collect();
        rows.push(row(&format!("{name}, from loopback"), took, sample.failed));
    }
    let (took, missed) = own_word(&Api::new(proxy.addr, &proxy.key)).await;
    rows.push(row("cached, in the proxy by its own word", took, missed));
    let columns = ["what", "calls", "p50 µs", "p99 µs", "not answered so"];
    Report::default().table(&columns, &rows);
}

/// What the proxy says that hits took, and how many of the calls were none.
async fn own_word(api: &Api) -> (Vec<f64>, usize) {
    let (mut took, mut missed) = (Vec::with_capacity(HITS), 0);
    for _ in 0..HITS {
        let call = api.post("/v1/chat/completions").bytes(BODY);
        let answer = call.header(ON.0, ON.1).send().await;
        if answer.header("floopy-cache-status") == "exact" {
            let us = answer.header("floopy-overhead-us");
            took.push(us.parse().expect("a number"));
        } else {
            missed += 1;
        }
    }
    (took, missed)
}

fn row(name: &str, mut took: Vec<f64>, failed: usize) -> Vec<String> {
    took.sort_by(f64::total_cmp);
    let at = |percent| format!("{:.0}", percentile(&took, percent));
    let calls = took.len().to_string();
    vec![name.to_owned(), calls, at(50), at(99), failed.to_string()]
}

//! How long finding a question takes among 100,000, and how well the cache tells the same from what looks like it:
//! `bench-semantic [--tune] [pairs.jsonl ...]`, each line with `a`, `b` and `equivalent` (0 or 1).

use std::{fs, hint::black_box, io, time::Instant};

use floopy_semantic::{
    embed::model,
    rows::Rows,
    verify::{Reading, verify},
};
use floopy_tests::bench::{
    report::{percentile, say},
    semantic::{Half, Pair, Quality, checked, judge, nearest, read},
};

const QUESTIONS: usize = 100_000;
const LOOKUPS: usize = 2_000;
/// As the proxy does it.
const CANDIDATES: usize = 8;
const LEAST: f32 = 0.6;
/// What a lookup may take at the 99th percentile.
const TARGET_US: f64 = 2_000.0;

fn main() -> io::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let tunes = files.first().is_some_and(|first| first == "--tune");
    if tunes {
        files.remove(0);
    }
    if !tunes {
        time();
    }
    let half = if tunes { Half::Tuning } else { Half::HeldOut };
    let mut all = Vec::new();
    for file in &files {
        let pairs = read(&fs::read_to_string(file)?)?;
        measure(file, &pairs, half);
        all.extend(pairs);
    }
    if files.len() > 1 {
        measure("all of them", &all, half);
    }
    Ok(())
}

fn question(n: usize) -> String {
    let asked = [
        "How do I order",
        "What is the price of",
        "Where can I find",
        "Who sells",
    ];
    format!(
        "{} part {} of series {}",
        asked[n % 4],
        n / 4 % 500,
        n / 2_000
    )
}

/// Each lookup is timed alone, so that the machine's other work shows in few of them.
fn time() {
    let mut rows = Rows::default();
    (0..QUESTIONS).for_each(|n| rows.push(&model().vector(&question(n))));
    let lookup = |n: usize| {
        let asked = format!("please, {}", question(n * 37 % QUESTIONS));
        let start = Instant::now();
        let near = rows.nearest(&model().vector(&asked), CANDIDATES, LEAST);
        let own = Reading::of(&asked);
        let same = near.iter().filter(|near| {
            let other = Reading::of(&question(near.at));
            own.as_ref()
                .zip(other)
                .is_some_and(|(a, b)| verify(a, &b).is_ok())
        });
        black_box(same.count());
        start.elapsed().as_nanos() as f64 / 1_000.0
    };
    let mut us: Vec<f64> = (0..LOOKUPS).map(lookup).collect();
    us.sort_by(f64::total_cmp);
    let (median, p99) = (percentile(&us, 50), percentile(&us, 99));
    let verdict = if p99 < TARGET_US { "met" } else { "MISSED" };
    say(&format!(
        "a question among {QUESTIONS}, with its vector and the check of the nearest: median {median:.0} µs, p99 {p99:.0} µs \
         of {LOOKUPS}; target {TARGET_US:.0} µs at p99: {verdict}"
    ));
}

fn measure(name: &str, pairs: &[Pair], half: Half) {
    let judged = judge(pairs, half, LEAST);
    let ours = checked(&judged);
    let plain = nearest(&judged, ours.right);
    say(&format!(
        "{name}: {} pairs, {} ask the same\n  checked         {}\n  nearness alone  {}",
        judged.len(),
        ours.same,
        line(ours),
        line(plain)
    ));
    if half == Half::Tuning {
        for wrong in judged
            .iter()
            .filter(|judged| judged.is_accepted && !judged.is_same)
        {
            say(&format!("  wrong: {} | {}", wrong.pair.a, wrong.pair.b));
        }
    }
}

fn line(quality: Quality) -> String {
    format!(
        "precision {:5.1} % ({} of {}; {} say much the same at least), recall {:5.1} %",
        100.0 * quality.precision(),
        quality.right,
        quality.accepted,
        quality.close,
        100.0 * quality.recall()
    )
}

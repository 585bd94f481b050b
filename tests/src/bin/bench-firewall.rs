//! How long the firewall's model takes, what memory it holds, and how well it tells attacks, how fast what is kept is
//! scrubbed, and how long replies are looked at: `bench-firewall [rows.jsonl ...]`, each line with `text` and `label` (1: an attack). ORT_DYLIB_PATH names ONNX
//! Runtime.

use std::{fs, hint::black_box, io, path::PathBuf, time::Instant};

use floopy_firewall::{
    model::{BUILT_IN, Model, ModelError},
    scan::{Limits, Message, Role, Scanner},
};
use floopy_shared::domain::{
    firewall::output::Output,
    leaks::{Prompt, Wanted, Watch},
    sensitive::scrub_json,
};
use floopy_tests::bench::{
    firewall::{Judged, phrases, quality, read},
    machine::memory_kib,
    report::{percentile, say},
};

const RUNS: usize = 2_000;
/// What 512 tokens of a language model are, in words.
const WORDS: usize = 384;
/// What a prompt of that length may take at the 99th percentile.
const TARGET_US: f64 = 1_000.0;
/// A common sentence, as models cut it: sixteen tokens of fifteen words.
const SENTENCE: &str = "The committee reviewed the proposal for the new library, and nobody raised any serious objections. ";

fn main() -> io::Result<()> {
    let mut scanner = open().map_err(io::Error::other)?;
    time(&mut scanner).map_err(io::Error::other)?;
    scrub();
    watch();
    for file in std::env::args().skip(1) {
        let rows = read(&fs::read_to_string(&file)?)?;
        measure(&file, &rows, &mut scanner).map_err(io::Error::other)?;
    }
    Ok(())
}

fn open() -> Result<Scanner, ModelError> {
    let local = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../.local/lib/libonnxruntime.so"
    );
    let library = std::env::var_os("ORT_DYLIB_PATH").map_or_else(|| local.into(), PathBuf::from);
    let (before, _) = memory_kib(std::process::id());
    let model = Model::load(&library, BUILT_IN)?;
    let mut scanner = Scanner::new(model, Limits::default());
    scanner.score(&[message(SENTENCE)])?;
    let (after, _) = memory_kib(std::process::id());
    let held = after.saturating_sub(before) / 1024;
    say(&format!("the model and ONNX Runtime hold {held} MiB"));
    Ok(scanner)
}

fn message(text: &str) -> Message<'_> {
    let role = Role::User;
    Message { role, text }
}

/// Each text is timed alone, so that the machine's other work shows in few of them.
fn time(scanner: &mut Scanner) -> Result<(), ModelError> {
    let words: Vec<&str> = SENTENCE
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    let texts = [32, 96, WORDS, 4 * WORDS, 16 * WORDS];
    for count in texts {
        let text: Vec<&str> = words.iter().copied().cycle().take(count).collect();
        let text = text.join(" ");
        let mut us = Vec::with_capacity(RUNS);
        for _ in 0..RUNS * WORDS / count.max(WORDS) {
            let start = Instant::now();
            black_box(scanner.score(&[message(&text)])?);
            us.push(start.elapsed().as_nanos() as f64 / 1_000.0);
        }
        us.sort_by(f64::total_cmp);
        let target = if count == WORDS {
            format!(", of {TARGET_US:.0} µs for 512 tokens")
        } else {
            String::new()
        };
        let (p50, p99) = (percentile(&us, 50), percentile(&us, 99));
        say(&format!(
            "{count} words: {:.0} µs at best, {p50:.0} µs at the median, {p99:.0} µs at the 99th percentile{target}",
            us.first().copied().unwrap_or_default()
        ));
    }
    let text = vec![SENTENCE; 26].join("");
    let calls = [message(&text)];
    let together = [&calls[..]; 16];
    let start = Instant::now();
    black_box(scanner.score_all(&together)?);
    let each = start.elapsed().as_micros() / 16;
    say(&format!("16 such prompts scored together: {each} µs each"));
    Ok(())
}

/// Conversations of a few kilobytes; parsing the same JSON is what it is compared with.
fn scrub() {
    let personal =
        "Write to jane.doe@example.com or call +351 912 345 678, card 4111 1111 1111 1111. ";
    let russian = "Комитет рассмотрел предложение о новой библиотеке, и никто не возразил. ";
    let texts = [
        ("English", SENTENCE.repeat(160)),
        (
            "English, some of it personal",
            format!("{}{personal}", SENTENCE.repeat(10)).repeat(14),
        ),
        ("Russian", russian.repeat(120)),
    ];
    for (what, text) in texts {
        let messages = serde_json::json!([{"role": "user", "content": text}]).to_string();
        let scrubbed = rate(&messages, |json| scrub_json(json).len());
        let parsed = rate(&messages, |json| {
            serde_json::from_str::<serde_json::Value>(json)
                .map_or(0, |value| value.to_string().len())
        });
        say(&format!(
            "scrubbing {what}: {scrubbed:.0} MiB/s, {:.2}× of parsing and writing it ({parsed:.0} MiB/s)",
            scrubbed / parsed
        ));
    }
}

/// A reply to a call with a system prompt, in pieces of a token and in one; and what a system prompt takes once for each call.
fn watch() {
    let russian = "Комитет рассмотрел предложение о новой библиотеке, и никто не возразил. ";
    let pieces = |text: &str| -> Vec<String> {
        let words = text.split_inclusive(' ');
        words.map(str::to_owned).collect()
    };
    let prompt =
        |words: usize| -> String { (0..words).map(|at| format!("rule{at} says ")).collect() };
    for (what, words) in [("300 words", 150), ("10,000 words", 5_000)] {
        let text = prompt(words);
        let us = each_us(|| usize::from(Prompt::new([text.as_str()], []).is_empty()));
        say(&format!(
            "reading a system prompt of {what} ({} bytes): {us:.1} µs",
            text.len()
        ));
    }
    let system = prompt(150);
    let wanted = Wanted::new(&Output::default(), || Prompt::new([system.as_str()], []));
    for (what, text) in [
        ("English", SENTENCE.repeat(40)),
        ("Russian", russian.repeat(40)),
    ] {
        let cut = pieces(&text);
        let us = |pieces: &[String]| {
            each_us(|| {
                let mut watch = Watch::new(&wanted);
                let found = pieces
                    .iter()
                    .filter(|piece| watch.push(piece).is_some())
                    .count();
                found + usize::from(watch.finish().is_some())
            })
        };
        let (apart, whole) = (us(&cut), us(std::slice::from_ref(&text)));
        say(&format!(
            "looking at a reply, {what}, {} bytes: {whole:.1} µs in one piece, {apart:.1} µs in {} pieces",
            text.len(),
            cut.len()
        ));
    }
}

/// Microseconds of one run.
fn each_us(work: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..RUNS {
        black_box(work());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(RUNS).unwrap_or(u32::MAX))
}

/// MiB per second.
fn rate(json: &str, work: impl Fn(&str) -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..RUNS {
        black_box(work(black_box(json)));
    }
    (RUNS * json.len()) as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64()
}

fn measure(name: &str, rows: &[Judged], scanner: &mut Scanner) -> Result<(), ModelError> {
    let threshold = f64::from(scanner.thresholds().one_percent);
    let mut ours = Vec::with_capacity(rows.len());
    for row in rows {
        let score = scanner.score(&[message(&row.text)])?.score;
        ours.push((f64::from(score), row.label == 1));
    }
    let easy: Vec<_> = rows
        .iter()
        .map(|row| (phrases(&row.text), row.label == 1))
        .collect();
    let attacks = rows.iter().filter(|row| row.label == 1).count();
    say(&format!(
        "\n{name}: {attacks} attacks, {} harmless",
        rows.len() - attacks
    ));
    for (who, scored, threshold) in [("model", &ours, threshold), ("known phrases", &easy, 1.0)] {
        let found = quality(scored, threshold);
        say(&format!(
            "  {who}: AUC {:.3}, recall {:.1} % at 1 % false positives; at its threshold {:.1} % and {:.1} %",
            found.auc,
            found.recall_at_one_percent * 100.0,
            found.recall * 100.0,
            found.false_positives * 100.0
        ));
    }
    Ok(())
}

//! How well the built-in judge agrees with people, and how many replies it scores: `bench-judge [--tuning]`. The folder of
//! rated replies is named by `FLOOPY_JUDGE_DATA`; without it a few made-up ones stand in.

use std::{collections::HashMap, fs, hint::black_box, io, path::Path, time::Instant};

use floopy_firewall::{
    library,
    model::{BUILT_IN, Model, ModelError},
    scan::{Limits, Message, Role, Scanner},
};
use floopy_judge_worker::judge;
use floopy_tests::bench::{
    rank::{advantage, estimate, kendall, spearman},
    rated::{Dimension, Rated, Scores, Set, exchange, made_up, read_folder},
    report::say,
};

/// Replies that one core is to score in a second.
const TARGET: f64 = 2_000.0;
/// Rows that are timed of a set, and how often; the fastest round counts.
const TIMED: usize = 1_000;
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let tuning = std::env::args().any(|arg| arg == "--tuning");
    let folder = std::env::var_os("FLOOPY_JUDGE_DATA");
    let sets = match &folder {
        Some(folder) => read_folder(Path::new(folder))?,
        None => made_up(),
    };
    let half = if tuning { "tuning" } else { "held-out" };
    say(&format!(
        "{}, {half} half, Spearman's ρ with its 95 % interval",
        judge::NAME
    ));
    let mut beaten = true;
    for (name, rows) in &sets {
        let set = Set::named(name);
        let kept: Vec<&Rated> = rows
            .iter()
            .filter(|row| row.is_held_out() != tuning)
            .collect();
        beaten &= measure(name, set, &kept);
    }
    let verdict = match (&folder, beaten) {
        (None, _) => {
            "was shown made-up replies, which say nothing: FLOOPY_JUDGE_DATA names a folder of rated ones"
        }
        (Some(_), true) => "beats every baseline on every set and dimension",
        (Some(_), false) => "DOES NOT BEAT every baseline on every set and dimension",
    };
    say(&format!("\nthe judge {verdict}\n"));
    for (name, rows) in &sets {
        time(name, Set::named(name), rows);
    }
    Ok(())
}

/// Whether no baseline agrees better with people.
fn measure(name: &str, set: Set, rows: &[&Rated]) -> bool {
    let scores: Vec<Scores> = rows.iter().map(|row| row.score(&row.prompt(set))).collect();
    let mut groups = HashMap::new();
    let groups: Vec<usize> = rows
        .iter()
        .map(|row| {
            let next = groups.len();
            *groups.entry(row.context.as_str()).or_insert(next)
        })
        .collect();
    let mut humans: Vec<&String> = rows.iter().flat_map(|row| row.scores.keys()).collect();
    humans.sort();
    humans.dedup();
    let mut beaten = true;
    for human in humans {
        let Some(dimension) = set.dimension(human) else {
            continue;
        };
        let known: Vec<usize> = (0..rows.len())
            .filter(|at| rows[*at].human(human).is_some())
            .collect();
        let people: Vec<f64> = known
            .iter()
            .filter_map(|at| rows[*at].human(human))
            .collect();
        let scores: Vec<Scores> = known.iter().map(|at| scores[*at]).collect();
        let groups: Vec<usize> = known.iter().map(|at| groups[*at]).collect();
        if dimension == Dimension::Safety {
            let replies = known.iter().map(|at| rows[*at].response.as_str());
            match attacks(replies) {
                Ok(attacks) => with_attacks((name, human), (&scores, &people), &attacks),
                Err(error) => say(&format!(
                    "{name} {human}: not by the firewall's model: {error}"
                )),
            }
        }
        beaten &= compare((name, human), dimension, (&scores, people), &groups);
    }
    beaten
}

/// How much the firewall's model takes each reply for an attack.
fn attacks<'a>(replies: impl Iterator<Item = &'a str>) -> Result<Vec<f64>, ModelError> {
    let model = Model::load(&library::find(None), BUILT_IN)?;
    let mut scanner = Scanner::new(model, Limits::default());
    let role = Role::Assistant;
    replies
        .map(|text| Ok(f64::from(scanner.score(&[Message { role, text }])?.score)))
        .collect()
}

/// What safety would be worth if replies lost by what the firewall's model says of them.
fn with_attacks(
    (name, human): (&str, &str),
    (scores, people): (&[Scores], &[f64]),
    attacks: &[f64],
) {
    let less = |share: f64| {
        let pairs = scores.iter().zip(attacks);
        let ours = pairs.map(|(score, attack)| score.of(Dimension::Safety) - share * attack);
        spearman(&ours.collect::<Vec<f64>>(), people)
    };
    let alone: Vec<f64> = attacks.iter().map(|attack| -attack).collect();
    say(&format!(
        "{name} {human} by the firewall's model: ρ {:.3} alone; of safety {:.3} as it is, {:.3} less a tenth of its \
         score, {:.3} less three tenths",
        spearman(&alone, people),
        less(0.0),
        less(0.1),
        less(0.3),
    ));
}

fn compare(
    (name, human): (&str, &str),
    dimension: Dimension,
    (scores, people): (&[Scores], Vec<f64>),
    groups: &[usize],
) -> bool {
    let ours: Vec<f64> = scores.iter().map(|score| score.of(dimension)).collect();
    let of = |measure: fn(&Scores) -> f64| scores.iter().map(measure).collect::<Vec<f64>>();
    let baselines = [
        ("length", of(|score| score.length)),
        ("overlap", of(|score| score.overlap)),
        ("coverage", of(|score| score.coverage)),
    ];
    let found = estimate(&ours, &people, groups);
    let others = baselines
        .each_ref()
        .map(|(name, other)| (*name, spearman(other, &people), other));
    let best = others
        .iter()
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
        .map(|(_, _, other)| advantage(&ours, other, &people, groups));
    let shown = others.map(|(name, rho, _)| format!("{name} {rho:+.3}"));
    let best = best.unwrap_or(found);
    say(&format!(
        "{name} {human} by {}: ρ {:.3} ({:.3} to {:.3}), τ {:.3} of {}; {}; ahead by {:+.3} ({:+.3} to {:+.3})",
        format!("{dimension:?}").to_lowercase(),
        found.value,
        found.low,
        found.high,
        kendall(&ours, &people),
        people.len(),
        shown.join(", "),
        best.value,
        best.low,
        best.high
    ));
    best.value > 0.0
}

/// By the time that this thread had a core, so that the machine's other work does not count.
fn time(name: &str, set: Set, rows: &[Rated]) {
    let texts: Vec<(String, &str)> = rows
        .iter()
        .cycle()
        .take(TIMED)
        .map(|row| (row.prompt(set), row.response.as_str()))
        .collect();
    let round = || {
        let start = on_core();
        for (prompt, reply) in &texts {
            black_box(judge::score(&exchange(prompt, reply)));
        }
        texts.len() as f64 / (on_core() - start).max(1e-9)
    };
    let fastest = (0..ROUNDS).map(|_| round()).fold(0.0, f64::max);
    let bytes: usize = texts
        .iter()
        .map(|(prompt, reply)| prompt.len() + reply.len())
        .sum();
    let verdict = if fastest >= TARGET { "met" } else { "MISSED" };
    say(&format!(
        "{name}: {fastest:.0} replies/s on one core, {} bytes each; target {TARGET:.0}: {verdict}",
        bytes / texts.len().max(1)
    ));
}

/// Seconds; those on the clock where the kernel does not tell.
fn on_core() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = told.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    ns.map_or_else(|| started().elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn started() -> Instant {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *STARTED.get_or_init(Instant::now)
}

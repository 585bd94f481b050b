//! The table at the end.

use std::fmt::Write;

use super::{
    board::{Board, Means, Window, benchmark_favourite},
    live,
};
use crate::simulator::{kind::Kind, ledger::Totals, world::MODELS};

/// Everything that was found.
pub(super) fn text(board: &Board, totals: &Totals, seconds: f64) -> String {
    let tenth = (board.expected() / 10).max(1);
    let fifth = live::window(board.expected());
    let mut text = String::new();
    let _infallible = (|| -> std::fmt::Result {
        writeln!(
            text,
            "\n{} sessions with {} requests in {seconds:.1} s; {} sessions rated; {} requests unanswered",
            board.played(),
            board.requests(),
            board.rated(),
            board.unanswered()
        )?;
        kinds(&mut text, board, fifth)?;
        for (name, window) in [
            ("first 10 %", board.first(tenth)),
            ("last 10 %", board.latest(tenth)),
        ] {
            let Some(window) = window else { continue };
            totals_table(&mut text, board, name, &window)?;
        }
        if let Some(window) = board.latest(fifth) {
            verdict(&mut text, &window)?;
        }
        spending(&mut text, board, totals)
    })();
    text
}

fn kinds(text: &mut String, board: &Board, fifth: usize) -> std::fmt::Result {
    writeln!(
        text,
        "\nWho serves each task in the last 20 % of sessions (quality: the hidden share of good replies)\n"
    )?;
    writeln!(
        text,
        "  {:<10} {:<17} {:>5} {:>8}    {:<17} {:>7}",
        "task", "Floopy serves", "share", "quality", "best model", "quality"
    )?;
    for kind in Kind::ALL {
        let served = board.served(kind, fifth);
        let all: usize = served.iter().sum();
        let Some((top, count)) = served.iter().enumerate().max_by_key(|(_, count)| **count) else {
            continue;
        };
        if all == 0 {
            continue;
        }
        let best = board.world().best(kind);
        writeln!(
            text,
            "  {:<10} {:<17} {:>3} % {:>8.2}    {:<17} {:>7.2}",
            kind.name(),
            MODELS[top].name,
            count * 100 / all,
            mean_quality(board, kind, &served),
            MODELS[best].name,
            board.world().quality(kind, &MODELS[best]),
        )?;
    }
    Ok(())
}

/// Of all that served, not only of the one that served most.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn mean_quality(board: &Board, kind: Kind, served: &[usize]) -> f64 {
    let all: usize = served.iter().sum();
    let sum: f64 = served
        .iter()
        .zip(&MODELS)
        .map(|(count, model)| *count as f64 * board.world().quality(kind, model))
        .sum();
    sum / all.max(1) as f64
}

fn totals_table(text: &mut String, board: &Board, name: &str, window: &Window) -> std::fmt::Result {
    writeln!(
        text,
        "\n  {:<34} {:>7} {:>8} {:>18}",
        format!("{name} of sessions"),
        "rating",
        "quality",
        "$ per 1k requests"
    )?;
    let single = format!("best single, {}", MODELS[board.best_single()].name);
    let benchmark = format!("benchmarks' best, {}", MODELS[benchmark_favourite()].name);
    let mut row = |name: &str, means: &Means| {
        writeln!(
            text,
            "  {name:<34} {:>7.2} {:>8.3} {:>18.3}",
            means.rating, means.quality, means.usd_per_1k
        )
    };
    row("Floopy", &window.floopy)?;
    row(&benchmark, &window.benchmark)?;
    row(&single, &window.best_single)?;
    row("oracle", &window.oracle)
}

/// In words, also where Floopy is the worse one.
fn verdict(text: &mut String, window: &Window) -> std::fmt::Result {
    let against = |reference: &Means| {
        let rating = window.floopy.rating - reference.rating;
        let cost = 100.0 * (window.floopy.usd_per_1k / reference.usd_per_1k.max(1e-9) - 1.0);
        let (better, dearer) = (
            if rating >= 0.0 { "better" } else { "worse" },
            if cost >= 0.0 { "dearer" } else { "cheaper" },
        );
        format!(
            "{:.2} points {better} and {:.0} % {dearer}",
            rating.abs(),
            cost.abs()
        )
    };
    writeln!(text, "\nIn the last 20 % of sessions Floopy is")?;
    writeln!(
        text,
        "  {} than the best single model in hindsight,",
        against(&window.best_single)
    )?;
    writeln!(
        text,
        "  {} than the model that benchmarks favour.",
        against(&window.benchmark)
    )?;
    writeln!(
        text,
        "  Gap to the oracle closed: {:.0} % of that from the best single model ({:.0} % in hidden quality), {:.0} % of that from the benchmarks' choice ({:.0} %).",
        100.0 * window.gap_closed(&window.best_single),
        100.0 * window.quality_gap_closed(&window.best_single),
        100.0 * window.gap_closed(&window.benchmark),
        100.0 * window.quality_gap_closed(&window.benchmark),
    )
}

fn spending(text: &mut String, board: &Board, totals: &Totals) -> std::fmt::Result {
    let served = board.served_cost_micro_usd();
    let unseen = (totals.cost_micro_usd - served).max(0.0);
    writeln!(
        text,
        "  Spent ${:.3} on served replies and ${:.3} ({:.0} % on top) on replies that nobody saw: shadow calls, and retries.",
        served / 1e6,
        unseen / 1e6,
        100.0 * unseen / served.max(1.0),
    )?;
    writeln!(
        text,
        "  The simulated models were called {} times and failed {} times.",
        totals.calls, totals.failed
    )
}

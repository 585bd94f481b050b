//! Progress while it runs: drawn in place on a terminal, a line now and then elsewhere.

use std::time::Duration;

use super::board::{Board, Means, Window};
use crate::{console::Console, simulator::world::MODELS};

/// Lines written where nothing can be redrawn.
const PLAIN_LINES: usize = 10;

/// Share of all sessions that "now" means.
const WINDOW: f64 = 0.2;

/// What was drawn last.
#[derive(Debug, Default)]
pub(super) struct Live {
    plain_lines: usize,
}

impl Live {
    /// Draws the state of things.
    pub(super) fn draw(&mut self, board: &Board, elapsed: Duration, console: &mut Console) {
        let Some(window) = board.latest(window(board.expected())) else {
            return;
        };
        if console.redraws() {
            console.block(&block(board, &window, elapsed));
            return;
        }
        let reached = board.played() * PLAIN_LINES / board.expected();
        if reached > self.plain_lines {
            self.plain_lines = reached;
            console.say(&line(board, &window));
        }
    }

    /// Draws the last state, and leaves it standing.
    pub(super) fn finish(&mut self, board: &Board, elapsed: Duration, console: &mut Console) {
        self.draw(board, elapsed, console);
        console.end_block();
    }
}

/// Sessions of a window.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a small count"
)]
pub(super) fn window(expected: usize) -> usize {
    ((expected as f64 * WINDOW) as usize).max(1)
}

fn line(board: &Board, window: &Window) -> String {
    format!(
        "{:>5} sessions  last {}: rating {:.2} (best single {:.2}, oracle {:.2}), gap closed {:.0} %, $ per 1k {:.2} (best single {:.2}, oracle {:.2})",
        board.played(),
        window.sessions,
        window.floopy.rating,
        window.best_single.rating,
        window.oracle.rating,
        100.0 * window.gap_closed(&window.best_single),
        window.floopy.usd_per_1k,
        window.best_single.usd_per_1k,
        window.oracle.usd_per_1k,
    )
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests")]
fn block(board: &Board, window: &Window, elapsed: Duration) -> Vec<String> {
    let per_second = board.requests() as f64 / elapsed.as_secs_f64().max(0.001);
    let row = |name: &str, means: &Means, note: &str| {
        format!(
            "  {name:<12} {:>6.2} {:>12.3}   {note}",
            means.rating, means.usd_per_1k
        )
    };
    let single = MODELS[board.best_single()].name;
    vec![
        format!(
            "{} of {} sessions, {} rated, {} requests, {per_second:.0} per second",
            board.played(),
            board.expected(),
            board.rated(),
            board.requests()
        ),
        format!(
            "  {:<12} {:>6} {:>12}   over the last {} sessions",
            "", "rating", "$ per 1,000", window.sessions
        ),
        row("Floopy", &window.floopy, ""),
        row(
            "best single",
            &window.best_single,
            &format!("{single}, known only in hindsight"),
        ),
        row(
            "oracle",
            &window.oracle,
            "the best model for each task, known without trying",
        ),
        format!(
            "  gap closed   {:>5.0} %   from the best single model to the oracle",
            100.0 * window.gap_closed(&window.best_single)
        ),
    ]
}

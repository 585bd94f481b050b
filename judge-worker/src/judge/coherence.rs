//! Does it hang together: whole, well formed, not repeating itself?

use std::collections::HashSet;

use super::text::Text;
use crate::rubric::Exchange;

/// A plain reply with nothing wrong.
const PLAIN: f64 = 0.85;

pub(super) fn score(exchange: &Exchange<'_>, reply: &Text<'_>) -> f64 {
    let mut value = PLAIN;
    if is_structured(reply) {
        value += 0.10;
    }
    if exchange.truncated {
        value -= 0.35;
    } else if !ends_well(exchange.reply) {
        value -= 0.25;
    }
    if reply.fences() % 2 == 1 {
        value -= 0.15;
    }
    if reply.words.len() < 4 {
        value -= 0.20;
    }
    value -= 0.6 * repetition(&reply.words);
    value -= garbage(reply);
    value.clamp(0.0, 1.0)
}

/// Paragraphs, a list, or code.
fn is_structured(reply: &Text<'_>) -> bool {
    reply.list_items() >= 2 || reply.fences() >= 2 || reply.raw.trim().contains("\n\n")
}

/// Whether the last line ends like the end of something. Code, lists and tables need no full stop.
fn ends_well(reply: &str) -> bool {
    let last = reply
        .trim_end()
        .lines()
        .next_back()
        .unwrap_or_default()
        .trim();
    let item = Text::read(last).list_items() > 0;
    let ended = last
        .chars()
        .next_back()
        .is_some_and(|c| !c.is_alphanumeric() && !matches!(c, ',' | '-' | '(' | ':'));
    let brief = last.split_whitespace().nth(4).is_none();
    ended || item || brief
}

/// Share of three-word runs that were there before, beyond the fifth that any long text has.
#[expect(clippy::cast_precision_loss, reason = "counts of words in 64 KiB")]
fn repetition(words: &[String]) -> f64 {
    if words.len() < 12 {
        return 0.0;
    }
    let runs = words.len() - 2;
    let distinct = words.windows(3).collect::<HashSet<_>>().len();
    let repeated = 1.0 - distinct as f64 / runs as f64;
    ((repeated - 0.2) / 0.8).max(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of characters in 64 KiB")]
fn garbage(reply: &Text<'_>) -> f64 {
    let share = reply.garbage as f64 / (reply.garbage + reply.visible).max(1) as f64;
    (share * 4.0).min(0.8)
}

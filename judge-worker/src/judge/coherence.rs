//! Does it hang together: whole, well formed, not repeating itself?

use std::collections::HashSet;

use super::{
    measures::Measures,
    text::{Text, count},
};
use crate::rubric::Exchange;

/// A plain reply with nothing wrong.
const PLAIN: f64 = 0.85;

/// What pairs of words that do not go together take off, by their share of all words.
const ODD: f64 = 2.0;
const MOST_ODD: f64 = 0.15;
/// What a sentence takes off that says what another one said, by how far it is the same beyond three quarters.
const TWICE: f64 = 0.4;
const TWICE_FROM: f64 = 0.75;

pub(super) fn score(exchange: &Exchange<'_>, reply: &Text<'_>, measures: &Measures) -> f64 {
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
    value -= (ODD * measures.odd).min(MOST_ODD);
    value -= TWICE * (measures.alike - TWICE_FROM).max(0.0);
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
fn repetition(words: &[String]) -> f64 {
    if words.len() < 12 {
        return 0.0;
    }
    let runs = words.len() - 2;
    let distinct = words.windows(3).collect::<HashSet<_>>().len();
    let repeated = 1.0 - count(distinct) / count(runs);
    ((repeated - 0.2) / 0.8).max(0.0)
}

fn garbage(reply: &Text<'_>) -> f64 {
    let share = count(reply.garbage) / count((reply.garbage + reply.visible).max(1));
    (share * 4.0).min(0.8)
}

//! Does it do what was asked, as thoroughly as the question deserves?

use super::{
    language,
    measures::Measures,
    text::{Text, count},
};
use crate::rubric::Exchange;

/// What a refusal gets; it is at least an answer.
const REFUSAL: f64 = 0.08;

/// What is left of a reply in another language than the question, where no other was asked for.
const OTHER_LANGUAGE: f64 = 0.6;

pub(super) fn score(
    exchange: &Exchange<'_>,
    (prompt, reply): (&Text<'_>, &Text<'_>),
    measures: &Measures,
    refusal: bool,
) -> f64 {
    if refusal {
        return REFUSAL;
    }
    let mut value = 0.25 + 0.55 * thoroughness(prompt, reply);
    value += asked_for(prompt, reply);
    value -= 0.6 * measures.hedging;
    if exchange.truncated {
        value -= 0.10;
    }
    // Length helps only a reply that is on the topic.
    let on_topic = measures.overlap.unwrap_or(1.0);
    if language::differs(prompt, reply) {
        value *= OTHER_LANGUAGE;
    }
    (value * (0.35 + 0.65 * on_topic)).clamp(0.0, 1.0)
}

/// Words given for words expected; the first ones count most.
fn thoroughness(prompt: &Text<'_>, reply: &Text<'_>) -> f64 {
    let questions = prompt.raw.matches('?').count().min(5);
    let expected = 15.0 + 0.8 * count(prompt.words.len().min(60)) + 8.0 * count(questions);
    (count(reply.words.len()) / expected).min(1.0).sqrt()
}

/// Credit for the form that the prompt asks for, debit where it is missing.
fn asked_for(prompt: &Text<'_>, reply: &Text<'_>) -> f64 {
    const CODE: &[&str] = &[
        "code",
        "python",
        "function",
        "javascript",
        "rust",
        "sql",
        "script",
        "regex",
        "bug",
    ];
    const LIST: &[&str] = &[
        "list", "steps", "points", "bullet", "compare", "options", "ideas",
    ];
    let asks = |words: &[&str]| {
        prompt
            .words
            .iter()
            .any(|word| words.contains(&word.as_str()))
    };
    let mut credit = 0.0;
    if asks(CODE) {
        credit += if reply.fences() >= 2 { 0.15 } else { -0.10 };
    }
    if asks(LIST) {
        credit += if reply.list_items() >= 2 { 0.10 } else { -0.05 };
    }
    if credit == 0.0 && (reply.list_items() >= 2 || reply.fences() >= 2) {
        credit = 0.05;
    }
    credit
}

//! Whether two answers say the same, roughly: enough to see how often a stored one would have been wrong.

use std::collections::BTreeSet;

use crate::{
    embed::model,
    lexicon::{Language, Role},
    stem::singular,
    text::{Kind, Token, tokens},
};

/// Share of the shorter answer's words that the longer one must have.
const SHARED_WORDS: f32 = 0.5;
/// How near they must be where fewer are shared.
const NEAR: f32 = 0.75;
/// Words by which an answer begins that say it all.
const VERDICTS: [&str; 9] = [
    "yes", "no", "not", "true", "false", "sim", "não", "sí", "falso",
];

/// Whether one may stand for the other. It errs towards `false`: a short answer must be in the longer one, with its
/// numbers, its verdict and its negations.
pub fn agree(one: &str, other: &str) -> bool {
    if one.trim() == other.trim() {
        return true;
    }
    let (one, other) = (Answer::of(one), Answer::of(other));
    let (short, long) = if one.words.len() <= other.words.len() {
        (&one, &other)
    } else {
        (&other, &one)
    };
    if one.verdict != other.verdict && one.verdict.is_some() && other.verdict.is_some() {
        return false;
    }
    if !short.numbers.is_subset(&long.numbers) || one.is_negated != other.is_negated {
        return false;
    }
    if short.words.is_empty() {
        return !short.numbers.is_empty();
    }
    let shared = short.words.intersection(&long.words).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of words")]
    let share = shared as f32 / short.words.len() as f32;
    share >= SHARED_WORDS || one.vector.similarity(&other.vector) >= NEAR
}

struct Answer {
    words: BTreeSet<String>,
    numbers: BTreeSet<String>,
    verdict: Option<String>,
    is_negated: bool,
    vector: crate::embed::Vector,
}

impl Answer {
    fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let words = tokens.iter().filter(|token| token.kind == Kind::Word);
        let language = Language::of(words.clone().map(|token| token.text.as_str()));
        let language = language.unwrap_or(Language::English);
        let lexicon = language.lexicon();
        let named = words
            .clone()
            .filter(|token| !lexicon.is_function(&token.text));
        let numbers = tokens.iter().filter_map(|token| match token.kind {
            Kind::Number => Some(token.text.clone()),
            Kind::Word => lexicon
                .number(&token.text)
                .filter(|n| *n > 1)
                .map(|n| n.to_string()),
            Kind::Symbol | Kind::Stop | Kind::End => None,
        });
        let verdict = |token: &&Token| VERDICTS.contains(&token.text.as_str());
        Self {
            words: named
                .map(|token| singular(&token.text, language, lexicon))
                .collect(),
            numbers: numbers.collect(),
            verdict: words
                .clone()
                .take(1)
                .find(verdict)
                .map(|token| token.text.clone()),
            is_negated: words
                .clone()
                .any(|token| lexicon.has(&token.text, Role::Negation)),
            vector: model().vector(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_say_the_same_agree() {
        for (one, other) in [
            ("Paris", "Paris"),
            ("Paris.", "The capital of France is Paris."),
            ("It is 42.", "The answer is 42"),
            (
                "Yes, cats sleep a lot.",
                "Yes. Cats sleep for most of the day.",
            ),
        ] {
            assert!(agree(one, other) && agree(other, one), "{one} / {other}");
        }
    }

    #[test]
    fn answers_that_say_something_else_do_not() {
        for (one, other) in [
            ("Paris", "Berlin"),
            ("It is 42.", "It is 43."),
            ("Yes, dogs may eat eggs.", "No, dogs may eat eggs."),
            ("Dogs may eat eggs.", "Dogs may never eat eggs."),
            ("Paris", ""),
        ] {
            assert!(!agree(one, other) && !agree(other, one), "{one} / {other}");
        }
    }
}

//! Ways of not answering.

use std::sync::LazyLock;

use super::{
    finder::Finder,
    text::{count, prefix},
};

/// A refusal says so at once; later in a long reply the same words are usually part of an answer.
const REFUSAL_BYTES: usize = 240;

const REFUSALS: &[&str] = &[
    "i can't help",
    "i cannot help",
    "i can't assist",
    "i cannot assist",
    "i can't provide",
    "i cannot provide",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i won't be able",
    "as an ai",
    "i must decline",
    "i can't comply",
    "i cannot comply",
    "no puedo ayudar",
    "não posso ajudar",
    "je ne peux pas",
    "das kann ich nicht",
];

const HEDGES: &[&str] = &[
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "not entirely sure",
    "hard to say",
    "it depends",
    "difficult to say",
    "no idea",
    "cannot say",
    "can't say",
    "i'm not certain",
    "unclear",
    "might be",
    "could be",
    "no lo sé",
    "não sei",
    "je ne sais pas",
    "ich weiß nicht",
];

#[rustfmt::skip]
const UNSURE: &[&str] = &[
    "i don't know", "i do n't know", "i do not know", "i'm not sure", "i 'm not sure", "i am not sure", "not sure what",
    "i have no idea", "never heard", "no lo sé", "não sei", "je ne sais pas", "ich weiß nicht",
];

static REFUSING: LazyLock<Finder> = LazyLock::new(|| Finder::of(REFUSALS));
static HEDGING: LazyLock<Finder> = LazyLock::new(|| Finder::of(HEDGES));
static NOT_KNOWING: LazyLock<Finder> = LazyLock::new(|| Finder::of(UNSURE));

/// Whether a reply declines to answer.
pub(super) fn is_refusal(plain: &str) -> bool {
    REFUSING.is_in(prefix(plain, REFUSAL_BYTES))
}

/// How much of a reply is hedging: 1 for a short one that only hedges, 0 for none.
pub(super) fn hedging(plain: &str, words: usize) -> f64 {
    // About twelve words of context belong to each hedge.
    (count(HEDGING.count(plain)) * 12.0 / count(words.max(1))).min(1.0)
}

/// Ways in which it says not to know.
pub(super) fn unsure(plain: &str) -> f64 {
    count(NOT_KNOWING.count(prefix(plain, 4 * REFUSAL_BYTES)))
}

/// Lower case with straight apostrophes, which phrases are looked for in.
pub(super) fn plain(text: &str) -> String {
    text.to_lowercase().replace('\u{2019}', "'")
}

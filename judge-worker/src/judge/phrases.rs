//! Ways of not answering.

use super::text::{Text, prefix};

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

/// Whether the reply declines to answer.
pub(super) fn is_refusal(reply: &Text<'_>) -> bool {
    let start = plain(prefix(reply.raw, REFUSAL_BYTES));
    REFUSALS.iter().any(|phrase| start.contains(phrase))
}

/// How much of the reply is hedging: 1 for a short reply that only hedges, 0 for none.
#[expect(clippy::cast_precision_loss, reason = "counts of words in 64 KiB")]
pub(super) fn hedging(reply: &Text<'_>) -> f64 {
    let text = plain(reply.raw);
    let found = HEDGES
        .iter()
        .filter(|phrase| text.contains(*phrase))
        .count();
    // About twelve words of context belong to each hedge.
    (found as f64 * 12.0 / (reply.words.len().max(1) as f64)).min(1.0)
}

/// Lower case with straight apostrophes.
fn plain(text: &str) -> String {
    text.to_lowercase().replace('\u{2019}', "'")
}

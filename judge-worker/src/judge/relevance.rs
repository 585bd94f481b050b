//! Is it about what was asked? Weighted overlap of the prompt's content words with the reply.

use super::text::Text;

/// Prompt words that a reply on the topic repeats, whatever the prompt's length.
const EXPECTED_WORDS: f64 = 6.0;

/// What a reply to a prompt without content words gets: "hi" can be answered by anything.
const NEUTRAL: f64 = 0.6;

/// The most that a refusal gets: naming the topic is not treating it.
const REFUSAL_CAP: f64 = 0.3;

pub(super) fn score(prompt: &Text<'_>, reply: &Text<'_>, refusal: bool) -> f64 {
    let value = overlap(prompt, reply).map_or(NEUTRAL, |share| 0.1 + 0.9 * share);
    if refusal {
        value.min(REFUSAL_CAP)
    } else {
        value
    }
}

/// Share of what could be expected to come up again that did; `None` where the prompt has no content words.
#[expect(clippy::cast_precision_loss, reason = "counts of words in 64 KiB")]
pub(super) fn overlap(prompt: &Text<'_>, reply: &Text<'_>) -> Option<f64> {
    let content = prompt.content();
    if content.is_empty() {
        return None;
    }
    let stems = reply.stems();
    let total: f64 = content.iter().map(|word| weight(word)).sum();
    let found: f64 = content
        .iter()
        .filter(|word| stems.contains(**word))
        .map(|word| weight(word))
        .sum();
    let expected = (total * EXPECTED_WORDS / content.len() as f64).min(total * 0.6);
    Some((found / expected.max(f64::EPSILON)).clamp(0.0, 1.0))
}

/// Longer words are rarer, so they say more.
#[expect(clippy::cast_precision_loss, reason = "at most 12")]
fn weight(word: &str) -> f64 {
    0.4 + 0.1 * word.chars().take(12).count() as f64
}

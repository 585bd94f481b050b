//! Is it about what was asked? Weighted overlap of the prompt's content words with the reply, or nearness.

use super::{measures::Measures, text::count, vocabulary::Pair};

/// Prompt words that a reply on the topic repeats, whatever the prompt's length.
const EXPECTED_WORDS: f64 = 6.0;

/// What a reply to a prompt without content words gets: "hi" can be answered by anything.
const NEUTRAL: f64 = 0.6;

/// The most that a refusal gets: naming the topic is not treating it.
const REFUSAL_CAP: f64 = 0.3;

/// The most that nearness alone brings: other words for the same can be told apart from the same only so far.
const NEAR_CAP: f64 = 0.8;

/// Of what was counted.
pub(super) fn score(measures: &Measures, refusal: bool) -> f64 {
    let near = NEAR_CAP * measures.nearness.clamp(0.0, 1.0);
    let share = measures.overlap;
    let value = share.map_or(NEUTRAL, |share| 0.1 + 0.9 * share.max(near));
    if refusal {
        value.min(REFUSAL_CAP)
    } else {
        value
    }
}

/// Share of what could be expected to come up again that did; `None` where the prompt has no content words.
pub(super) fn overlap(pair: &Pair<'_>) -> Option<f64> {
    let content = &pair.prompt.content;
    if content.is_empty() {
        return None;
    }
    let weight = |id: &u32| weight(pair.stem(*id));
    let total: f64 = content.iter().map(weight).sum();
    let said = content.iter().filter(|id| pair.reply.says(**id));
    let found: f64 = said.map(weight).sum();
    let expected = (total * EXPECTED_WORDS / count(content.len())).min(total * 0.6);
    Some((found / expected.max(f64::EPSILON)).clamp(0.0, 1.0))
}

/// Longer words are rarer, so they say more.
fn weight(word: &str) -> f64 {
    0.4 + 0.1 * count(word.chars().take(12).count())
}

//! Who serves a conversation goes on serving it: always where nobody else could, and else where a change is
//! not worth what it costs.
//!
//! Three ties, from the strictest. Within a tool-call loop nobody changes: the next step is the same
//! thought. What only one provider can read (signed thinking, encrypted reasoning) keeps the conversation
//! with that provider. And a warm prompt cache is weighed: leaving it costs once what the newcomer pays for
//! reading the history without a cache.

use super::{
    Question,
    entry::{Entry, position},
    expected_usage,
};
use crate::domain::{
    affinity::{Affinity, Release},
    decision::Filter,
    features::Features,
    ids::CandidateKey,
    ranking::Objective,
};

/// Shorter prefixes are not cached: both OpenAI and Anthropic cache from 1,024 tokens on.
const MIN_CACHED_TOKENS: u64 = 1_024;

/// Whether a tie narrowed the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// It did not.
    Free,
    /// To who made the tool calls, at this position.
    Loop(usize),
    /// To those who can read the history.
    Readers,
}

/// Narrows the choice to whom the history needs; why that could not be, where it could not.
pub(super) fn tie(affinity: &Affinity, entries: &mut [Entry<'_>]) -> (Tie, Option<Release>) {
    let mut released = None;
    if affinity.tool_loop
        && let Some(held) = &affinity.held
    {
        match in_loop(entries, held) {
            Ok(index) => return (Tie::Loop(index), None),
            Err(why) => released = Some(why),
        }
    }
    // Where the proxy forgot who made the tool calls, their ids still say of which kind it was.
    let forgot = affinity.tool_loop && affinity.held.is_none();
    let Some(origin) = affinity.origin.filter(|_| affinity.bound || forgot) else {
        return (Tie::Free, released);
    };
    let writer = affinity.held.as_ref().filter(|held| origin.is_of(held));
    let same = |key: &CandidateKey| writer.is_some_and(|held| held.provider() == key.provider());
    if narrow(entries, same) || narrow(entries, |key| origin.is_of(key)) {
        let excluded = entries.iter().any(|e| e.is_eligible() && !e.reads_history);
        return (if excluded { Tie::Readers } else { Tie::Free }, released);
    }
    (Tie::Free, released.or(Some(Release::OriginUnavailable)))
}

/// The held candidate, if it can go on.
fn in_loop(entries: &mut [Entry<'_>], held: &CandidateKey) -> Result<usize, Release> {
    let held = position(entries, held).ok_or(Release::NotRanked)?;
    if !survives(entries[held].trace.filter) {
        return Err(Release::Filtered);
    }
    entries[held].trace.filter = None;
    Ok(held)
}

/// Whether a loop goes on in spite of the filter: these move with every refresh of the ranking, and a step
/// by somebody else would not mend them.
fn survives(filter: Option<Filter>) -> bool {
    match filter {
        None | Some(Filter::MaxLatency | Filter::MinQuality | Filter::Gate(_)) => true,
        Some(
            Filter::NoProviderKey
            | Filter::CapabilityMissing
            | Filter::ContextTooLong
            | Filter::CircuitOpen
            | Filter::Drift
            | Filter::AllowProviders
            | Filter::DenyProviders
            | Filter::AllowModels
            | Filter::DenyModels
            | Filter::MaxCost,
        ) => false,
    }
}

/// Leaves only those who can read the history, if one of them can serve.
fn narrow(entries: &mut [Entry<'_>], reads: impl Fn(&CandidateKey) -> bool) -> bool {
    let can = |e: &Entry<'_>| e.is_eligible() && reads(&e.trace.key);
    if !entries.iter().any(can) {
        return false;
    }
    for entry in entries {
        entry.reads_history = reads(&entry.trace.key);
    }
    true
}

/// What the weighing of a warm cache came to.
pub(super) struct Warmth {
    /// Who serves instead of who was drawn.
    pub(super) instead: Option<usize>,
    /// Probability that moved to a canary or explorer only because it is warm.
    pub(super) unexplored: f64,
}

/// Moves the probability of everybody who is not worth leaving the warm candidate for to that candidate, so
/// that each propensity stays the total of the draws that lead to its candidate.
pub(super) fn keep_warm(
    question: &Question<'_>,
    entries: &mut [Entry<'_>],
    drawn: usize,
) -> Warmth {
    let mut warmth = Warmth {
        instead: None,
        unexplored: 0.0,
    };
    let Some(held) = warm(question, entries) else {
        return warmth;
    };
    let mut moved = 0.0;
    for index in (0..entries.len()).filter(|index| *index != held) {
        if entries[index].trace.propensity > 0.0 && !pays(question, &entries[held], &entries[index])
        {
            moved += std::mem::take(&mut entries[index].trace.propensity);
            if index == drawn {
                warmth.instead = Some(held);
            }
        }
    }
    entries[held].trace.propensity += moved;
    if entries[held].explores() {
        warmth.unexplored = moved;
    }
    warmth
}

/// The held candidate, if its cache is worth anything and it can serve.
fn warm(question: &Question<'_>, entries: &[Entry<'_>]) -> Option<usize> {
    let Affinity { held, warm, .. } = question.affinity;
    if !warm || question.features.history_tokens_estimate < MIN_CACHED_TOKENS {
        return None;
    }
    let held = position(entries, held.as_ref()?)?;
    entries[held].can_serve().then_some(held)
}

/// Whether changing to `drawn` is worth the cache that is left behind. The loss is paid once: the history at
/// the newcomer's full price instead of its cached one. The gain lasts for the rest of the conversation,
/// which is taken to be as long as it has been.
fn pays(question: &Question<'_>, held: &Entry<'_>, drawn: &Entry<'_>) -> bool {
    let Some(rankings) = question.rankings else {
        return true;
    };
    let (Some(cold), Some(cached)) = (
        cost(question.features, drawn, false),
        cost(question.features, drawn, true),
    ) else {
        return true;
    };
    let loss = cold - cached;
    if loss <= 0.0 {
        return true;
    }
    let calls_left = f64::from((question.features.messages / 2).max(1));
    let priced = rankings.quality_per_usd * loss / 1e6;
    let gain = calls_left * (drawn.trace.score - held.trace.score);
    match rankings.objective {
        Objective::Quality => priced <= 0.0 || gain > priced,
        Objective::Floor => {
            let saving = cost(question.features, held, true).map_or(0.0, |warm| warm - cached);
            calls_left * saving > loss || (priced > 0.0 && gain > priced)
        }
    }
}

/// Forecast in micro-USD, with the history cached or not.
#[expect(
    clippy::cast_precision_loss,
    reason = "a call costs far less than 2^53 micro-USD"
)]
fn cost(features: &Features, entry: &Entry<'_>, is_cached: bool) -> Option<f64> {
    let cached = if is_cached {
        features.history_tokens_estimate
    } else {
        0
    };
    let prices = entry.model.prices?;
    Some(prices.cost_micro_usd(expected_usage(features, cached)) as f64)
}

//! Why a candidate cannot serve: what it lacks, what the proxy lacks, what the tenant forbids or wishes.

use super::{
    Question,
    entry::{Entry, position},
    unable,
};
use crate::domain::{
    catalog::CatalogModel,
    decision::{CandidateTrace, Filter},
    ids::CandidateKey,
    ranking::{Role, ShapeRanking},
};

/// The reference of a floor, which need not prove that it keeps it.
pub(super) fn baseline<'a>(
    question: &Question<'a>,
    ranking: Option<&'a ShapeRanking>,
) -> Option<&'a CandidateKey> {
    ranking
        .and_then(|ranking| ranking.baseline.as_ref())
        .or(question.default_model)
}

/// The first reason that rules a candidate out. `trace` has all but the filter.
pub(super) fn filter(
    question: &Question<'_>,
    (model, trace): (&CatalogModel, &CandidateTrace),
    baseline: Option<&CandidateKey>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Option<Filter> {
    unable(model, question.features)
        .or_else(|| blocked(model))
        .or_else(|| question.constraints.forbids(&model.key))
        .or_else(|| (trace.role == Some(Role::Masked)).then_some(Filter::Drift))
        .or_else(|| wish(question, trace, baseline))
}

/// Keeps back those who have yet to pass a gate. They would serve instead of the baseline: where that cannot serve
/// the call itself, there is nothing to be kept back from, and where it fails, an unproven reply is better than none.
pub(super) fn keep_back(entries: &mut [Entry<'_>], baseline: Option<&CandidateKey>) {
    let at = baseline.and_then(|key| position(entries, key));
    let stands = |at: usize| entries[at].trace.filter.is_none_or(Filter::is_wish);
    if !at.is_some_and(stands) {
        return;
    }
    for entry in entries {
        // Before what else is wished of it, so that records tell every gate.
        if let Some(gate) = entry.gate
            && entry.trace.filter.is_none_or(Filter::is_wish)
        {
            entry.is_last_resort = entry.is_eligible();
            entry.trace.filter = Some(Filter::Gate(gate));
        }
    }
}

/// Whether nobody but this one is left because others have yet to prove themselves: by the tenant's gates, or, where it
/// is the baseline, which need not, by its floor.
pub(super) fn unproven_leave_only(
    entries: &[Entry<'_>],
    index: usize,
    baseline: Option<&CandidateKey>,
) -> bool {
    let is_baseline = baseline == Some(&entries[index].trace.key);
    let is_unproven = |entry: &Entry<'_>| match entry.trace.filter {
        Some(Filter::Gate(_)) => true,
        Some(Filter::MinQuality) => is_baseline,
        Some(_) | None => false,
    };
    let others = || entries.iter().enumerate().filter(|(at, _)| *at != index);
    others().all(|(_, entry)| !entry.is_eligible()) && others().any(|(_, entry)| is_unproven(entry))
}

/// What the tenant wishes and the candidate misses.
fn wish(
    question: &Question<'_>,
    trace: &CandidateTrace,
    baseline: Option<&CandidateKey>,
) -> Option<Filter> {
    let constraints = question.constraints;
    let too_dear = |max: u64| trace.expected_cost_micro_usd.is_none_or(|cost| cost > max);
    if constraints.max_cost_micro_usd.is_some_and(too_dear) {
        return Some(Filter::MaxCost);
    }
    let too_slow = |max: u64| trace.latency_p95_ms.is_some_and(|p95| p95 > max);
    if constraints.max_latency_ms.is_some_and(too_slow) {
        return Some(Filter::MaxLatency);
    }
    // Nobody judges embeddings.
    let judged = !question.features.embeddings && baseline != Some(&trace.key);
    let needed = constraints.min_quality.filter(|_| judged)?;
    let sure = trace.p_floor.is_some_and(|p| p >= needed.assurance);
    (!sure).then_some(Filter::MinQuality)
}

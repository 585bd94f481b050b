//! `auto`: the learned ranking decides, or benchmark priors before anything was learned; among all candidates,
//! or among those that a rule lists.

use std::sync::Arc;

use super::{
    Choice, NoCandidate, Question, Shadow,
    affinity::{Tie, keep_warm, tie},
    constrain::{baseline, unproven_leave_only},
    entry::{self, Entry, normalise, position},
    shadow,
};
use crate::domain::{
    affinity::Release,
    catalog::CatalogModel,
    confidence::ConfidenceReason,
    decision::{CandidateTrace, Filter, Reason, Strategy},
    draw::{DrawKey, Purpose, draw},
    ids::CandidateKey,
    ranking::ShapeRanking,
    shape::{ROOT, ShapeKey},
    weights::{Phase, phase_weights},
};

/// Who serves and why.
pub(super) struct Pick {
    pub(super) index: usize,
    pub(super) reason: Reason,
    pub(super) released: Option<Release>,
    pub(super) exploration_rate: f64,
}

pub(super) fn choose(
    question: &Question<'_>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    let ranking = ranking(question);
    let mut entries = match ranking {
        Some(ranking) => entry::ranked(question, ranking, blocked),
        None => entry::prior(question, blocked),
    };
    let shape = ranking.map_or(ROOT, |ranking| ranking.shape.as_str());
    let reference = baseline(question, ranking);
    let baseline = reference.filter(|key| question.lists(key));
    let Some(pick) = pick(question, &mut entries, shape, baseline) else {
        return Err(NoCandidate {
            candidates: entries.into_iter().map(|e| e.trace).collect(),
        });
    };
    let shadow = ranking.and_then(|_| shadow::pick(question, &entries, shape, pick.index));
    let order = order(&entries, (pick.index, question.most), baseline);
    let mut choice = plan(ranking, entries, &pick, shadow);
    choice.order = order;
    choice.baseline = reference.cloned();
    let rule = question.rule.map(|rule| rule.name.clone());
    choice.rule = rule.filter(|name| !name.is_empty());
    Ok(choice)
}

/// That of the most specific shape that has one; none where it has nobody that a rule lists.
pub(super) fn ranking<'a>(question: &Question<'a>) -> Option<&'a ShapeRanking> {
    let rankings = question.rankings?;
    let ranked = |shape: &ShapeKey| rankings.shapes.iter().find(|r| r.shape == *shape);
    let shapes = question.shapes.iter();
    shapes
        .filter(|_| !question.features.embeddings)
        .find_map(ranked)
        .filter(|ranking| ranking.candidates.iter().any(|c| question.lists(&c.key)))
}

fn pick(
    question: &Question<'_>,
    entries: &mut [Entry<'_>],
    shape: &str,
    baseline: Option<&CandidateKey>,
) -> Option<Pick> {
    let (tie, released) = tie(question.affinity, entries);
    if let Tie::Loop(index) = tie {
        return Some(certain(entries, (index, Reason::Pinned), released));
    }
    normalise(entries);
    let key = DrawKey {
        session: question.draw_key,
        shape,
        purpose: Purpose::Serve,
    };
    let weighted = entries
        .iter()
        .map(|e| (e.trace.key.as_str(), e.trace.propensity));
    let Some(drawn) = draw(key, weighted) else {
        let (index, reason) = stand_in(question, entries, baseline)?;
        let reason = if tie == Tie::Readers {
            Reason::Pinned
        } else {
            reason
        };
        return Some(certain(entries, (index, reason), released));
    };
    let warmth = keep_warm(question, entries, drawn);
    // Whoever serves because nobody else can read the history is not explored.
    let is_free = tie == Tie::Free;
    let exploring = entries.iter().filter(|e| is_free && e.explores());
    // Of nothing the standard sum is -0.0.
    let exploring = exploring.fold(0.0, |sum, e| sum + e.trace.propensity);
    let unexplored = if is_free { warmth.unexplored } else { 0.0 };
    let drawn_reason = || match tie {
        Tie::Loop(_) | Tie::Readers => Reason::Pinned,
        Tie::Free if entries[drawn].explores() => Reason::Explored,
        Tie::Free if unproven_leave_only(entries, drawn, baseline) => Reason::Baseline,
        Tie::Free => Reason::Dispatched,
    };
    Some(Pick {
        index: warmth.instead.unwrap_or(drawn),
        reason: warmth
            .instead
            .map_or_else(drawn_reason, |_| Reason::KeptWarm),
        released,
        exploration_rate: exploring - unexplored,
    })
}

/// No draw: this one serves.
pub(super) fn certain(
    entries: &mut [Entry<'_>],
    (index, reason): (usize, Reason),
    released: Option<Release>,
) -> Pick {
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.trace.propensity = if at == index { 1.0 } else { 0.0 };
    }
    Pick {
        index,
        reason,
        released,
        exploration_rate: 0.0,
    }
}

/// Where nobody with traffic can serve: the default or the best one that can, else the baseline in spite of
/// the tenant's wishes, else whoever was only masked.
fn stand_in(
    question: &Question<'_>,
    entries: &[Entry<'_>],
    baseline: Option<&CandidateKey>,
) -> Option<(usize, Reason)> {
    let default = question
        .default_model
        .and_then(|key| position(entries, key));
    let default = default.filter(|index| entries[*index].can_serve());
    if let Some(index) = default.or_else(|| entries.iter().position(Entry::can_serve)) {
        let is_alone = unproven_leave_only(entries, index, baseline);
        let reason = if is_alone {
            Reason::Baseline
        } else {
            Reason::DefaultModel
        };
        return Some((index, reason));
    }
    if let Some(index) = baseline_position(entries, baseline) {
        return Some((index, Reason::Baseline));
    }
    let masked = entries.iter().position(is_masked)?;
    Some((masked, Reason::DefaultModel))
}

/// The baseline, if all that rules it out are wishes; without one, the best candidate of which that is true.
fn baseline_position(entries: &[Entry<'_>], baseline: Option<&CandidateKey>) -> Option<usize> {
    let misses_wishes = |e: &Entry<'_>| e.trace.filter.is_some_and(Filter::is_wish);
    match baseline {
        Some(key) => position(entries, key).filter(|index| misses_wishes(&entries[*index])),
        None => entries.iter().position(misses_wishes),
    }
}

fn is_masked(entry: &Entry<'_>) -> bool {
    entry.trace.filter == Some(Filter::Drift)
}

/// Who serves, then who steps in, as many as are wanted: those who can read the history, the other eligible ones, the
/// baseline, the masked, and at last those whom only a gate keeps back.
fn order(
    entries: &[Entry<'_>],
    (served, most): (usize, usize),
    baseline: Option<&CandidateKey>,
) -> Vec<Arc<CatalogModel>> {
    let baseline = baseline_position(entries, baseline);
    let turn = |index: usize| {
        let entry = &entries[index];
        if index == served {
            return Some(0u8);
        }
        match entry.trace.filter {
            None if entry.reads_history => Some(1),
            None => Some(2),
            Some(_) if baseline == Some(index) => Some(3),
            Some(_) if is_masked(entry) => Some(4),
            Some(_) if entry.is_last_resort => Some(5),
            Some(_) => None,
        }
    };
    let most = most.min(entries.len());
    let mut order = Vec::with_capacity(most);
    let mut next = Some(0);
    while let Some(this) = next {
        next = None;
        for (index, entry) in entries.iter().enumerate() {
            match turn(index) {
                Some(own) if own == this && order.len() == most => return order,
                Some(own) if own == this => order.push(Arc::clone(entry.model)),
                Some(own) if own > this => next = Some(next.map_or(own, |n: u8| n.min(own))),
                Some(_) | None => {}
            }
        }
    }
    order
}

pub(super) fn plan(
    ranking: Option<&ShapeRanking>,
    entries: Vec<Entry<'_>>,
    pick: &Pick,
    shadow: Option<Shadow>,
) -> Choice {
    Choice {
        strategy: Strategy::FeedbackDriven,
        phase: ranking.map_or(Phase::Day0, |r| r.phase),
        weights: ranking.map_or_else(|| phase_weights(0.0, 0.0), |r| r.weights),
        ranked_shape: ranking.map(|r| r.shape.clone()),
        propensity: entries[pick.index].trace.propensity,
        reason: pick.reason,
        released: pick.released,
        confidence: ranking.and_then(|r| r.confidence),
        confidence_reason: ranking.map_or_else(|| unranked(&entries), |r| r.confidence_reason),
        calibrated: ranking.and_then(|r| r.calibrated),
        evidence: ranking.map(|r| r.evidence).unwrap_or_default(),
        exploration_rate: pick.exploration_rate,
        shadow,
        baseline: None,
        rule: None,
        rule_id: None,
        order: Vec::new(),
        candidates: entries.into_iter().map(recorded).collect(),
    }
}

fn unranked(entries: &[Entry<'_>]) -> ConfidenceReason {
    if entries.len() < 2 {
        ConfidenceReason::SingleCandidate
    } else {
        ConfidenceReason::NoSamples
    }
}

/// What was published is written down only where filters or a tie changed it.
fn recorded(entry: Entry<'_>) -> CandidateTrace {
    let mut trace = entry.trace;
    let changed = |published: &f64| published.to_bits() != trace.propensity.to_bits();
    trace.published = trace.published.filter(changed);
    trace
}

//! `auto`: the learned ranking decides, or benchmark priors before anything was learned.

use std::{cmp::Ordering, sync::Arc};

use super::{Choice, NoCandidate, Question, expected_cost, unable};
use crate::domain::{
    catalog::{CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    decision::{CandidateTrace, Filter, Reason, Strategy},
    draw::{DrawKey, Purpose, draw},
    ranking::{RankedCandidate, Role, ShapeRanking},
    shape::{ROOT, ShapeKey},
    weights::{Phase, phase_weights},
};

/// A candidate with all that one decision needs of it.
struct Entry<'a> {
    model: &'a Arc<CatalogModel>,
    trace: CandidateTrace,
    shadow_probability: f64,
    role: Role,
}

pub(super) fn choose(
    question: &Question<'_>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    let ranking = question
        .rankings
        .filter(|_| !question.features.embeddings)
        .and_then(|rankings| {
            let ranked = |shape: &ShapeKey| rankings.shapes.iter().find(|r| r.shape == *shape);
            question.shapes.iter().find_map(ranked)
        });
    let mut entries = match ranking {
        Some(ranking) => ranked_entries(question, ranking, blocked),
        None => prior_entries(question, blocked),
    };
    let mass: f64 = entries
        .iter()
        .filter(|e| e.trace.filter.is_none())
        .map(|e| e.trace.propensity)
        .sum();
    for entry in &mut entries {
        let eligible = entry.trace.filter.is_none() && mass > 0.0;
        entry.trace.propensity = if eligible {
            entry.trace.propensity / mass
        } else {
            0.0
        };
    }
    let shape = ranking.map_or(ROOT, |ranking| ranking.shape.as_str());
    let drawn = pick(question, &mut entries, shape);
    let Some((drawn, reason)) = drawn else {
        return Err(NoCandidate {
            candidates: entries.into_iter().map(|e| e.trace).collect(),
        });
    };
    let shadow = ranking.and_then(|_| pick_shadow(question, &entries, shape, drawn));
    Ok(plan(ranking, entries, drawn, reason, shadow))
}

fn ranked_entries<'a>(
    question: &Question<'a>,
    ranking: &ShapeRanking,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Vec<Entry<'a>> {
    let entry = |candidate: &RankedCandidate| {
        let model = question.catalog.get(&candidate.key)?;
        Some(Entry {
            model,
            trace: CandidateTrace {
                key: candidate.key.clone(),
                score: candidate.score,
                posterior: Some(candidate.posterior),
                propensity: candidate.probability,
                expected_cost_micro_usd: expected_cost(model, question.features),
                filter: unable(model, question.features).or_else(|| blocked(model)),
            },
            shadow_probability: candidate.shadow_probability,
            role: candidate.role,
        })
    };
    ranking.candidates.iter().filter_map(entry).collect()
}

/// Before anything was learned: the best public benchmark serves, cheaper first among equals. Models whose
/// provider has no key are left out rather than traced: there are many, and nothing can be done with them.
fn prior_entries<'a>(
    question: &Question<'a>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = question
        .catalog
        .models()
        .iter()
        .filter(|model| (model.kind == ModelKind::Embedding) == question.features.embeddings)
        .map(|model| {
            (
                model,
                unable(model, question.features).or_else(|| blocked(model)),
            )
        })
        .filter(|(_, filter)| *filter != Some(Filter::NoProviderKey))
        .map(|(model, filter)| Entry {
            model,
            trace: CandidateTrace {
                key: model.key.clone(),
                score: model.benchmark,
                posterior: None,
                propensity: 0.0,
                expected_cost_micro_usd: expected_cost(model, question.features),
                filter,
            },
            shadow_probability: 0.0,
            role: Role::Fallback,
        })
        .collect();
    entries.sort_by(|a, b| {
        let cost = |e: &Entry<'_>| e.trace.expected_cost_micro_usd.unwrap_or(u64::MAX);
        let by_score = b
            .trace
            .score
            .partial_cmp(&a.trace.score)
            .unwrap_or(Ordering::Equal);
        by_score
            .then_with(|| cost(a).cmp(&cost(b)))
            .then_with(|| a.trace.key.cmp(&b.trace.key))
    });
    if let Some(first) = entries.iter_mut().find(|e| e.trace.filter.is_none()) {
        first.trace.propensity = 1.0;
        first.role = Role::Incumbent;
    }
    entries
}

fn pick(
    question: &Question<'_>,
    entries: &mut [Entry<'_>],
    shape: &str,
) -> Option<(usize, Reason)> {
    let key = DrawKey {
        session: question.draw_key,
        shape,
        purpose: Purpose::Serve,
    };
    let weighted = entries
        .iter()
        .map(|e| (e.trace.key.as_str(), e.trace.propensity));
    if let Some(drawn) = draw(key, weighted) {
        let explored = entries[drawn].role == Role::Canary;
        return Some((
            drawn,
            if explored {
                Reason::Explored
            } else {
                Reason::Dispatched
            },
        ));
    }
    let eligible = |e: &Entry<'_>| e.trace.filter.is_none();
    let default = question.default_model.and_then(|key| {
        entries
            .iter()
            .position(|e| eligible(e) && e.trace.key == *key)
    });
    let drawn = default.or_else(|| entries.iter().position(eligible))?;
    entries[drawn].trace.propensity = 1.0;
    Some((drawn, Reason::DefaultModel))
}

fn pick_shadow<'a>(
    question: &Question<'_>,
    entries: &[Entry<'a>],
    shape: &str,
    served: usize,
) -> Option<&'a Arc<CatalogModel>> {
    let rate = question
        .rankings
        .map_or(0.0, |rankings| rankings.shadow_rate);
    let coin = DrawKey {
        session: question.shadow_key,
        shape,
        purpose: Purpose::ShadowRate,
    };
    if coin.unit() >= rate {
        return None;
    }
    let key = DrawKey {
        purpose: Purpose::ShadowArm,
        ..coin
    };
    let weighted = entries.iter().enumerate().map(|(index, e)| {
        let usable = index != served && e.trace.filter.is_none();
        (
            e.trace.key.as_str(),
            if usable { e.shadow_probability } else { 0.0 },
        )
    });
    draw(key, weighted).map(|index| entries[index].model)
}

fn plan(
    ranking: Option<&ShapeRanking>,
    entries: Vec<Entry<'_>>,
    drawn: usize,
    reason: Reason,
    shadow: Option<&Arc<CatalogModel>>,
) -> Choice {
    let others = (0..entries.len()).filter(|index| *index != drawn);
    let order = std::iter::once(drawn)
        .chain(others.filter(|index| entries[*index].trace.filter.is_none()))
        .map(|index| Arc::clone(entries[index].model))
        .collect();
    let kept = |e: &&Entry<'_>| e.role != Role::Incumbent;
    Choice {
        strategy: Strategy::FeedbackDriven,
        phase: ranking.map_or(Phase::Day0, |r| r.phase),
        weights: ranking.map_or_else(|| phase_weights(0.0, 0.0), |r| r.weights),
        ranked_shape: ranking.map(|r| r.shape.clone()),
        propensity: entries[drawn].trace.propensity,
        reason,
        confidence: ranking.and_then(|r| r.confidence),
        confidence_reason: ranking
            .map_or(ConfidenceReason::NoRouterInvoked, |r| r.confidence_reason),
        evidence: ranking.map(|r| r.evidence).unwrap_or_default(),
        exploration_rate: entries
            .iter()
            .filter(kept)
            .map(|e| e.trace.propensity)
            .sum(),
        shadow: shadow.map(Arc::clone),
        order,
        candidates: entries.into_iter().map(|e| e.trace).collect(),
    }
}

//! The candidates of one decision, each with all that the rules need of it.

use std::{cmp::Ordering, sync::Arc};

use super::{Question, constrain};
use crate::domain::{
    catalog::{CatalogModel, ModelKind},
    decision::{CandidateTrace, Filter},
    gates::Gate,
    ids::CandidateKey,
    ranking::{RankedCandidate, Role, ShapeRanking},
};

/// A candidate; its trace's propensity is worked on until the decision has fallen.
pub(super) struct Entry<'a> {
    pub(super) model: &'a Arc<CatalogModel>,
    pub(super) trace: CandidateTrace,
    pub(super) shadow_probability: f64,
    pub(super) role: Role,
    /// What it has yet to pass before it may serve instead of the baseline.
    pub(super) gate: Option<Gate>,
    /// Only a gate keeps it back: it steps in where everybody else has failed.
    pub(super) is_last_resort: bool,
    /// It can read what the conversation's history has.
    pub(super) reads_history: bool,
}

impl Entry<'_> {
    pub(super) fn is_eligible(&self) -> bool {
        self.trace.filter.is_none()
    }

    pub(super) fn can_serve(&self) -> bool {
        self.is_eligible() && self.reads_history
    }

    pub(super) fn explores(&self) -> bool {
        matches!(self.role, Role::Canary | Role::Explorer)
    }
}

/// The candidates of a learned ranking, best first.
pub(super) fn ranked<'a>(
    question: &Question<'a>,
    ranking: &'a ShapeRanking,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Vec<Entry<'a>> {
    let baseline = constrain::baseline(question, Some(ranking));
    let entry = |candidate: &RankedCandidate| {
        let model = question.catalog.get(&candidate.key)?;
        let mut trace = CandidateTrace {
            propensity: candidate.probability,
            published: Some(candidate.probability),
            ..learned(question, model, candidate)
        };
        trace.filter = constrain::filter(question, (model, &trace), baseline, blocked);
        Some(Entry {
            model,
            trace,
            shadow_probability: candidate.shadow_probability,
            role: candidate.role,
            gate: candidate.gate,
            is_last_resort: false,
            reads_history: true,
        })
    };
    let mut entries = Vec::with_capacity(ranking.candidates.len());
    let candidates = ranking.candidates.iter();
    let candidates = candidates.filter(|c| question.lists(&c.key));
    entries.extend(candidates.filter_map(entry));
    constrain::keep_back(&mut entries, baseline);
    entries
}

/// What the ranking says of a candidate, but for its traffic.
pub(super) fn learned(
    question: &Question<'_>,
    model: &CatalogModel,
    candidate: &RankedCandidate,
) -> CandidateTrace {
    CandidateTrace {
        score: candidate.score,
        posterior: Some(candidate.posterior),
        role: Some(candidate.role),
        latency_p95_ms: candidate.latency_p95_ms,
        p_floor: candidate.p_floor,
        p_best: candidate.p_best,
        ..unranked(question, model)
    }
}

/// Before anything was learned: the best public benchmark serves, cheaper first among equals. Models whose
/// provider has no key are left out rather than traced: there are many, and nothing can be done with them.
pub(super) fn prior<'a>(
    question: &Question<'a>,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Vec<Entry<'a>> {
    let models = question.catalog.models().iter();
    let mut entries: Vec<Entry<'a>> = models
        .filter(|model| (model.kind == ModelKind::Embedding) == question.features.embeddings)
        .filter(|model| question.lists(&model.key))
        .map(|model| {
            let mut trace = unranked(question, model);
            let baseline = question.default_model;
            trace.filter = constrain::filter(question, (model, &trace), baseline, blocked);
            Entry {
                model,
                trace,
                shadow_probability: 0.0,
                role: Role::Fallback,
                gate: None,
                is_last_resort: false,
                reads_history: true,
            }
        })
        .filter(|entry| entry.trace.filter != Some(Filter::NoProviderKey))
        .collect();
    entries.sort_by(best_prior_first);
    if let Some(first) = entries.iter_mut().find(|e| e.is_eligible()) {
        first.trace.propensity = 1.0;
        first.role = Role::Incumbent;
    }
    entries
}

fn best_prior_first(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let cost = |e: &Entry<'_>| e.trace.expected_cost_micro_usd.unwrap_or(u64::MAX);
    let by_score = b.trace.score.total_cmp(&a.trace.score);
    by_score
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| a.trace.key.cmp(&b.trace.key))
}

pub(super) fn unranked(question: &Question<'_>, model: &CatalogModel) -> CandidateTrace {
    CandidateTrace {
        key: model.key.clone(),
        score: model.prior(question.shapes),
        posterior: None,
        propensity: 0.0,
        expected_cost_micro_usd: question.forecast(model),
        filter: None,
        role: None,
        latency_p95_ms: None,
        p_floor: None,
        p_best: None,
        load: None,
        published: None,
    }
}

/// Makes the propensities of those who can serve sum to 1. Explorers keep the share that was published: what
/// the filtered leave goes to the others, and where there are none, nobody is drawn.
pub(super) fn normalise(entries: &mut [Entry<'_>]) {
    let sum = |explorers: bool| -> f64 {
        let counted = |e: &&Entry<'_>| e.can_serve() && (e.role == Role::Explorer) == explorers;
        entries
            .iter()
            .filter(counted)
            .map(|e| e.trace.propensity)
            .sum()
    };
    let (exploring, others) = (sum(true), sum(false));
    for entry in entries {
        if !entry.can_serve() || others <= 0.0 {
            entry.trace.propensity = 0.0;
        } else if entry.role != Role::Explorer {
            entry.trace.propensity = entry.trace.propensity * (1.0 - exploring) / others;
        }
    }
}

/// Where a candidate is among the entries.
pub(super) fn position(entries: &[Entry<'_>], key: &CandidateKey) -> Option<usize> {
    entries.iter().position(|e| e.trace.key == *key)
}

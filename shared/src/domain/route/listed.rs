//! The caller named the models: they are served in the caller's order.

use std::sync::Arc;

use super::{Choice, NoCandidate, Question, expected_cost};
use crate::domain::{
    catalog::{CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    decision::{CandidateTrace, Filter, Reason, Strategy},
    ids::CandidateKey,
    ranking::Evidence,
    weights::{Phase, phase_weights},
};

pub(super) fn choose(
    question: &Question<'_>,
    keys: &[CandidateKey],
    strategy: Strategy,
    blocked: &impl Fn(&CatalogModel) -> Option<Filter>,
) -> Result<Choice, NoCandidate> {
    let kind = if question.features.embeddings {
        ModelKind::Embedding
    } else {
        ModelKind::Chat
    };
    let mut candidates = Vec::with_capacity(keys.len());
    let mut order = Vec::with_capacity(keys.len());
    for key in keys {
        let model = question.catalog.get(key).map_or_else(
            || Arc::new(CatalogModel::unlisted(key.clone(), kind)),
            Arc::clone,
        );
        // The caller named it: only what the proxy itself lacks rules it out, not our catalog's opinion.
        let filter =
            blocked(&model).filter(|f| strategy == Strategy::Fallback || *f != Filter::CircuitOpen);
        candidates.push(CandidateTrace {
            key: key.clone(),
            score: 0.0,
            posterior: None,
            propensity: if filter.is_none() && order.is_empty() {
                1.0
            } else {
                0.0
            },
            expected_cost_micro_usd: expected_cost(&model, question.features),
            filter,
        });
        if filter.is_none() {
            order.push(model);
        }
    }
    if order.is_empty() {
        return Err(NoCandidate { candidates });
    }
    Ok(Choice {
        strategy,
        phase: Phase::Day0,
        weights: phase_weights(0.0, 0.0),
        ranked_shape: None,
        reason: Reason::Dispatched,
        propensity: 1.0,
        confidence: None,
        confidence_reason: ConfidenceReason::NoRouterInvoked,
        evidence: Evidence::default(),
        exploration_rate: 0.0,
        shadow: None,
        candidates,
        order,
    })
}

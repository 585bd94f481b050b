//! The caller named the models: they are served in the caller's order. Of the tenant's constraints only what
//! it forbids counts; what it wishes of routing does not overrule the caller.

use std::sync::Arc;

use super::{Choice, NoCandidate, Question};
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
    let mut candidates = Vec::with_capacity(keys.len());
    let mut order = Vec::with_capacity(keys.len());
    for key in keys {
        let model = model(question, key);
        // The caller named it: only what the proxy itself lacks rules it out, not our catalog's opinion.
        let lacking =
            blocked(&model).filter(|f| strategy == Strategy::Fallback || *f != Filter::CircuitOpen);
        let filter = question.constraints.forbids(key).or(lacking);
        candidates.push(CandidateTrace {
            key: key.clone(),
            score: 0.0,
            posterior: None,
            propensity: 0.0,
            expected_cost_micro_usd: question.forecast(&model),
            filter,
            role: None,
            latency_p95_ms: None,
            p_floor: None,
            p_best: None,
            load: None,
            published: None,
        });
        if filter.is_none() {
            order.push(model);
        }
    }
    if order.is_empty() {
        return Err(NoCandidate { candidates });
    }
    let pinned = pin(question, &mut order);
    if let Some(served) = candidates.iter_mut().find(|c| c.key == order[0].key) {
        served.propensity = 1.0;
    }
    Ok(Choice {
        strategy,
        phase: Phase::Day0,
        weights: phase_weights(0.0, 0.0),
        ranked_shape: None,
        reason: if pinned {
            Reason::Pinned
        } else {
            Reason::Dispatched
        },
        released: None,
        baseline: None,
        propensity: 1.0,
        confidence: None,
        confidence_reason: ConfidenceReason::NoRouterInvoked,
        calibrated: None,
        evidence: Evidence::default(),
        exploration_rate: 0.0,
        shadow: None,
        rule: None,
        rule_id: None,
        candidates,
        order,
    })
}

fn model(question: &Question<'_>, key: &CandidateKey) -> Arc<CatalogModel> {
    let kind = if question.features.embeddings {
        ModelKind::Embedding
    } else {
        ModelKind::Chat
    };
    question.catalog.get(key).map_or_else(
        || Arc::new(CatalogModel::unlisted(key.clone(), kind)),
        Arc::clone,
    )
}

/// Within a tool-call loop whoever stepped in at its beginning goes on, also once the first of the list is
/// back. Whether that changed the order.
fn pin(question: &Question<'_>, order: &mut [Arc<CatalogModel>]) -> bool {
    let held = question.affinity.held.as_ref();
    let held = held.filter(|_| question.affinity.tool_loop);
    match held.and_then(|key| order.iter().position(|model| model.key == *key)) {
        Some(index) if index > 0 => {
            order[..=index].rotate_right(1);
            true
        }
        Some(_) | None => false,
    }
}

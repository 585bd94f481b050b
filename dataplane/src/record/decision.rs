//! What is known of a call before it is decided on, and what deciding adds.

use floopy_shared::domain::{
    affinity::Affinity,
    catalog::ModelKind,
    confidence::ConfidenceReason,
    decision::{Decision, Ending, Outcome, Reason, Stage, Strategy},
    features::Features,
    ids::RequestId,
    money::Usage,
    ranking::Evidence,
    savings::Priced,
    shape::ShapeKey,
    weights::{Phase, phase_weights},
};

use super::CLIENT_GONE;
use crate::{admit::Admitted, call::Call, route::Plan};

/// Of the caller's `model`, kept in the record.
const MAX_MODEL_CHARS: usize = 256;

/// Of a caller that was admitted, before anything is known of the call.
pub(super) fn undecided(admitted: &Admitted, (request_id, now_ms): (RequestId, u64)) -> Decision {
    // Room for a whole chain.
    let mut shapes = Vec::with_capacity(3);
    shapes.push(ShapeKey::root());
    Decision {
        request_id,
        tenant: admitted.tenant.id.clone(),
        key_id: admitted.key_id.clone(),
        created_at_ms: now_ms,
        session_id: None,
        completion_id: None,
        shapes,
        class_signals: Vec::new(),
        ranked_shape: None,
        requested_model: String::new(),
        strategy: Strategy::LegacyModel,
        phase: Phase::Day0,
        weights: phase_weights(0.0, 0.0),
        candidates: Vec::new(),
        chosen: None,
        served: None,
        reason: Reason::Error,
        propensity: 0.0,
        confidence: None,
        confidence_reason: ConfidenceReason::NoRouterInvoked,
        evidence: Evidence::default(),
        exploration_rate: 0.0,
        snapshot_version: admitted.snapshot.version(),
        draw_key: String::new(),
        features: Features::default(),
        attempts: Vec::new(),
        outcome: no_outcome(),
        stage: Stage::Finished,
        shadow_of: None,
        affinity: Affinity::default(),
        released: None,
        baseline: None,
        calibrated: None,
        rule: None,
        rule_id: None,
        passthrough: false,
        project: admitted.scope.project.or(admitted.default_project),
        environment: admitted.scope.environment,
        experiment: None,
        prompt: None,
        evaluation: admitted.scope.evaluation,
        batch: None,
        cache: None,
        charged: None,
        stopped: None,
        tags: None,
        firewall: None,
        watched: None,
        redacted: Vec::new(),
        implicit: Vec::new(),
        priced: Some(priced(admitted)),
    }
}

/// By what it is priced, should somebody serve it.
fn priced(admitted: &Admitted) -> Priced {
    let (snapshot, tenant) = (&admitted.snapshot, &admitted.tenant);
    let baseline = tenant.default_model.as_ref();
    let model = baseline.and_then(|key| snapshot.catalog_of(&tenant.id).get(key));
    Priced {
        baseline: baseline.cloned(),
        baseline_prices: model.and_then(|model| model.prices),
        served_prices: None,
        table_version: snapshot.prices_version(tenant),
    }
}

/// What was asked for. Of a tenant that keeps nothing no term is recorded that its call had.
pub(super) fn understood(decision: &mut Decision, call: &Call, admitted: &Admitted) {
    let tenant = &admitted.tenant;
    let model = call.model();
    let cut = model.char_indices().nth(MAX_MODEL_CHARS);
    decision.requested_model = model[..cut.map_or(model.len(), |(at, _)| at)].to_owned();
    decision.features = *call.features();
    decision.shapes.clear();
    decision.shapes.extend_from_slice(call.shapes());
    if !tenant.zero_retention {
        decision.class_signals = call.class_signals().to_vec();
    }
    decision.prompt = call.prompted();
    decision.redacted = call.redacted().to_vec();
    if call.features().embeddings {
        compare_with_embeddings(decision, admitted);
    }
}

/// What a chat model would have cost that cannot embed says nothing.
fn compare_with_embeddings(decision: &mut Decision, admitted: &Admitted) {
    let Some(priced) = &mut decision.priced else {
        return;
    };
    let catalog = admitted.snapshot.catalog_of(&admitted.tenant.id);
    let baseline = priced.baseline.as_ref().and_then(|key| catalog.get(key));
    if baseline.is_some_and(|model| model.kind != ModelKind::Embedding) {
        priced.baseline = None;
        priced.baseline_prices = None;
    }
}

/// Who is asked. What only the record needs is taken out of the plan.
pub(super) fn decided(decision: &mut Decision, plan: &mut Plan) {
    let choice = &mut plan.choice;
    decision.strategy = choice.strategy;
    decision.phase = choice.phase;
    decision.weights = choice.weights;
    decision.ranked_shape = choice.ranked_shape.take();
    decision.candidates = std::mem::take(&mut choice.candidates);
    decision.chosen = choice.order.first().map(|model| model.key.clone());
    decision.propensity = choice.propensity;
    decision.confidence = choice.confidence;
    decision.confidence_reason = choice.confidence_reason;
    decision.evidence = choice.evidence;
    decision.exploration_rate = choice.exploration_rate;
    decision.released = choice.released;
    decision.baseline = choice.baseline.take();
    decision.calibrated = choice.calibrated;
    decision.rule.clone_from(&choice.rule);
    decision.rule_id.clone_from(&choice.rule_id);
    decision.passthrough = plan.passthrough;
    decision.experiment = plan.experiment;
    decision.draw_key = std::mem::take(&mut plan.draw_key);
    decision.affinity = std::mem::take(&mut plan.affinity);
}

/// The record of a call as it would be made if whoever is chosen served it.
pub(crate) fn of_plan(
    admitted: &Admitted,
    (call, plan): (&Call, &mut Plan),
    at: (RequestId, u64),
) -> Decision {
    let mut decision = undecided(admitted, at);
    understood(&mut decision, call, admitted);
    decision.reason = plan.choice.reason;
    decided(&mut decision, plan);
    decision.served.clone_from(&decision.chosen);
    decision
}

pub(super) fn no_outcome() -> Outcome {
    Outcome {
        status: CLIENT_GONE,
        ending: Ending::Interrupted,
        latency_ms: 0,
        first_byte_ms: None,
        cost_micro_usd: None,
        usage: Usage::default(),
        usage_estimated: false,
        fallback_used: false,
        overhead_us: 0,
        refused: false,
        calls_tools: false,
    }
}

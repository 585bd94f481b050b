//! The explanation as JSON: the keys of the documentation and those of the SDKs, side by side.

use floopy_shared::{
    domain::{
        decision::{CandidateTrace, Decision},
        explanation::{Explanation, Locale, of_decision},
        features::Features,
        firewall::Screening,
        ids::SessionId,
        route::Choice,
        shape::{ShapeKey, Signal},
    },
    view::{
        affinity, candidate, class_signals, experiment, features, filtered, named, phase, weights,
    },
};
use serde_json::{Value, json};

use super::super::respond::Refusal;
use crate::route::Plan;

/// Of what is explained, what the decision itself does not say.
pub(super) struct Asked<'a> {
    pub(super) session: Option<&'a SessionId>,
    pub(super) features: &'a Features,
    pub(super) shapes: &'a [ShapeKey],
    pub(super) class_signals: &'a [Signal],
    pub(super) snapshot_version: u64,
    /// `None`: nobody has the firewall look.
    pub(super) screening: Option<&'a Screening>,
}

/// What the firewall says, in the documentation's words.
fn firewall_decision(screening: Option<&Screening>) -> &'static str {
    if screening.is_none_or(Screening::lets_pass) {
        "allow"
    } else {
        "block_input"
    }
}

/// Who would serve.
pub(super) fn served(asked: &Asked<'_>, plan: &Plan) -> Value {
    let choice = &plan.choice;
    let mut answer = common(asked, &choice.candidates);
    // String values only: typed clients read it as such.
    let winner = choice.order.first().map(|model| named(&model.key));
    answer["would_select"] = json!(winner);
    answer["winner"] = json!(winner);
    merge(&mut answer, decision(choice));
    answer["affinity"] = affinity(&plan.affinity, choice.released);
    answer["passthrough"] = json!(plan.passthrough);
    answer["draw_key"] = json!(plan.draw_key);
    answer["experiment"] = json!(plan.experiment.map(experiment));
    answer
}

/// Nobody would, and what the caller would be told.
pub(super) fn refused(
    asked: &Asked<'_>,
    candidates: &[CandidateTrace],
    refusal: &Refusal,
) -> Value {
    let mut answer = common(asked, candidates);
    answer["reasoning"] = json!(refusal.message);
    let would_refuse = json!({
        "status": refusal.status.as_u16(), "code": refusal.code, "message": refusal.message,
    });
    let nothing = json!({
        "would_select": null, "winner": null, "would_refuse": would_refuse, "routing_rule_id": null,
        "routing_rule": null,
        "strategy_id": null, "phase": null, "weights": null, "reason": null, "propensity": null,
        "confidence": null, "confidence_reason": null,
    });
    merge(&mut answer, nothing);
    answer
}

/// That the firewall stopped it, in the words that the record of the call would be explained with.
pub(super) fn stopped(answer: &mut Value, screening: Option<&Screening>, locale: Locale) {
    if screening.is_some_and(Screening::is_blocked) {
        let detail = Explanation::FirewallBlocked {}.detail(locale);
        answer["reasoning"] = detail["text"].clone();
        answer["explanation"] = detail["text"].clone();
        answer["explanation_detail"] = detail;
    }
}

/// Why, in the words that the record of the call would be explained with.
pub(super) fn explain(answer: &mut Value, decision: &Decision, locale: Locale) {
    let detail = of_decision(decision).detail(locale);
    answer["reasoning"] = detail["text"].clone();
    answer["explanation"] = detail["text"].clone();
    answer["explanation_detail"] = detail;
}

fn common(asked: &Asked<'_>, candidates: &[CandidateTrace]) -> Value {
    let out: Vec<Value> = candidates.iter().filter_map(filtered).collect();
    let all: Vec<Value> = candidates.iter().map(candidate).collect();
    json!({
        "dry_run": true,
        "firewall_decision": firewall_decision(asked.screening),
        "firewall_verdict": asked.screening.map(Screening::as_str),
        "would_refuse": null,
        "candidates": all,
        "filtered": out,
        "session_id": asked.session.map(SessionId::as_str),
        "snapshot_version": asked.snapshot_version,
        "task_shape": asked.shapes.first().map(ToString::to_string),
        "task_shapes": asked.shapes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "class_signals": class_signals(asked.class_signals),
        "features": features(asked.features),
        "reasoning": null,
        "explanation": null,
        "explanation_detail": null,
    })
}

fn decision(choice: &Choice) -> Value {
    let fallbacks = choice.order.iter().skip(1);
    let mut said = json!({
        "routing_rule_id": choice.rule_id,
        "routing_rule": choice.rule,
        "strategy_id": choice.strategy.as_str(),
        "phase": phase(choice.phase),
        "weights": weights(&choice.weights),
        "reason": choice.reason.as_str(),
        "propensity": choice.propensity,
        "fallbacks": fallbacks.map(|model| named(&model.key)).collect::<Vec<_>>(),
        "baseline": choice.baseline.as_ref().map(named),
        "confidence": choice.confidence,
        "confidence_reason": choice.confidence_reason.as_str(),
        "calibrated_probability": choice.calibrated,
        "exploration_rate_effective": choice.exploration_rate,
        "used_shared_pool_prior": false,
        "evidence": {
            "samples": choice.evidence.samples,
            "top2_score_gap": choice.evidence.top2_gap,
            "outcome_variance": choice.evidence.outcome_variance,
            "scored_requests": choice.evidence.scored_requests,
            "rated_sessions": choice.evidence.rated_sessions,
        },
    });
    if let Some(shape) = &choice.ranked_shape {
        said["task_shape"] = json!(shape.to_string());
    }
    said
}

fn merge(into: &mut Value, extra: Value) {
    if let (Value::Object(into), Value::Object(extra)) = (into, extra) {
        into.extend(extra);
    }
}

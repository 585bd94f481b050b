//! Why a decision fell as it did, in a sentence: a closed set of templates, filled from the record, the same
//! words every time.

use floopy_shared::domain::{
    decision::{Decision, Reason, Strategy},
    ids::CandidateKey,
};

/// A sentence and the template it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) template_id: &'static str,
    pub(super) text: String,
}

/// From this confidence on it is called high, and moderate.
const HIGH: f64 = 0.8;
const MODERATE: f64 = 0.5;

/// Explains a decision.
pub(super) fn explain(decision: &Decision) -> Explanation {
    let (template_id, text) = match (decision.reason, decision.strategy) {
        (Reason::Shadow, _) => ("shadow_only", shadow(decision)),
        (Reason::Error, _) => ("all_candidates_failed", failed(decision)),
        (Reason::Fallback, _) => ("provider_fallback", fallback(decision)),
        (Reason::DefaultModel, _) => ("fallback_only", default_model(decision)),
        (Reason::Baseline, _) => ("constraint_filtered", baseline(decision)),
        (Reason::Pinned, _) => ("session_pinned", pinned(decision)),
        (Reason::KeptWarm, _) => ("session_kept_warm", kept_warm(decision)),
        (Reason::Explored, _) => ("explored", explored(decision)),
        (Reason::Passthrough, _) => ("passthrough", passthrough(decision)),
        (Reason::Dispatched, Strategy::LegacyModel) if decision.rule.is_none() => {
            ("no_router_invoked", legacy(decision))
        }
        (Reason::Dispatched, Strategy::Fallback) if decision.rule.is_none() => {
            ("static_rule", listed(decision))
        }
        (
            Reason::Dispatched,
            Strategy::LegacyModel
            | Strategy::Fallback
            | Strategy::RoundRobin
            | Strategy::Weighted
            | Strategy::LatencyBased
            | Strategy::SmartCost,
        ) => ("static_rule", ruled(decision)),
        (Reason::Dispatched, Strategy::FeedbackDriven) => ranked(decision),
    };
    Explanation { template_id, text }
}

fn name(key: Option<&CandidateKey>) -> &str {
    key.map_or("no model", CandidateKey::as_str)
}

fn served(decision: &Decision) -> &str {
    name(decision.served.as_ref())
}

fn shadow(decision: &Decision) -> String {
    let tried = name(decision.served.as_ref().or(decision.chosen.as_ref()));
    let original = decision
        .shadow_of
        .map(|id| id.to_string())
        .unwrap_or_default();
    format!(
        "A copy of request {original} was sent to {tried} to learn how well it does; nobody was shown the reply."
    )
}

fn failed(decision: &Decision) -> String {
    let tried = decision.attempts.len();
    let chosen = name(decision.chosen.as_ref());
    format!("No reply could be given: {chosen} was chosen and {tried} attempts failed.")
}

fn fallback(decision: &Decision) -> String {
    let chosen = name(decision.chosen.as_ref());
    format!(
        "{chosen} was chosen but failed; {} stepped in and served the reply.",
        served(decision)
    )
}

/// How many candidates were filtered.
fn filtered(decision: &Decision) -> usize {
    let candidates = decision.candidates.iter();
    candidates.filter(|c| c.filter.is_some()).count()
}

fn default_model(decision: &Decision) -> String {
    let filtered = filtered(decision);
    format!(
        "{filtered} candidates were filtered, among them all with traffic; {} served instead.",
        served(decision)
    )
}

fn baseline(decision: &Decision) -> String {
    let filtered = filtered(decision);
    format!(
        "None of {filtered} candidates keeps the constraints, so the baseline {} served.",
        served(decision)
    )
}

fn pinned(decision: &Decision) -> String {
    let why = if decision.affinity.tool_loop {
        "the request answers tool calls of this conversation"
    } else {
        "the conversation has content that no other provider can read"
    };
    format!("{} went on serving because {why}.", served(decision))
}

fn kept_warm(decision: &Decision) -> String {
    format!(
        "{} went on serving because another candidate is not worth losing the prompt cache of {} tokens.",
        served(decision),
        decision.features.history_tokens_estimate
    )
}

fn explored(decision: &Decision) -> String {
    let percent = decision.propensity * 100.0;
    format!(
        "{} is being tried beside the leading model and was drawn with {percent:.1} % probability.",
        served(decision)
    )
}

fn legacy(decision: &Decision) -> String {
    format!(
        "The request named {:?}, so {} served it; no routing was involved.",
        decision.requested_model,
        served(decision)
    )
}

fn listed(decision: &Decision) -> String {
    format!(
        "{} came first among the usable models of the list {:?}.",
        served(decision),
        decision.requested_model
    )
}

fn passthrough(decision: &Decision) -> String {
    format!(
        "The request was forwarded to {} as it came; no routing was involved.",
        served(decision)
    )
}

fn ruled(decision: &Decision) -> String {
    let rule = decision.rule.as_deref().unwrap_or_default();
    let served = served(decision);
    let percent = decision.propensity * 100.0;
    let why = match decision.strategy {
        Strategy::Fallback | Strategy::LegacyModel | Strategy::FeedbackDriven => {
            "comes first among its usable models".to_owned()
        }
        Strategy::RoundRobin | Strategy::Weighted => {
            format!("was drawn for this session with {percent:.1} % probability")
        }
        Strategy::LatencyBased => "was expected to begin its reply first".to_owned(),
        Strategy::SmartCost => "is the cheapest that keeps the quality of the baseline".to_owned(),
    };
    format!("By the rule {rule:?}, {served} {why}.")
}

fn ranked(decision: &Decision) -> (&'static str, String) {
    let (template, label) = match decision.confidence {
        Some(confidence) if confidence >= HIGH => ("feedback_driven_high_confidence", "high"),
        Some(confidence) if confidence >= MODERATE => {
            ("feedback_driven_moderate_confidence", "moderate")
        }
        Some(_) | None => ("feedback_driven_low_confidence", "low"),
    };
    let shape = decision
        .ranked_shape
        .as_ref()
        .map_or("all", |shape| shape.as_str());
    let evidence = &decision.evidence;
    let confidence = decision
        .confidence
        .map(|c| format!(" ({c:.2})"))
        .unwrap_or_default();
    let text = format!(
        "{} leads for task shape {shape} with {} scored replies, {:.3} ahead of the next candidate; confidence is {label}{confidence}.",
        served(decision),
        evidence.samples,
        evidence.top2_gap,
    );
    (template, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_rule_is_named_with_why_it_came_to_this_candidate() {
        let cases = [
            (Strategy::Fallback, "comes first among its usable models"),
            (
                Strategy::Weighted,
                "was drawn for this session with 25.0 % probability",
            ),
            (
                Strategy::LatencyBased,
                "was expected to begin its reply first",
            ),
            (Strategy::SmartCost, "is the cheapest that keeps"),
        ];
        for (strategy, why) in cases {
            let mut decision = fixture::decision(1);
            decision.strategy = strategy;
            decision.rule = Some("cheap".into());
            decision.propensity = 0.25;
            let explanation = explain(&decision);
            assert_eq!(explanation.template_id, "static_rule");
            let text = explanation.text;
            assert!(
                text.starts_with("By the rule \"cheap\", ") && text.contains(why),
                "{text}"
            );
        }
    }

    #[test]
    fn what_was_forwarded_untouched_says_so() {
        let mut decision = fixture::decision(1);
        decision.reason = Reason::Passthrough;
        let explanation = explain(&decision);
        assert_eq!(explanation.template_id, "passthrough");
        assert!(
            explanation.text.contains("as it came"),
            "{}",
            explanation.text
        );
    }
}

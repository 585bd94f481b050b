//! Why a call would be served so, in a sentence.

use floopy_shared::domain::{
    decision::{Reason, Strategy},
    route::Choice,
};

/// Of the sentence.
pub(super) const LANGUAGE: &str = "en";

/// The sentence, and the name of what it was made from.
pub(super) fn of_choice(choice: &Choice) -> (&'static str, String) {
    let serves = choice.order.first();
    let serves = serves.map_or("no model", |model| model.key.as_str());
    let filtered = choice.candidates.iter().filter(|c| c.filter.is_some());
    let filtered = filtered.count();
    let by = match (&choice.rule, choice.strategy) {
        (Some(rule), strategy) => format!("the rule {rule:?} ({})", strategy.as_str()),
        (None, Strategy::FeedbackDriven) => "the learned ranking".to_owned(),
        (
            None,
            Strategy::Fallback
            | Strategy::LegacyModel
            | Strategy::RoundRobin
            | Strategy::Weighted
            | Strategy::LatencyBased
            | Strategy::SmartCost,
        ) => "the model that was named".to_owned(),
    };
    let because = match choice.reason {
        Reason::Dispatched => "was drawn",
        Reason::Explored => "was drawn to be explored",
        Reason::Fallback | Reason::DefaultModel => "stands in, as nobody with traffic can serve",
        Reason::Baseline => "is the baseline, as nobody keeps the constraints",
        Reason::Pinned => "is who the conversation is tied to",
        Reason::KeptWarm => "is kept for the conversation's prompt cache",
        Reason::Passthrough => "is forwarded to untouched",
        Reason::Error | Reason::Shadow => "would be asked",
    };
    let text = format!(
        "{serves} would serve by {by}: it {because}, with probability {:.3}; {filtered} of {} candidates are filtered.",
        choice.propensity,
        choice.candidates.len(),
    );
    (choice.reason.as_str(), text)
}

/// Where nobody can.
pub(super) fn of_nobody(refusal: &str) -> (&'static str, String) {
    ("no_candidate", format!("Nobody would serve: {refusal}."))
}

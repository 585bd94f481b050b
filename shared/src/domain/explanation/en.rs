//! The sentences in English.

use super::{
    CacheTier, Explanation, Level, Locale, NoRouter, Ranked, RuleChoice, Stability,
    number::{decimal, integer, percent},
};
use crate::domain::{ids::CandidateKey, shape::ROOT};

const LOCALE: Locale = Locale::En;

fn name(key: &Option<CandidateKey>) -> &str {
    key.as_ref().map_or("no model", CandidateKey::as_str)
}

pub(super) fn text(explanation: &Explanation) -> String {
    match explanation {
        Explanation::CacheHit { tier, model } => cached(*tier, name(model)),
        Explanation::FallbackOnly { served, filtered } => format!(
            "Every candidate with traffic was filtered ({} in total), so {} served as the default.",
            integer(LOCALE, *filtered),
            name(served)
        ),
        Explanation::NoRouterInvoked { served, cause } => no_router(name(served), *cause),
        Explanation::FeedbackDrivenHighConfidence(facts)
        | Explanation::FeedbackDrivenModerateConfidence(facts)
        | Explanation::FeedbackDrivenLowConfidence(facts) => ranked(facts),
        Explanation::SmartCostSelected {
            served,
            baseline,
            rule,
        } => format!(
            "{}{} is the cheapest candidate that keeps the quality of the baseline ({}).",
            by_rule(rule),
            name(served),
            name(baseline)
        ),
        Explanation::SmartCostKeptDefault { served, rule } => format!(
            "{}no cheaper candidate keeps the quality of the baseline, so {} went on serving.",
            by_rule(rule),
            name(served)
        ),
        Explanation::Explored {
            served,
            probability,
        } => format!(
            "{} is being tried beside the leading model and was drawn with a probability of {}.",
            name(served),
            percent(LOCALE, *probability)
        ),
        Explanation::ConstraintFiltered { served, filtered } => format!(
            "No other candidate keeps the constraints ({} filtered), so the baseline {} served.",
            integer(LOCALE, *filtered),
            name(served)
        ),
        Explanation::LowConfidenceDefault { served, confidence } => {
            unsure(name(served), *confidence)
        }
        Explanation::ProviderFallback {
            chosen,
            served,
            attempts,
        } => fallback(chosen, served, *attempts),
        Explanation::FirewallBlocked {} => {
            "The firewall took the request for unsafe, so no model was called.".to_owned()
        }
        Explanation::ShadowOnly { tried, shadow_of } => shadow(name(tried), *shadow_of),
        Explanation::StaticRule {
            served,
            rule,
            choice,
        } => format!("{}{} {}.", by_rule(rule), name(served), chosen(*choice)),
    }
}

fn unsure(served: &str, confidence: Option<f64>) -> String {
    format!(
        "No candidate is sure enough to be as good{}, so the baseline {} served.",
        confidence.map_or_else(String::new, |c| format!(
            " (confidence {})",
            decimal(LOCALE, c, 2)
        )),
        served
    )
}

fn shadow(tried: &str, shadow_of: Option<uuid::Uuid>) -> String {
    format!(
        "A copy of request {} was sent to {} to learn how well it does; nobody was shown the reply.",
        shadow_of.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
        tried
    )
}

fn by_rule(rule: &Option<String>) -> String {
    match rule {
        Some(rule) => format!("By the rule \"{rule}\": "),
        None => "By the order of the request: ".to_owned(),
    }
}

fn cached(tier: CacheTier, model: &str) -> String {
    let cache = match tier {
        CacheTier::Exact => "exact",
        CacheTier::Semantic => "semantic",
        CacheTier::Advanced => "advanced",
    };
    format!(
        "A stored reply of {model} was served from the {cache} cache; the router was not invoked."
    )
}

fn no_router(served: &str, cause: NoRouter) -> String {
    match cause {
        NoRouter::NamedModel => {
            format!("The request named its model, so {served} served it; no routing was involved.")
        }
        NoRouter::Passthrough => {
            format!("The request was forwarded to {served} as it came; no routing was involved.")
        }
        NoRouter::SingleCandidate => {
            format!("{served} was the only candidate, so there was nothing to choose.")
        }
        NoRouter::ToolLoop => format!(
            "{served} went on serving because the request answers tool calls of this conversation."
        ),
        NoRouter::ProviderContent => format!(
            "{served} went on serving because the conversation has content that no other provider can read."
        ),
        NoRouter::NoRanking => {
            format!("{served} served; nothing is known yet of which model does this best.")
        }
        NoRouter::Refused => "The request was refused before any model was asked.".to_owned(),
    }
}

fn fallback(chosen: &Option<CandidateKey>, served: &Option<CandidateKey>, attempts: u64) -> String {
    let attempts = integer(LOCALE, attempts);
    match (chosen, served) {
        (Some(chosen), Some(served)) => format!(
            "{chosen} was chosen but failed; {served} stepped in and served the reply (attempts: {attempts})."
        ),
        (Some(chosen), None) => format!(
            "{chosen} was chosen, but every attempt failed, so no reply was given (attempts: {attempts})."
        ),
        (None, Some(served)) => format!(
            "Who was chosen failed; {served} stepped in and served the reply (attempts: {attempts})."
        ),
        (None, None) => {
            format!("Every attempt failed, so no reply was given (attempts: {attempts}).")
        }
    }
}

fn chosen(choice: RuleChoice) -> String {
    match choice {
        RuleChoice::First => "comes first among the usable models".to_owned(),
        RuleChoice::Drawn { probability } => format!(
            "was drawn for this session with a probability of {}",
            percent(LOCALE, probability)
        ),
        RuleChoice::FirstByte => "was expected to begin its reply first".to_owned(),
    }
}

fn ranked(facts: &Ranked) -> String {
    let (served, shape) = (name(&facts.served), shape(facts));
    let lead = match facts.kept_warm_tokens {
        None if facts.is_ahead() => format!("{served} leads for {shape}"),
        None => format!("{served} is first for {shape}"),
        Some(tokens) => format!(
            "{served} went on serving because another candidate is not worth losing a prompt cache of {} tokens; the first for {shape}",
            integer(LOCALE, tokens)
        ),
    };
    let distance = decimal(LOCALE, facts.top2_score_gap.abs(), 3);
    let gap = if facts.is_ahead() {
        format!("{distance} ahead of the next candidate")
    } else {
        format!("{distance} behind the highest quality, as the objective allows")
    };
    let replies = match facts.samples {
        1 => "1 scored reply".to_owned(),
        samples => format!("{} scored replies", integer(LOCALE, samples)),
    };
    let stability = match Stability::of(facts.outcome_variance) {
        Stability::Stable => "stable outcomes",
        Stability::Mixed => "mixed outcomes",
        Stability::Volatile => "volatile outcomes",
    };
    let level = match Level::of(facts.confidence) {
        Level::High => "high",
        Level::Moderate => "moderate",
        Level::Low => "low",
    };
    let confidence = facts
        .confidence
        .map(|c| format!(" ({})", decimal(LOCALE, c, 2)));
    format!(
        "{lead}: {replies}, {gap}, {stability}; confidence is {level}{}.",
        confidence.unwrap_or_default()
    )
}

fn shape(facts: &Ranked) -> String {
    match facts.task_shape.as_str() {
        ROOT => "all tasks".to_owned(),
        shape => format!("task shape {shape}"),
    }
}

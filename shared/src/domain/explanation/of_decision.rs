//! From a record to its explanation: the record alone decides, so that it is explained alike for ever.

use super::{CacheTier, Explanation, NoRouter, Ranked, RuleChoice};
use crate::domain::{
    confidence::ConfidenceReason,
    decision::{Decision, Filter, Reason, Strategy},
    gates::Gate,
    ids::CandidateKey,
};

/// Explains a decision.
pub fn of_decision(decision: &Decision) -> Explanation {
    let served = || decision.served.clone();
    match decision.reason {
        Reason::Shadow => Explanation::ShadowOnly {
            tried: served().or_else(|| decision.chosen.clone()),
            shadow_of: decision.shadow_of.map(|id| id.0),
        },
        Reason::Error if decision.attempts.is_empty() => no_router(decision, NoRouter::Refused),
        Reason::Error => Explanation::ProviderFallback {
            chosen: decision.chosen.clone(),
            served: None,
            attempts: decision.attempts.len() as u64,
        },
        Reason::Fallback => Explanation::ProviderFallback {
            chosen: decision.chosen.clone(),
            served: served(),
            attempts: decision.attempts.len() as u64,
        },
        Reason::DefaultModel => Explanation::FallbackOnly {
            served: served(),
            filtered: filtered(decision).count() as u64,
        },
        Reason::Baseline => baseline(decision),
        Reason::Pinned if decision.affinity.tool_loop => no_router(decision, NoRouter::ToolLoop),
        Reason::Pinned => no_router(decision, NoRouter::ProviderContent),
        Reason::KeptWarm => {
            let tokens = decision.features.history_tokens_estimate;
            Explanation::ranked(ranked(decision, Some(tokens)))
        }
        Reason::Explored => Explanation::Explored {
            served: served(),
            probability: decision.propensity,
        },
        Reason::Passthrough => no_router(decision, NoRouter::Passthrough),
        Reason::CacheHit => Explanation::CacheHit {
            tier: tier(decision),
            model: served(),
        },
        Reason::Firewall => Explanation::FirewallBlocked {},
        Reason::Dispatched => dispatched(decision),
    }
}

/// Whether the question was this one, or another one like it.
fn tier(decision: &Decision) -> CacheTier {
    match decision.cache_hit().and_then(|hit| hit.similar) {
        None => CacheTier::Exact,
        Some(similar) if similar.advanced => CacheTier::Advanced,
        Some(_) => CacheTier::Semantic,
    }
}

fn filtered(decision: &Decision) -> impl Iterator<Item = Filter> {
    decision.candidates.iter().filter_map(|c| c.filter)
}

fn no_router(decision: &Decision, cause: NoRouter) -> Explanation {
    Explanation::NoRouterInvoked {
        served: decision.served.clone(),
        cause,
    }
}

/// The baseline served: nobody else was sure enough to be as good, or nobody kept the constraints.
fn baseline(decision: &Decision) -> Explanation {
    let mut wishes = filtered(decision).filter(|filter| filter.is_wish());
    let first = wishes.next();
    let is_unsure = |filter: Filter| {
        matches!(
            filter,
            Filter::MinQuality | Filter::Gate(Gate::ConfidenceThreshold)
        )
    };
    if first.is_some_and(is_unsure) && wishes.all(is_unsure) {
        Explanation::LowConfidenceDefault {
            served: decision.served.clone(),
            confidence: decision.confidence,
        }
    } else {
        Explanation::ConstraintFiltered {
            served: decision.served.clone(),
            filtered: filtered(decision).count() as u64,
        }
    }
}

fn dispatched(decision: &Decision) -> Explanation {
    match decision.strategy {
        Strategy::LegacyModel if decision.rule.is_none() => {
            no_router(decision, NoRouter::NamedModel)
        }
        Strategy::LegacyModel | Strategy::Fallback => ruled(decision, RuleChoice::First),
        Strategy::RoundRobin | Strategy::Weighted => {
            let probability = decision.propensity;
            ruled(decision, RuleChoice::Drawn { probability })
        }
        Strategy::LatencyBased => ruled(decision, RuleChoice::FirstByte),
        Strategy::SmartCost => smart_cost(decision),
        Strategy::FeedbackDriven => match decision.confidence_reason {
            ConfidenceReason::SingleCandidate => no_router(decision, NoRouter::SingleCandidate),
            ConfidenceReason::NoSamples => no_router(decision, NoRouter::NoRanking),
            ConfidenceReason::Ok
            | ConfidenceReason::Day0Capped
            | ConfidenceReason::SharedPriorCapped
            | ConfidenceReason::NoRouterInvoked
            | ConfidenceReason::CacheHit => Explanation::ranked(ranked(decision, None)),
        },
    }
}

fn ruled(decision: &Decision, choice: RuleChoice) -> Explanation {
    Explanation::StaticRule {
        served: decision.served.clone(),
        rule: decision.rule.clone(),
        choice,
    }
}

fn smart_cost(decision: &Decision) -> Explanation {
    let (served, rule) = (decision.served.clone(), decision.rule.clone());
    if served.is_some() && served == decision.baseline {
        return Explanation::SmartCostKeptDefault { served, rule };
    }
    Explanation::SmartCostSelected {
        served,
        baseline: decision.baseline.clone(),
        rule,
    }
}

fn ranked(decision: &Decision, kept_warm_tokens: Option<u64>) -> Ranked {
    let shape = decision.ranked_shape.as_ref();
    let served: Option<CandidateKey> = decision.served.clone();
    Ranked {
        served,
        task_shape: shape
            .map_or(crate::domain::shape::ROOT, |shape| shape.as_str())
            .to_owned(),
        samples: decision.evidence.samples,
        top2_score_gap: decision.evidence.top2_gap,
        outcome_variance: decision.evidence.outcome_variance,
        confidence: decision.confidence,
        kept_warm_tokens,
    }
}

//! A decision as JSON: the keys of the documentation and those of the SDKs, side by side.
//!
//! Integers stay integers: typed clients refuse floats in integer fields.

mod savings;

use std::collections::BTreeMap;

use floopy_shared::{
    domain::{
        budget::Stopped,
        cache::Similar,
        decision::{Decision, Ending, Reason, Stage, Strategy},
        event::{RatingScore, Score},
        explanation::{Locale, of_decision},
        firewall::{
            Screening, Verdict,
            output::{Redacted, Watched},
            thousandths,
        },
        ids::CandidateKey,
        snapshot::Environment,
    },
    view::{
        affinity, candidate, class_signals, experiment, features, filtered, implicit_signals,
        phase, weights,
    },
};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::labels::{Labels, Regressions};

/// The whole object.
pub(super) fn decision(decision: &Decision, labels: &Labels, locale: Locale) -> Value {
    let mut body = trace(decision, labels);
    let audit = body.clone();
    merge(&mut body, summary(decision, locale));
    body["decision_trace"] = audit;
    body
}

/// What a row of a table shows of it.
pub(super) fn brief(d: &Decision, labels: &Labels) -> Value {
    let served = d.served.as_ref();
    json!({
        "request_id": d.request_id.to_string(),
        "request_created_at": moment(d.created_at_ms),
        "session_id": d.session_id.as_ref().map(ToString::to_string),
        "user_id": d.tags.as_deref().and_then(|tags| tags.user.as_deref()),
        "requested_model": d.requested_model,
        "provider": served.map(CandidateKey::provider),
        "model": served.map(CandidateKey::model),
        "task_shape": task_shape(d),
        "routing_strategy": d.strategy.as_str(),
        "reason": d.reason.as_str(),
        "confidence": d.confidence,
        "shadow_of": d.shadow_of.map(|id| id.to_string()),
        "status": status(d),
        "latency_ms": d.outcome.latency_ms,
        "cost_micro_usd": d.outcome.cost_micro_usd,
        "cache_hit": d.cache_hit().is_some(),
        "quality": labels.judge.as_ref().map(|score| score.composite),
        "session_score": labels.session.map(RatingScore::value),
        "request_score": labels.request.map(RatingScore::value),
    })
}

/// The object as it is exported: whose it is comes in, and the copy of the audit object goes.
pub(super) fn row(decision: &Decision, labels: &Labels, locale: Locale) -> Value {
    let mut body = trace(decision, labels);
    merge(&mut body, summary(decision, locale));
    body["organization_id"] = json!(decision.tenant.as_str());
    body["created_at"] = body["request_created_at"].clone();
    body
}

/// The keys of the SDKs.
fn summary(decision: &Decision, locale: Locale) -> Value {
    let served = decision.served.as_ref();
    let detail = of_decision(decision).detail(locale);
    json!({
        "provider": served.map(CandidateKey::provider),
        "model": served.map(CandidateKey::model),
        "status": status(decision),
        "latency_ms": decision.outcome.latency_ms,
        "cost_micro_usd": decision.outcome.cost_micro_usd,
        "cache_enabled": decision.cache.is_some(),
        "threat": threat(decision),
        "explanation": detail["text"],
        "explanation_detail": detail,
    })
}

/// What the firewall took it for, or found in its reply.
fn threat(decision: &Decision) -> Option<&'static str> {
    match decision.firewall.as_deref() {
        Some(Screening::Scored {
            verdict: Verdict::Flagged | Verdict::Blocked,
            ..
        }) => Some("prompt_injection"),
        Some(
            Screening::Scored {
                verdict: Verdict::Passed,
                ..
            }
            | Screening::Skipped { .. },
        )
        | None => {
            let spot = decision.watched.as_deref()?.spot?;
            Some(spot.leaked.leak().as_str())
        }
    }
}

fn merge(into: &mut Value, extra: Value) {
    if let (Value::Object(into), Value::Object(extra)) = (into, extra) {
        into.extend(extra);
    }
}

/// A stored reply to the same question in other words.
fn similar(similar: Similar) -> Value {
    json!({
        "similarity": f64::from(similar.similarity) / 1_000.0, "advanced": similar.advanced,
        "matched_key": hex::encode(similar.matched),
    })
}

/// The audit object.
fn trace(d: &Decision, labels: &Labels) -> Value {
    let mut trace = identity(d);
    merge(&mut trace, choice(d));
    merge(&mut trace, result(d, labels));
    trace
}

fn identity(d: &Decision) -> Value {
    let tags = d.tags.as_deref();
    json!({
        "request_id": d.request_id.to_string(),
        "request_created_at": moment(d.created_at_ms),
        "session_id": d.session_id.as_ref().map(ToString::to_string),
        "session_name": tags.and_then(|tags| tags.session_name.as_deref()),
        "session_path": tags.and_then(|tags| tags.session_path.as_deref()),
        "user_id": tags.and_then(|tags| tags.user.as_deref()),
        "properties": tags.map(|tags| &tags.properties).unwrap_or(&BTreeMap::new()),
        "completion_id": d.completion_id,
        "key_id": d.key_id,
        "project_id": d.project.map(|id| id.to_string()),
        "environment": d.environment.map(Environment::as_str),
        "evaluation": d.evaluation,
        "requested_model": d.requested_model,
        "shadow_of": d.shadow_of.map(|id| id.to_string()),
        "charged_to": if d.shadow_of.is_some() { "shadow" } else { "serving" },
        "batch_id": d.batch.as_ref().map(|line| &line.batch),
        "custom_id": d.batch.as_ref().map(|line| &line.custom_id),
        "stage": match d.stage { Stage::Started => "started", Stage::Finished => "finished" },
    })
}

fn choice(d: &Decision) -> Value {
    let filtered: Vec<Value> = d.candidates.iter().filter_map(filtered).collect();
    let candidates: Vec<Value> = d.candidates.iter().map(candidate).collect();
    json!({
        "routing_strategy": d.strategy.as_str(),
        "routing_rule_id": d.rule_id,
        "routing_rule": d.rule,
        "passthrough": d.passthrough,
        "experiment": d.experiment.map(experiment),
        "prompt": d.prompt.map(|prompt| json!({"id": prompt.id, "version": prompt.version})),
        "phase": phase(d.phase),
        "weights": weights(&d.weights),
        "candidates": candidates,
        "filtered": filtered,
        "winner": d.served.as_ref().map(|key| json!({"provider": key.provider(), "model": key.model()})),
        "chosen": d.chosen.as_ref().map(|key| json!({"provider": key.provider(), "model": key.model()})),
        "reason": d.reason.as_str(),
        "propensity": d.propensity,
        "affinity": affinity(&d.affinity, d.released),
        "baseline": d.baseline.as_ref().map(|key| json!({"provider": key.provider(), "model": key.model()})),
        "calibrated_probability": d.calibrated,
        "confidence": d.confidence,
        "confidence_reason": d.confidence_reason.as_str(),
        "exploration_rate_effective": d.exploration_rate,
        "used_shared_pool_prior": d.evidence.used_shared_prior,
        "snapshot_version": d.snapshot_version,
        "task_shape": task_shape(d),
        "task_shapes": d.shapes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "class_signals": class_signals(&d.class_signals),
        "implicit_signals": implicit_signals(&d.implicit),
        "draw_key": d.draw_key,
        "features": features(&d.features),
    })
}

/// The kind of task that it was ranked as.
fn task_shape(d: &Decision) -> Option<String> {
    let shape = d.ranked_shape.as_ref().or(d.shapes.first());
    shape.map(ToString::to_string)
}

fn result(d: &Decision, labels: &Labels) -> Value {
    let outcome = &d.outcome;
    let attempts: Vec<Value> = d
        .attempts
        .iter()
        .map(|a| {
            json!({
                "provider": a.key.provider(), "model": a.key.model(), "result": a.result.as_str(),
                "status": a.status, "latency_ms": a.latency_ms, "wasted_micro_usd": a.wasted_micro_usd,
                "upstream_request_id": a.upstream_request_id,
            })
        })
        .collect();
    json!({
        "outcome": {
            "status": outcome.status,
            "ending": ending(outcome.ending),
            "latency_ms": outcome.latency_ms,
            "first_byte_ms": outcome.first_byte_ms,
            "cost_micro_usd": outcome.cost_micro_usd,
            "input_tokens": outcome.usage.input,
            "output_tokens": outcome.usage.output,
            "cached_input_tokens": outcome.usage.cached_input,
            "usage_estimated": outcome.usage_estimated,
            "overhead_us": outcome.overhead_us,
            "cache_hit": d.cache_hit().is_some(),
            "cache": d.cache_hit().map(|hit| json!({
                "age_seconds": hit.age_s, "saved_micro_usd": hit.saved_micro_usd,
                "saved_input_tokens": hit.saved_input_tokens, "saved_output_tokens": hit.saved_output_tokens,
                "similar": hit.similar.map(similar),
            })),
            "cache_compared": d.comparison().map(|compared| json!({
                "similar": similar(compared.similar), "agrees": compared.agrees,
            })),
            "threat_blocked": d.is_blocked(),
            "fallback_used": outcome.fallback_used,
            "refused": outcome.refused,
            "calls_tools": outcome.calls_tools,
            "budget": d.stopped.as_deref().map(stopped),
            "firewall": d.firewall.as_deref().map(firewall),
            "firewall_output": d.watched.as_deref().map(watched),
            "firewall_redacted": redacted(d),
        },
        "evidence": {
            "samples": d.evidence.samples,
            "top2_score_gap": d.evidence.top2_gap,
            "outcome_variance": d.evidence.outcome_variance,
            "scored_requests": d.evidence.scored_requests,
            "rated_sessions": d.evidence.rated_sessions,
            "recent_regressions": is_learned(d).then(|| recent(labels.regressions)),
            "last_regression_at": labels.regressions.last_ms.filter(|_| is_learned(d)).and_then(moment),
        },
        "attempts": attempts,
        "savings": savings::savings(d),
        "judge": labels.judge.as_ref().map(judged),
        "session_score": labels.session.map(RatingScore::value),
        "request_score": labels.request.map(RatingScore::value),
    })
}

/// What a judge said; grades of the tenant's own dimensions by their names.
fn judged(s: &Score) -> Value {
    let own = s.own.iter().map(|own| (own.name.clone(), json!(own.grade)));
    json!({
        "relevance": s.relevance, "coherence": s.coherence, "helpfulness": s.helpfulness,
        "safety": s.safety, "composite": s.composite, "judge": s.judge,
        "own": own.collect::<Map<String, Value>>(),
    })
}

/// The budget that ended a call before anybody was asked.
fn stopped(stopped: &Stopped) -> Value {
    let account = &stopped.account;
    json!({
        "name": stopped.name, "by": account.by.as_str(), "limit": stopped.limit.as_str(),
        "subject": Some(&account.subject).filter(|subject| !subject.is_empty()),
        "unit": stopped.limit.unit(), "max": stopped.max, "used": stopped.used, "needed": stopped.needs,
        "opens_at": stopped.opens_ms.and_then(moment),
    })
}

/// What the firewall said, and of which text.
fn firewall(screening: &Screening) -> Value {
    let verdict = screening.as_str();
    match screening {
        Screening::Scored { finding, .. } => {
            let place = finding.place.as_ref();
            json!({
                "verdict": verdict,
                "score": thousandths(finding.score),
                "threshold": thousandths(finding.threshold),
                "at": place.map(|place| &place.at),
                "role": place.map(|place| place.role.as_str()),
                "span": place.map(|place| json!({"start": place.start, "end": place.end})),
                "partial": finding.partial,
                "skipped": null,
            })
        }
        Screening::Skipped { why, .. } => json!({
            "verdict": verdict, "score": null, "threshold": null, "at": null, "role": null, "span": null,
            "partial": false, "skipped": why.as_str(),
        }),
    }
}

/// What the firewall found in a reply, and where.
fn watched(watched: &Watched) -> Value {
    let spot = watched.spot;
    json!({
        "verdict": watched.as_str(),
        "kind": spot.map(|spot| spot.leaked.leak().as_str()),
        "found": spot.map(|spot| spot.leaked.as_str()),
        "choice": spot.map(|spot| spot.choice),
        "start": spot.map(|spot| spot.start),
        "partial": watched.partial,
    })
}

/// How many of which kind were taken out of what was asked.
fn redacted(d: &Decision) -> Value {
    let one =
        |redacted: &Redacted| json!({"kind": redacted.kind.as_str(), "count": redacted.count});
    d.redacted.iter().map(one).collect()
}

/// Whether a decision rests on evidence of the tenant's own.
fn is_learned(d: &Decision) -> bool {
    match d.strategy {
        Strategy::FeedbackDriven | Strategy::SmartCost => true,
        Strategy::Fallback
        | Strategy::LegacyModel
        | Strategy::RoundRobin
        | Strategy::Weighted
        | Strategy::LatencyBased => false,
    }
}

/// A count in the buckets of the documentation: exact below 10, then at least 10, and at least 50.
fn recent(regressions: Regressions) -> Value {
    match regressions.count {
        count @ 0..10 => json!({"kind": "exact", "exact": count}),
        10..50 => json!({"kind": "at_least", "at_least": 10}),
        50.. => json!({"kind": "at_least", "at_least": 50}),
    }
}

/// A count, which sums hold as a number with a fraction.
pub(super) fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// A moment as callers read it.
pub(super) fn moment(ms: u64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    at.format(&Rfc3339).ok()
}

/// The one word that SDKs show.
fn status(d: &Decision) -> &'static str {
    match (d.stage, d.outcome.ending) {
        (Stage::Started, _) => "started",
        (Stage::Finished, Ending::Completed | Ending::Error)
            if d.reason == Reason::Firewall || d.is_blocked() =>
        {
            "blocked"
        }
        (Stage::Finished, Ending::Completed) if d.cache_hit().is_some() => "cached",
        (Stage::Finished, Ending::Completed) if d.outcome.status < 400 => "ok",
        (Stage::Finished, Ending::ClientDisconnected) => "disconnected",
        (
            Stage::Finished,
            Ending::Completed | Ending::Error | Ending::BrokenStream | Ending::Interrupted,
        ) => "error",
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Error => "error",
        Ending::ClientDisconnected => "client_disconnected",
        Ending::BrokenStream => "broken_stream",
        Ending::Interrupted => "interrupted",
    }
}

//! What a decision saw, as JSON: the same words wherever it is shown, by a proxy or by the control plane.

use serde_json::{Value, json};

use crate::domain::{
    affinity::{Affinity, Origin, Release},
    decision::{CandidateTrace, Filter},
    experiment::Assignment,
    features::Features,
    ids::CandidateKey,
    implicit::Implicit,
    ranking::Role,
    shape::Signal,
    weights::{Phase, Weights},
};

/// The two parts of a candidate's name.
pub fn named(key: &CandidateKey) -> Value {
    json!({"provider": key.provider(), "model": key.model()})
}

/// A candidate with all that was known of it.
pub fn candidate(c: &CandidateTrace) -> Value {
    json!({
        "provider": c.key.provider(),
        "model": c.key.model(),
        "score": c.score,
        "posterior": c.posterior.map(|p| json!({"mean": p.mean, "lower": p.lower, "upper": p.upper, "n": p.n})),
        "propensity": c.propensity,
        "expected_cost_micro_usd": c.expected_cost_micro_usd,
        "filtered_reason": c.filter.map(Filter::as_str),
        "role": c.role.map(role),
        "p_best": c.p_best,
        "p_floor": c.p_floor,
        "latency_p95_ms": c.latency_p95_ms,
        "load": c.load.map(|load| json!({"first_byte_ms": load.first_byte_ms, "waiting": load.waiting})),
    })
}

/// A candidate that could not serve, with the reason; `None`: it could.
pub fn filtered(c: &CandidateTrace) -> Option<Value> {
    c.filter.map(|reason| {
        json!({"provider": c.key.provider(), "model": c.key.model(), "reason": reason.as_str(), "score": c.score})
    })
}

/// What the sources count for; they sum to 1.
pub fn weights(w: &Weights) -> Value {
    json!({"session": w.session, "auto": w.auto, "manual": w.manual, "benchmark": w.benchmark})
}

/// Its name on the wire.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Day0 => "day0",
        Phase::Auto => "auto",
        Phase::Nps => "nps",
    }
}

/// Its name on the wire.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Incumbent => "incumbent",
        Role::Canary => "canary",
        Role::Fallback => "fallback",
        Role::Explorer => "explorer",
        Role::Masked => "masked",
    }
}

/// What a call needs of whoever serves it.
pub fn features(f: &Features) -> Value {
    json!({
        "tools": f.tools, "vision": f.vision, "json_schema": f.json_schema, "stream": f.stream,
        "messages": f.messages, "input_tokens_estimate": f.input_tokens_estimate,
        "max_output_tokens": f.max_output_tokens, "history_tokens_estimate": f.history_tokens_estimate,
        "provider_tools": f.provider_tools,
    })
}

/// What spoke for a class of tasks.
pub fn class_signals(signals: &[Signal]) -> Value {
    let signals = signals.iter();
    signals
        .map(|signal| json!({"name": signal.name, "points": signal.points}))
        .collect()
}

/// What callers did that says something of a reply; the call whose reply it is.
pub fn implicit_signals(signals: &[Implicit]) -> Value {
    let told = signals.iter().map(|signal| {
        let about = signal.about.as_ref();
        json!({
            "signal": signal.kind.as_str(),
            "about_request_id": about.map(|earlier| earlier.request_id.to_string()),
        })
    });
    told.collect()
}

/// What tied the call to whoever served its conversation before.
pub fn affinity(a: &Affinity, released: Option<Release>) -> Value {
    json!({
        "held": a.held.as_ref().map(named),
        "warm": a.warm,
        "tool_loop": a.tool_loop,
        "origin": a.origin.map(origin),
        "bound": a.bound,
        "released": released.map(release),
    })
}

/// What an experiment made of a call. `propensity` beside it is given the variant: times this probability it is that of
/// both.
pub fn experiment(a: Assignment) -> Value {
    json!({
        "id": a.experiment.to_string(),
        "type": a.arrangement.as_str(),
        "variant": a.variant.as_str(),
        "split_percentage": a.percentage,
        "probability": a.probability(),
    })
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Anthropic => "anthropic",
        Origin::OpenAi => "openai",
        Origin::OpenAiStyle => "openai_style",
        Origin::Gemini => "gemini",
    }
}

fn release(release: Release) -> &'static str {
    match release {
        Release::Filtered => "filtered",
        Release::NotRanked => "not_ranked",
        Release::OriginUnavailable => "origin_unavailable",
    }
}

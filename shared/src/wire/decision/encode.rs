//! A decision's event as bytes, written straight from the domain: a proxy does this once for every call. The generated
//! messages would first copy every text and each of twenty candidates, and then measure each of them once for every
//! message that it is nested in. What is read back is the same.

mod writer;

use floopy_proto::v1;
use uuid::Uuid;

use self::writer::{double, element, flag, generated, nested, number, real, text, uuid, varint};
use crate::domain::{
    affinity::Affinity,
    decision::{Attempt, CandidateTrace, Decision, Filter, Load, Outcome},
    features::Features,
    ids::CandidateKey,
    money::{Prices, Usage},
    ranking::{Evidence, Posterior},
    savings::Priced,
    shape::Signal,
    tenant::Environment,
    weights::Weights,
};

/// The field of `floopy.v1.Event` that a decision is in.
const EVENT_DECISION: u32 = 3;

/// Appends `floopy.v1.Event` with this decision.
pub fn encode_event(id: Uuid, recorded_at_ms: u64, decision: &Decision, out: &mut Vec<u8>) {
    uuid(1, Some(id), out);
    number(2, recorded_at_ms, out);
    nested(EVENT_DECISION, out, |out| self::decision(decision, out));
}

/// `floopy.v1.Decision`.
fn decision(decision: &Decision, out: &mut Vec<u8>) {
    call(decision, out);
    routing(decision, out);
    for trace in &decision.candidates {
        nested(13, out, |out| candidate(trace, out));
    }
    outcome_and_attempts(decision, out);
    if let Some(priced) = &decision.priced {
        nested(82, out, |out| self::priced(priced, out));
    }
    seldom(decision, out);
}

/// Whose call it was, and what it asked for.
fn call(decision: &Decision, out: &mut Vec<u8>) {
    uuid(1, Some(decision.request_id.0), out);
    text(2, decision.tenant.as_str(), out);
    text(3, &decision.key_id, out);
    number(4, decision.created_at_ms, out);
    let session = decision.session_id.as_ref();
    text(5, session.map_or("", |id| id.as_str()), out);
    text(
        6,
        decision.completion_id.as_deref().unwrap_or_default(),
        out,
    );
    for shape in &decision.shapes {
        element(7, shape.as_str().as_bytes(), out);
    }
    for spoke in &decision.class_signals {
        nested(81, out, |out| signal(spoke, out));
    }
    text(9, &decision.requested_model, out);
    nested(21, out, |out| features(&decision.features, out));
    text(26, &decision.draw_key, out);
    nested(29, out, |out| affinity(&decision.affinity, out));
    uuid(35, decision.project, out);
    let environment = decision.environment;
    text(36, environment.map_or("", Environment::as_str), out);
}

/// How it was decided.
fn routing(decision: &Decision, out: &mut Vec<u8>) {
    let ranked = decision.ranked_shape.as_ref();
    text(8, ranked.map_or("", |shape| shape.as_str()), out);
    number(10, v1::Strategy::from(decision.strategy) as u64, out);
    number(11, v1::Phase::from(decision.phase) as u64, out);
    nested(12, out, |out| weights(decision.weights, out));
    name(14, decision.chosen.as_ref(), out);
    name(15, decision.served.as_ref(), out);
    number(16, v1::Reason::from(decision.reason) as u64, out);
    real(17, decision.propensity, out);
    double(18, decision.confidence, out);
    text(19, decision.confidence_reason.as_str(), out);
    number(20, decision.snapshot_version, out);
    nested(27, out, |out| evidence(decision.evidence, out));
    real(28, decision.exploration_rate, out);
    let released = decision.released.map(v1::Release::from);
    varint(30, released.map(|released| released as u64), out);
    name(31, decision.baseline.as_ref(), out);
    double(32, decision.calibrated, out);
    text(33, decision.rule.as_deref().unwrap_or_default(), out);
    flag(34, decision.passthrough, out);
}

/// What came of it.
fn outcome_and_attempts(decision: &Decision, out: &mut Vec<u8>) {
    for tried in &decision.attempts {
        nested(22, out, |out| attempt(tried, out));
    }
    nested(23, out, |out| outcome(&decision.outcome, out));
    number(24, v1::Stage::from(decision.stage) as u64, out);
}

/// What most calls are without.
fn seldom(decision: &Decision, out: &mut Vec<u8>) {
    uuid(25, decision.shadow_of.map(|id| id.0), out);
    let prompt = decision.prompt.map(|prompt| v1::PromptVersion {
        id: super::id_bytes(prompt.id),
        version: prompt.version,
    });
    generated(37, prompt, out);
    generated(40, decision.experiment.map(v1::Assignment::from), out);
    flag(45, decision.evaluation, out);
    generated(50, decision.batch.as_ref().map(v1::BatchLine::from), out);
    generated(60, decision.cache.map(v1::CacheUse::from), out);
    generated(70, decision.charged.as_ref().map(v1::Charged::from), out);
    let stopped = decision.stopped.as_deref();
    generated(71, stopped.map(v1::Stopped::from), out);
    text(75, decision.rule_id.as_deref().unwrap_or_default(), out);
    generated(76, decision.tags.as_deref().map(v1::Tags::from), out);
    let screening = decision.firewall.as_deref();
    generated(80, screening.map(v1::Screening::from), out);
    for implicit in &decision.implicit {
        generated(90, Some(v1::Implicit::from(implicit)), out);
    }
    let watched = decision.watched.as_deref();
    generated(95, watched.map(v1::Watched::from), out);
    for redacted in &decision.redacted {
        generated(96, Some(v1::Redacted::from(redacted)), out);
    }
}

/// `floopy.v1.Signal`.
fn signal(signal: &Signal, out: &mut Vec<u8>) {
    let Signal { name, points } = signal;
    text(1, name, out);
    number(2, u64::from(*points), out);
}

fn name(tag: u32, candidate: Option<&CandidateKey>, out: &mut Vec<u8>) {
    text(tag, candidate.map_or("", |key| key.as_str()), out);
}

/// `floopy.v1.CandidateTrace`.
fn candidate(trace: &CandidateTrace, out: &mut Vec<u8>) {
    // Without `..`, here and below: a new field must be written, too.
    let CandidateTrace {
        key,
        score,
        posterior,
        propensity,
        expected_cost_micro_usd,
        filter,
        role,
        latency_p95_ms,
        p_floor,
        p_best,
        load,
        published,
    } = trace;
    text(1, key.as_str(), out);
    real(2, *score, out);
    if let Some(believed) = posterior {
        nested(3, out, |out| self::posterior(believed, out));
    }
    real(4, *propensity, out);
    varint(5, *expected_cost_micro_usd, out);
    varint(6, filter.map(|filter| v1::Filter::from(filter) as u64), out);
    varint(7, role.map(|role| v1::Role::from(role) as u64), out);
    varint(8, *latency_p95_ms, out);
    double(9, *p_floor, out);
    double(10, *p_best, out);
    if let Some(seen) = load {
        nested(11, out, |out| self::load(seen, out));
    }
    double(12, *published, out);
    if let Some(Filter::Gate(gate)) = *filter {
        varint(13, Some(v1::Gate::from(gate) as u64), out);
    }
}

fn posterior(believed: &Posterior, out: &mut Vec<u8>) {
    let Posterior {
        mean,
        lower,
        upper,
        n,
    } = *believed;
    for (tag, value) in [(1, mean), (2, lower), (3, upper), (4, n)] {
        real(tag, value, out);
    }
}

fn load(seen: &Load, out: &mut Vec<u8>) {
    let Load {
        first_byte_ms,
        waiting,
    } = *seen;
    double(1, first_byte_ms, out);
    number(2, u64::from(waiting), out);
}

fn weights(weights: Weights, out: &mut Vec<u8>) {
    let Weights {
        session,
        auto,
        manual,
        benchmark,
    } = weights;
    for (tag, value) in [(1, session), (2, auto), (3, manual), (4, benchmark)] {
        real(tag, value, out);
    }
}

fn evidence(evidence: Evidence, out: &mut Vec<u8>) {
    let Evidence {
        samples,
        top2_gap,
        outcome_variance,
        scored_requests,
        rated_sessions,
        used_shared_prior,
    } = evidence;
    number(1, samples, out);
    real(2, top2_gap, out);
    real(3, outcome_variance, out);
    number(4, scored_requests, out);
    real(5, rated_sessions, out);
    flag(6, used_shared_prior, out);
}

fn features(features: &Features, out: &mut Vec<u8>) {
    let Features {
        tools,
        vision,
        json_schema,
        stream,
        embeddings,
        messages,
        input_tokens_estimate,
        max_output_tokens,
        history_tokens_estimate,
        provider_tools,
    } = *features;
    flag(1, tools, out);
    flag(2, vision, out);
    flag(3, json_schema, out);
    flag(4, stream, out);
    number(5, input_tokens_estimate, out);
    number(6, max_output_tokens.unwrap_or(0), out);
    number(7, u64::from(messages), out);
    flag(8, embeddings, out);
    number(9, history_tokens_estimate, out);
    flag(10, provider_tools, out);
}

fn affinity(affinity: &Affinity, out: &mut Vec<u8>) {
    let Affinity {
        held,
        warm,
        tool_loop,
        origin,
        bound,
    } = affinity;
    name(1, held.as_ref(), out);
    flag(2, *warm, out);
    flag(3, *tool_loop, out);
    varint(4, origin.map(|origin| v1::Origin::from(origin) as u64), out);
    flag(5, *bound, out);
}

fn attempt(attempt: &Attempt, out: &mut Vec<u8>) {
    let Attempt {
        key,
        result,
        status,
        latency_ms,
        wasted_micro_usd,
        upstream_request_id,
    } = attempt;
    text(1, key.as_str(), out);
    number(2, v1::AttemptResult::from(*result) as u64, out);
    number(3, status.map_or(0, u64::from), out);
    number(4, *latency_ms, out);
    varint(5, *wasted_micro_usd, out);
    text(6, upstream_request_id.as_deref().unwrap_or_default(), out);
}

fn outcome(outcome: &Outcome, out: &mut Vec<u8>) {
    let Outcome {
        status,
        ending,
        latency_ms,
        first_byte_ms,
        cost_micro_usd,
        usage: Usage {
            input,
            cached_input,
            output,
        },
        usage_estimated,
        fallback_used,
        refused,
        calls_tools,
        overhead_us,
    } = *outcome;
    number(1, u64::from(status), out);
    number(2, v1::Ending::from(ending) as u64, out);
    number(3, latency_ms, out);
    varint(4, first_byte_ms, out);
    varint(5, cost_micro_usd, out);
    number(6, input, out);
    number(7, output, out);
    number(8, cached_input, out);
    flag(9, usage_estimated, out);
    flag(10, fallback_used, out);
    number(11, overhead_us, out);
    flag(12, refused, out);
    flag(13, calls_tools, out);
}

fn priced(priced: &Priced, out: &mut Vec<u8>) {
    let Priced {
        baseline,
        baseline_prices,
        served_prices,
        table_version,
    } = priced;
    name(1, baseline.as_ref(), out);
    for (tag, prices) in [(2, baseline_prices), (3, served_prices)] {
        if let Some(known) = *prices {
            nested(tag, out, |out| self::prices(known, out));
        }
    }
    number(4, *table_version, out);
}

fn prices(prices: Prices, out: &mut Vec<u8>) {
    let Prices {
        input_micro_usd_per_mtok,
        output_micro_usd_per_mtok,
        cached_input_micro_usd_per_mtok,
    } = prices;
    number(1, input_micro_usd_per_mtok, out);
    number(2, output_micro_usd_per_mtok, out);
    varint(3, cached_input_micro_usd_per_mtok, out);
}

#[cfg(test)]
mod tests;

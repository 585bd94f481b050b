//! The record of one routed call.

mod encode;

use floopy_proto::v1;

pub use self::encode::encode_event;
use super::{
    InvalidWire, budget, firewall, id_bytes, implicit, names, non_empty, optional_uuid,
    ranking::{self, optional_candidate, optional_candidate_text},
    required, snapshot, uuid,
};
use crate::domain::{
    decision::{Attempt, CandidateTrace, Decision, Load, Outcome, UPSTREAM_REQUEST_ID_BYTES},
    features::Features,
    ids::{RequestId, SessionId},
    money::Usage,
    prompt::PromptVersion,
    shape::{ShapeKey, Signal},
    tenant::Environment,
    weights::phase_weights,
};

impl From<&Features> for v1::Features {
    fn from(f: &Features) -> Self {
        Self {
            tools: f.tools,
            vision: f.vision,
            json_schema: f.json_schema,
            stream: f.stream,
            input_tokens_estimate: f.input_tokens_estimate,
            max_output_tokens: f.max_output_tokens.unwrap_or(0),
            messages: f.messages,
            embeddings: f.embeddings,
            history_tokens_estimate: f.history_tokens_estimate,
            provider_tools: f.provider_tools,
        }
    }
}

impl From<v1::Features> for Features {
    fn from(f: v1::Features) -> Self {
        Self {
            tools: f.tools,
            vision: f.vision,
            json_schema: f.json_schema,
            stream: f.stream,
            embeddings: f.embeddings,
            messages: f.messages,
            input_tokens_estimate: f.input_tokens_estimate,
            max_output_tokens: (f.max_output_tokens > 0).then_some(f.max_output_tokens),
            history_tokens_estimate: f.history_tokens_estimate,
            provider_tools: f.provider_tools,
        }
    }
}

impl From<&CandidateTrace> for v1::CandidateTrace {
    fn from(c: &CandidateTrace) -> Self {
        Self {
            candidate: c.key.as_str().to_owned(),
            score: c.score,
            posterior: c.posterior.map(Into::into),
            propensity: c.propensity,
            expected_cost_micro_usd: c.expected_cost_micro_usd,
            filter: c.filter.map_or(v1::Filter::Unspecified, Into::into).into(),
            gate: names::gate_of(c.filter).into(),
            role: c.role.map_or(v1::Role::Unspecified, Into::into).into(),
            latency_p95_ms: c.latency_p95_ms,
            p_floor: c.p_floor,
            p_best: c.p_best,
            load: c.load.map(Into::into),
            published: c.published,
        }
    }
}

impl TryFrom<v1::CandidateTrace> for CandidateTrace {
    type Error = InvalidWire;

    fn try_from(c: v1::CandidateTrace) -> Result<Self, InvalidWire> {
        Ok(Self {
            key: ranking::candidate(&c.candidate)?,
            score: c.score,
            posterior: c.posterior.map(Into::into),
            propensity: c.propensity,
            expected_cost_micro_usd: c.expected_cost_micro_usd,
            filter: names::optional(c.filter, |filter| names::filter(filter, c.gate))?,
            role: names::optional(c.role, names::role)?,
            latency_p95_ms: c.latency_p95_ms,
            p_floor: c.p_floor,
            p_best: c.p_best,
            load: c.load.map(Into::into),
            published: c.published,
        })
    }
}

impl From<&Signal> for v1::Signal {
    fn from(signal: &Signal) -> Self {
        Self {
            name: signal.name.clone().into_owned(),
            points: signal.points,
        }
    }
}

impl From<v1::Signal> for Signal {
    fn from(signal: v1::Signal) -> Self {
        Self {
            name: signal.name.into(),
            points: signal.points,
        }
    }
}

impl From<Load> for v1::Load {
    fn from(load: Load) -> Self {
        Self {
            first_byte_ms: load.first_byte_ms,
            waiting: load.waiting,
        }
    }
}

impl From<v1::Load> for Load {
    fn from(load: v1::Load) -> Self {
        Self {
            first_byte_ms: load.first_byte_ms,
            waiting: load.waiting,
        }
    }
}

impl From<&Attempt> for v1::Attempt {
    fn from(a: &Attempt) -> Self {
        Self {
            candidate: a.key.as_str().to_owned(),
            result: v1::AttemptResult::from(a.result).into(),
            status: a.status.map_or(0, u32::from),
            latency_ms: a.latency_ms,
            wasted_micro_usd: a.wasted_micro_usd,
            upstream_request_id: a.upstream_request_id.as_deref().unwrap_or_default().into(),
        }
    }
}

impl TryFrom<v1::Attempt> for Attempt {
    type Error = InvalidWire;

    fn try_from(a: v1::Attempt) -> Result<Self, InvalidWire> {
        Ok(Self {
            key: ranking::candidate(&a.candidate)?,
            result: names::attempt_result(a.result)?,
            status: if a.status == 0 {
                None
            } else {
                Some(status(a.status)?)
            },
            latency_ms: a.latency_ms,
            wasted_micro_usd: a.wasted_micro_usd,
            upstream_request_id: upstream_request_id(a.upstream_request_id)?,
        })
    }
}

fn upstream_request_id(id: String) -> Result<Option<Box<str>>, InvalidWire> {
    if id.len() > UPSTREAM_REQUEST_ID_BYTES {
        let why = format!(
            "{} bytes, at most {UPSTREAM_REQUEST_ID_BYTES} are kept",
            id.len()
        );
        return Err(InvalidWire::invalid("upstream_request_id", why));
    }
    Ok(non_empty(id).map(Into::into))
}

impl From<&Outcome> for v1::Outcome {
    fn from(o: &Outcome) -> Self {
        Self {
            status: u32::from(o.status),
            ending: v1::Ending::from(o.ending).into(),
            latency_ms: o.latency_ms,
            first_byte_ms: o.first_byte_ms,
            cost_micro_usd: o.cost_micro_usd,
            input_tokens: o.usage.input,
            output_tokens: o.usage.output,
            cached_input_tokens: o.usage.cached_input,
            usage_estimated: o.usage_estimated,
            fallback_used: o.fallback_used,
            overhead_us: o.overhead_us,
            refused: o.refused,
            calls_tools: o.calls_tools,
        }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = InvalidWire;

    fn try_from(o: v1::Outcome) -> Result<Self, InvalidWire> {
        Ok(Self {
            status: status(o.status)?,
            ending: names::ending(o.ending)?,
            latency_ms: o.latency_ms,
            first_byte_ms: o.first_byte_ms,
            cost_micro_usd: o.cost_micro_usd,
            usage: Usage {
                input: o.input_tokens,
                cached_input: o.cached_input_tokens,
                output: o.output_tokens,
            },
            usage_estimated: o.usage_estimated,
            fallback_used: o.fallback_used,
            overhead_us: o.overhead_us,
            refused: o.refused,
            calls_tools: o.calls_tools,
        })
    }
}

impl From<&Decision> for v1::Decision {
    fn from(d: &Decision) -> Self {
        Self {
            candidates: d.candidates.iter().map(Into::into).collect(),
            ..without_candidates(d)
        }
    }
}

/// Empty where there is none.
fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// Everything but the candidates, of which there are many.
fn without_candidates(d: &Decision) -> v1::Decision {
    v1::Decision {
        request_id: id_bytes(d.request_id.0),
        tenant: d.tenant.as_str().to_owned(),
        key_id: d.key_id.clone(),
        created_at_ms: d.created_at_ms,
        session_id: text(d.session_id.as_ref().map(SessionId::as_str)),
        completion_id: d.completion_id.clone().unwrap_or_default(),
        shapes: d.shapes.iter().map(|s| s.as_str().to_owned()).collect(),
        class_signals: d.class_signals.iter().map(Into::into).collect(),
        ranked_shape: text(d.ranked_shape.as_ref().map(ShapeKey::as_str)),
        requested_model: d.requested_model.clone(),
        strategy: v1::Strategy::from(d.strategy).into(),
        phase: v1::Phase::from(d.phase).into(),
        weights: Some(d.weights.into()),
        candidates: Vec::new(),
        chosen: optional_candidate_text(d.chosen.as_ref()),
        served: optional_candidate_text(d.served.as_ref()),
        reason: v1::Reason::from(d.reason).into(),
        propensity: d.propensity,
        confidence: d.confidence,
        confidence_reason: d.confidence_reason.as_str().to_owned(),
        snapshot_version: d.snapshot_version,
        features: Some((&d.features).into()),
        attempts: d.attempts.iter().map(Into::into).collect(),
        outcome: Some((&d.outcome).into()),
        stage: v1::Stage::from(d.stage).into(),
        shadow_of: d.shadow_of.map(|id| id_bytes(id.0)).unwrap_or_default(),
        draw_key: d.draw_key.clone(),
        evidence: Some(d.evidence.into()),
        exploration_rate: d.exploration_rate,
        affinity: Some((&d.affinity).into()),
        released: d
            .released
            .map_or(v1::Release::Unspecified, Into::into)
            .into(),
        baseline: optional_candidate_text(d.baseline.as_ref()),
        calibrated: d.calibrated,
        rule: d.rule.clone().unwrap_or_default(),
        rule_id: d.rule_id.clone().unwrap_or_default(),
        passthrough: d.passthrough,
        project: d.project.map(id_bytes).unwrap_or_default(),
        environment: d.environment.map_or("", Environment::as_str).to_owned(),
        tags: d.tags.as_deref().map(Into::into),
        experiment: d.experiment.map(Into::into),
        prompt: d.prompt.map(|prompt| v1::PromptVersion {
            id: id_bytes(prompt.id),
            version: prompt.version,
        }),
        evaluation: d.evaluation,
        batch: d.batch.as_ref().map(Into::into),
        cache: d.cache.map(Into::into),
        charged: d.charged.as_ref().map(Into::into),
        stopped: d.stopped.as_deref().map(Into::into),
        firewall: d.firewall.as_deref().map(Into::into),
        watched: d.watched.as_deref().map(Into::into),
        redacted: d.redacted.iter().map(Into::into).collect(),
        priced: d.priced.as_ref().map(Into::into),
        implicit: d.implicit.iter().map(Into::into).collect(),
    }
}

impl TryFrom<v1::Decision> for Decision {
    type Error = InvalidWire;

    fn try_from(d: v1::Decision) -> Result<Self, InvalidWire> {
        Ok(Self {
            request_id: RequestId(uuid(&d.request_id, "request_id")?),
            tenant: ranking::tenant(&d.tenant)?,
            key_id: d.key_id,
            created_at_ms: d.created_at_ms,
            session_id: session(d.session_id)?,
            completion_id: non_empty(d.completion_id),
            shapes: shapes(&d.shapes)?,
            class_signals: d.class_signals.into_iter().map(Into::into).collect(),
            ranked_shape: ranked(d.ranked_shape)?,
            requested_model: d.requested_model,
            strategy: names::strategy(d.strategy)?,
            phase: names::phase(d.phase)?,
            weights: d
                .weights
                .map_or_else(|| phase_weights(0.0, 0.0), Into::into),
            candidates: all(d.candidates)?,
            chosen: optional_candidate(d.chosen)?,
            served: optional_candidate(d.served)?,
            reason: names::reason(d.reason)?,
            propensity: d.propensity,
            confidence: d.confidence,
            confidence_reason: ranking::confidence_reason(&d.confidence_reason)?,
            evidence: d.evidence.map(Into::into).unwrap_or_default(),
            exploration_rate: d.exploration_rate,
            snapshot_version: d.snapshot_version,
            draw_key: d.draw_key,
            features: d.features.map(Into::into).unwrap_or_default(),
            attempts: all(d.attempts)?,
            outcome: required(d.outcome, "outcome")?.try_into()?,
            stage: names::stage(d.stage)?,
            shadow_of: optional_uuid(&d.shadow_of, "shadow_of")?.map(RequestId),
            affinity: d
                .affinity
                .map(TryInto::try_into)
                .transpose()?
                .unwrap_or_default(),
            released: names::optional(d.released, names::release)?,
            baseline: optional_candidate(d.baseline)?,
            calibrated: d.calibrated,
            rule: non_empty(d.rule),
            rule_id: non_empty(d.rule_id),
            passthrough: d.passthrough,
            project: optional_uuid(&d.project, "project")?,
            environment: snapshot::environment(d.environment)?,
            tags: d.tags.map(|tags| Box::new(tags.into())),
            experiment: d.experiment.map(TryInto::try_into).transpose()?,
            prompt: d.prompt.map(prompt).transpose()?,
            evaluation: d.evaluation,
            batch: d.batch.map(Into::into),
            cache: d.cache.map(Into::into),
            charged: d.charged.map(TryInto::try_into).transpose()?,
            stopped: d.stopped.and_then(budget::stopped),
            firewall: d.firewall.and_then(firewall::screening),
            watched: d.watched.and_then(firewall::watched),
            redacted: firewall::redacted(d.redacted),
            priced: d.priced.map(TryInto::try_into).transpose()?,
            implicit: implicit::known(d.implicit)?,
        })
    }
}

fn all<W, T: TryFrom<W, Error = InvalidWire>>(rows: Vec<W>) -> Result<Vec<T>, InvalidWire> {
    rows.into_iter().map(TryInto::try_into).collect()
}

fn ranked(name: String) -> Result<Option<ShapeKey>, InvalidWire> {
    non_empty(name).map(|s| ranking::shape(&s)).transpose()
}

fn shapes(names: &[String]) -> Result<Vec<ShapeKey>, InvalidWire> {
    if names.is_empty() {
        return Err(InvalidWire::Missing("shapes"));
    }
    names.iter().map(|name| ranking::shape(name)).collect()
}

fn session(id: String) -> Result<Option<SessionId>, InvalidWire> {
    let id = non_empty(id).map(|id| SessionId::new(&id)).transpose();
    id.map_err(|e| InvalidWire::invalid("session_id", e))
}

fn prompt(prompt: v1::PromptVersion) -> Result<PromptVersion, InvalidWire> {
    Ok(PromptVersion {
        id: uuid(&prompt.id, "prompt")?,
        version: prompt.version,
    })
}

fn status(code: u32) -> Result<u16, InvalidWire> {
    u16::try_from(code)
        .ok()
        .filter(|code| (100..600).contains(code))
        .ok_or_else(|| InvalidWire::invalid("status", format_args!("{code} is no HTTP status")))
}

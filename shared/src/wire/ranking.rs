//! Rankings and what they are made of.

use floopy_proto::v1;

use super::{InvalidWire, names, non_empty, required};
use crate::domain::{
    confidence::ConfidenceReason,
    ids::{CandidateKey, TenantId},
    ranking::{Evidence, Posterior, RankedCandidate, Rankings, ShapeRanking},
    shape::ShapeKey,
    weights::Weights,
};

impl From<Weights> for v1::Weights {
    fn from(w: Weights) -> Self {
        Self {
            session: w.session,
            auto: w.auto,
            manual: w.manual,
            benchmark: w.benchmark,
        }
    }
}

impl From<v1::Weights> for Weights {
    fn from(w: v1::Weights) -> Self {
        Self {
            session: w.session,
            auto: w.auto,
            manual: w.manual,
            benchmark: w.benchmark,
        }
    }
}

impl From<Posterior> for v1::Posterior {
    fn from(p: Posterior) -> Self {
        Self {
            mean: p.mean,
            lower: p.lower,
            upper: p.upper,
            n: p.n,
        }
    }
}

impl From<v1::Posterior> for Posterior {
    fn from(p: v1::Posterior) -> Self {
        Self {
            mean: p.mean,
            lower: p.lower,
            upper: p.upper,
            n: p.n,
        }
    }
}

impl From<Evidence> for v1::Evidence {
    fn from(e: Evidence) -> Self {
        Self {
            samples: e.samples,
            top2_gap: e.top2_gap,
            outcome_variance: e.outcome_variance,
            scored_requests: e.scored_requests,
            rated_sessions: e.rated_sessions,
            used_shared_prior: e.used_shared_prior,
        }
    }
}

impl From<v1::Evidence> for Evidence {
    fn from(e: v1::Evidence) -> Self {
        Self {
            samples: e.samples,
            top2_gap: e.top2_gap,
            outcome_variance: e.outcome_variance,
            scored_requests: e.scored_requests,
            rated_sessions: e.rated_sessions,
            used_shared_prior: e.used_shared_prior,
        }
    }
}

impl From<&RankedCandidate> for v1::RankedCandidate {
    fn from(c: &RankedCandidate) -> Self {
        Self {
            candidate: c.key.to_string(),
            score: c.score,
            posterior: Some(c.posterior.into()),
            probability: c.probability,
            shadow_probability: c.shadow_probability,
            role: v1::Role::from(c.role).into(),
            latency_p95_ms: c.latency_p95_ms,
            p_floor: c.p_floor,
            p_best: c.p_best,
            gate: c.gate.map_or(v1::Gate::Unspecified, Into::into).into(),
        }
    }
}

impl TryFrom<v1::RankedCandidate> for RankedCandidate {
    type Error = InvalidWire;

    fn try_from(c: v1::RankedCandidate) -> Result<Self, InvalidWire> {
        Ok(Self {
            key: candidate(&c.candidate)?,
            score: c.score,
            posterior: required(c.posterior, "posterior")?.into(),
            probability: c.probability,
            shadow_probability: c.shadow_probability,
            role: names::role(c.role)?,
            latency_p95_ms: c.latency_p95_ms,
            p_floor: c.p_floor,
            p_best: c.p_best,
            gate: names::optional(c.gate, names::gate)?,
        })
    }
}

impl From<&ShapeRanking> for v1::ShapeRanking {
    fn from(r: &ShapeRanking) -> Self {
        Self {
            shape: r.shape.to_string(),
            phase: v1::Phase::from(r.phase).into(),
            weights: Some(r.weights.into()),
            candidates: r.candidates.iter().map(Into::into).collect(),
            confidence: r.confidence,
            confidence_reason: r.confidence_reason.as_str().to_owned(),
            evidence: Some(r.evidence.into()),
            baseline: optional_candidate_text(r.baseline.as_ref()),
            calibrated: r.calibrated,
        }
    }
}

impl TryFrom<v1::ShapeRanking> for ShapeRanking {
    type Error = InvalidWire;

    fn try_from(r: v1::ShapeRanking) -> Result<Self, InvalidWire> {
        Ok(Self {
            shape: shape(&r.shape)?,
            phase: names::phase(r.phase)?,
            weights: required(r.weights, "weights")?.into(),
            candidates: r
                .candidates
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            confidence: r.confidence,
            confidence_reason: confidence_reason(&r.confidence_reason)?,
            evidence: r.evidence.map(Into::into).unwrap_or_default(),
            baseline: optional_candidate(r.baseline)?,
            calibrated: r.calibrated,
        })
    }
}

impl From<&Rankings> for v1::Rankings {
    fn from(r: &Rankings) -> Self {
        Self {
            tenant: r.tenant.to_string(),
            shapes: r.shapes.iter().map(Into::into).collect(),
            shadow_rate: r.shadow_rate,
            objective: v1::Objective::from(r.objective).into(),
            quality_per_usd: r.quality_per_usd,
        }
    }
}

impl TryFrom<v1::Rankings> for Rankings {
    type Error = InvalidWire;

    fn try_from(r: v1::Rankings) -> Result<Self, InvalidWire> {
        let rankings = Self {
            tenant: tenant(&r.tenant)?,
            shapes: r
                .shapes
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            shadow_rate: r.shadow_rate,
            objective: names::optional(r.objective, names::objective)?.unwrap_or_default(),
            quality_per_usd: r.quality_per_usd,
        };
        rankings
            .validate()
            .map_err(|e| InvalidWire::invalid("rankings", e))?;
        Ok(rankings)
    }
}

pub(super) fn tenant(id: &str) -> Result<TenantId, InvalidWire> {
    TenantId::new(id).map_err(|e| InvalidWire::invalid("tenant", e))
}

pub(super) fn candidate(key: &str) -> Result<CandidateKey, InvalidWire> {
    CandidateKey::parse(key).map_err(|e| InvalidWire::invalid("candidate", e))
}

pub(super) fn optional_candidate(key: String) -> Result<Option<CandidateKey>, InvalidWire> {
    non_empty(key).map(|key| candidate(&key)).transpose()
}

pub(super) fn optional_candidate_text(key: Option<&CandidateKey>) -> String {
    key.map(|key| key.as_str().to_owned()).unwrap_or_default()
}

pub(super) fn shape(name: &str) -> Result<ShapeKey, InvalidWire> {
    ShapeKey::named(name)
        .ok_or_else(|| InvalidWire::invalid("shape", format_args!("{name:?} is no shape's name")))
}

pub(super) fn confidence_reason(name: &str) -> Result<ConfidenceReason, InvalidWire> {
    ConfidenceReason::parse(name).ok_or_else(|| {
        InvalidWire::invalid("confidence_reason", format_args!("{name:?} is not known"))
    })
}

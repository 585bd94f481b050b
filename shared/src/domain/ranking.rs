//! What the control plane concluded: per task shape, who serves with which probability, and why.

use super::{
    confidence::ConfidenceReason,
    gates::Gate,
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
    weights::{Phase, Weights},
};

/// What a candidate's composite quality is believed to be, on 0..1; the bounds are the 5 % and 95 % quantiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    pub mean: f64,
    pub lower: f64,
    pub upper: f64,
    /// Effective observations behind it.
    pub n: f64,
}

/// Why a candidate has traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Incumbent,
    Canary,
    Fallback,
    /// Live exploration: its share of traffic never grows because others are filtered.
    Explorer,
    /// Taken out by a drift monitor: never drawn, and a fallback only where nobody else is left.
    Masked,
}

/// Most live traffic that explorers of a shape may have together.
pub const MAX_LIVE_EXPLORATION: f64 = 0.05;

/// What routing seeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// The best quality.
    #[default]
    Quality,
    /// The lowest cost that keeps a floor of quality.
    Floor,
}

/// One candidate of a task shape.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedCandidate {
    pub key: CandidateKey,
    /// Weighted composite of the four sources.
    pub score: f64,
    pub posterior: Posterior,
    /// Probability of being served.
    pub probability: f64,
    /// Probability of being the one tried in the shadow. Those of a shape sum to at most one: the rest of the
    /// shadow is left out, where trying more would cost more than the tenant allows.
    pub shadow_probability: f64,
    pub role: Role,
    /// 95 % quantile of its replies' latency; `None`: too few were timed.
    pub latency_p95_ms: Option<u64>,
    /// How sure it is that the floor is kept; `None`: the tenant has no floor.
    pub p_floor: Option<f64>,
    /// Probability of being the best of its shape.
    pub p_best: Option<f64>,
    /// What it has yet to show before it may serve instead of the baseline; `None`: nothing.
    pub gate: Option<Gate>,
}

/// What was known of a shape when it was ranked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    pub samples: u64,
    /// Estimate of the candidate in charge less the best of the others: negative where that one costs more or is not
    /// yet proven.
    pub top2_gap: f64,
    pub outcome_variance: f64,
    pub scored_requests: u64,
    pub rated_sessions: f64,
    /// What other tenants pooled was part of the prior.
    pub used_shared_prior: bool,
}

/// The ranking of one task shape; candidates best first, which is the fallback order.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeRanking {
    pub shape: ShapeKey,
    pub phase: Phase,
    pub weights: Weights,
    pub candidates: Vec<RankedCandidate>,
    pub confidence: Option<f64>,
    pub confidence_reason: ConfidenceReason,
    pub evidence: Evidence,
    /// The reference of floors and of every claim of improvement.
    pub baseline: Option<CandidateKey>,
    /// Calibrated probability that the incumbent is as good as the best within 0.02.
    pub calibrated: Option<f64>,
}

/// Everything ranked for one tenant. Always has the root shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Rankings {
    pub tenant: TenantId,
    pub shapes: Vec<ShapeRanking>,
    /// Share of requests that are also sent, unseen, to another candidate.
    pub shadow_rate: f64,
    pub objective: Objective,
    /// Quality of one answer, on 0..1, that a USD is worth: what losing a warm prompt cache is weighed with.
    /// 0: the loss counts for nothing.
    pub quality_per_usd: f64,
}

/// Why rankings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRankings {
    #[error("the root shape {:?} is missing", super::shape::ROOT)]
    RootMissing,
    #[error("shape {0} is ranked twice")]
    DuplicateShape(ShapeKey),
    #[error("shape {0} has no candidate")]
    NoCandidate(ShapeKey),
    #[error("shape {shape} lists {key} twice")]
    DuplicateCandidate { shape: ShapeKey, key: CandidateKey },
    #[error("{field} of {key} in shape {shape} is {value}, outside 0..1")]
    OutOfRange {
        shape: ShapeKey,
        key: CandidateKey,
        field: &'static str,
        value: f64,
    },
    #[error("{field} of shape {shape} sum to {sum}, not {expected}")]
    Sum {
        shape: ShapeKey,
        field: &'static str,
        sum: f64,
        expected: &'static str,
    },
    #[error("shadow rate {0} is outside 0..1")]
    ShadowRate(f64),
    #[error("quality per USD is {0}, not a finite number from 0")]
    QualityPerUsd(f64),
    #[error("{key} of shape {shape} is {why} but has probability {value}")]
    MaskedTraffic {
        shape: ShapeKey,
        key: CandidateKey,
        why: &'static str,
        value: f64,
    },
    #[error(
        "explorers of shape {shape} have {sum} of its traffic, more than {MAX_LIVE_EXPLORATION}"
    )]
    Exploration { shape: ShapeKey, sum: f64 },
}

/// How far a sum of probabilities may be from one.
const SUM_TOLERANCE: f64 = 1e-6;

impl Rankings {
    /// Checks every rule a proxy relies on.
    pub fn validate(&self) -> Result<(), InvalidRankings> {
        if !(0.0..=1.0).contains(&self.shadow_rate) {
            return Err(InvalidRankings::ShadowRate(self.shadow_rate));
        }
        if !(self.quality_per_usd.is_finite() && self.quality_per_usd >= 0.0) {
            return Err(InvalidRankings::QualityPerUsd(self.quality_per_usd));
        }
        let mut seen = std::collections::HashSet::new();
        for shape in &self.shapes {
            if !seen.insert(&shape.shape) {
                return Err(InvalidRankings::DuplicateShape(shape.shape.clone()));
            }
            shape.validate()?;
        }
        if self.shapes.iter().any(|shape| shape.shape.is_root()) {
            Ok(())
        } else {
            Err(InvalidRankings::RootMissing)
        }
    }
}

impl ShapeRanking {
    fn validate(&self) -> Result<(), InvalidRankings> {
        let shape = || self.shape.clone();
        if self.candidates.is_empty() {
            return Err(InvalidRankings::NoCandidate(shape()));
        }
        let mut seen = std::collections::HashSet::new();
        for candidate in &self.candidates {
            if !seen.insert(&candidate.key) {
                let key = candidate.key.clone();
                return Err(InvalidRankings::DuplicateCandidate {
                    shape: shape(),
                    key,
                });
            }
            self.check_candidate(candidate)?;
        }
        self.check_roles()?;
        let w = &self.weights;
        self.check_sum("weights", w.session + w.auto + w.manual + w.benchmark)?;
        self.check_sum(
            "probabilities",
            self.candidates.iter().map(|c| c.probability).sum(),
        )?;
        let shadow: f64 = self.candidates.iter().map(|c| c.shadow_probability).sum();
        if shadow > 1.0 + SUM_TOLERANCE {
            return Err(InvalidRankings::Sum {
                shape: shape(),
                field: "shadow probabilities",
                sum: shadow,
                expected: "at most 1",
            });
        }
        Ok(())
    }

    fn check_candidate(&self, candidate: &RankedCandidate) -> Result<(), InvalidRankings> {
        let fields = [
            ("score", Some(candidate.score)),
            ("probability", Some(candidate.probability)),
            ("shadow probability", Some(candidate.shadow_probability)),
            ("floor probability", candidate.p_floor),
            ("probability of being best", candidate.p_best),
        ];
        let outside = fields
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
            .find(|(_, value)| !(0.0..=1.0).contains(value));
        match outside {
            Some((field, value)) => Err(InvalidRankings::OutOfRange {
                shape: self.shape.clone(),
                key: candidate.key.clone(),
                field,
                value,
            }),
            None => Ok(()),
        }
    }

    fn check_roles(&self) -> Result<(), InvalidRankings> {
        let shape = || self.shape.clone();
        let out = |c: &RankedCandidate| {
            let is_masked = (c.role == Role::Masked).then_some("masked");
            is_masked.or(c.gate.map(|_| "kept back by a gate"))
        };
        let mut serving = self.candidates.iter().filter(|c| c.probability > 0.0);
        if let Some((candidate, why)) = serving.find_map(|c| Some((c, out(c)?))) {
            return Err(InvalidRankings::MaskedTraffic {
                shape: shape(),
                key: candidate.key.clone(),
                why,
                value: candidate.probability,
            });
        }
        let explorers = self.candidates.iter().filter(|c| c.role == Role::Explorer);
        let sum: f64 = explorers.map(|c| c.probability).sum();
        if sum > MAX_LIVE_EXPLORATION + SUM_TOLERANCE {
            return Err(InvalidRankings::Exploration {
                shape: shape(),
                sum,
            });
        }
        Ok(())
    }

    fn check_sum(&self, field: &'static str, sum: f64) -> Result<(), InvalidRankings> {
        if (sum - 1.0).abs() <= SUM_TOLERANCE {
            return Ok(());
        }
        Err(InvalidRankings::Sum {
            shape: self.shape.clone(),
            field,
            sum,
            expected: "1",
        })
    }
}

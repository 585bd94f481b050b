//! The published confidence formula (floopy.ai/docs/methodology/confidence): a heuristic, not a probability.

use super::weights::Phase;

/// Composite gap between the two best candidates that counts as decisive.
const FULL_GAP: f64 = 0.20;
/// Samples of the winner that count as plenty.
const FULL_SAMPLES: f64 = 30.0;
/// Largest variance an outcome on 0..1 can have.
const FULL_VARIANCE: f64 = 0.25;
/// Cap while only benchmarks speak.
const DAY0_CAP: f64 = 0.6;
/// Cap while the pooled prior of other tenants was used.
const SHARED_PRIOR_CAP: f64 = 0.8;

/// What the formula looks at, all of the tenant's own data.
#[derive(Debug, Clone, Copy)]
pub struct Inputs {
    pub top2_gap: f64,
    pub winner_samples: f64,
    pub winner_variance: f64,
    pub phase: Phase,
    pub used_shared_prior: bool,
    pub candidates: usize,
}

/// The confidence and the reason that goes with it.
pub fn confidence(inputs: &Inputs) -> (Option<f64>, ConfidenceReason) {
    if inputs.candidates < 2 {
        return (None, ConfidenceReason::SingleCandidate);
    }
    let gap = (inputs.top2_gap / FULL_GAP).clamp(0.0, 1.0);
    let samples = (inputs.winner_samples.max(0.0).ln_1p() / FULL_SAMPLES.ln_1p()).clamp(0.0, 1.0);
    let variance = 1.0 - (inputs.winner_variance / FULL_VARIANCE).clamp(0.0, 1.0);
    let raw = 0.45 * gap + 0.35 * samples + 0.20 * variance;
    match inputs.phase {
        Phase::Day0 if raw > DAY0_CAP => (Some(DAY0_CAP), ConfidenceReason::Day0Capped),
        Phase::Auto | Phase::Nps | Phase::Day0
            if inputs.used_shared_prior && raw > SHARED_PRIOR_CAP =>
        {
            (Some(SHARED_PRIOR_CAP), ConfidenceReason::SharedPriorCapped)
        }
        Phase::Day0 | Phase::Auto | Phase::Nps => (Some(raw), ConfidenceReason::Ok),
    }
}

/// Why the confidence is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfidenceReason {
    Ok,
    Day0Capped,
    SharedPriorCapped,
    SingleCandidate,
    /// Nothing is known yet that candidates could be ranked by.
    NoSamples,
    NoRouterInvoked,
    /// A stored reply was given.
    CacheHit,
}

impl ConfidenceReason {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Day0Capped => "day0_capped",
            Self::SharedPriorCapped => "shared_prior_capped",
            Self::SingleCandidate => "single_candidate",
            Self::NoSamples => "no_samples",
            Self::NoRouterInvoked => "no_router_invoked",
            Self::CacheHit => "cache_hit",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Ok,
            Self::Day0Capped,
            Self::SharedPriorCapped,
            Self::SingleCandidate,
            Self::NoSamples,
            Self::NoRouterInvoked,
            Self::CacheHit,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(phase: Phase, shared: bool) -> Inputs {
        Inputs {
            top2_gap: 0.07,
            winner_samples: 412.0,
            winner_variance: 0.04,
            phase,
            used_shared_prior: shared,
            candidates: 2,
        }
    }

    #[test]
    fn formula_gives_the_published_example_and_its_caps() {
        let (value, reason) = confidence(&inputs(Phase::Nps, false));
        assert!((value.expect("two candidates") - 0.6755).abs() < 1e-9);
        assert_eq!(reason, ConfidenceReason::Ok);
        assert_eq!(
            confidence(&inputs(Phase::Day0, false)),
            (Some(0.6), ConfidenceReason::Day0Capped)
        );
        let certain = Inputs {
            top2_gap: 0.3,
            ..inputs(Phase::Nps, true)
        };
        assert_eq!(
            confidence(&certain),
            (Some(0.8), ConfidenceReason::SharedPriorCapped)
        );
        let alone = Inputs {
            candidates: 1,
            ..certain
        };
        assert_eq!(
            confidence(&alone),
            (None, ConfidenceReason::SingleCandidate)
        );
    }
}

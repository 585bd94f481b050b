//! From evidence to a composite quality per candidate, with its variance.
//!
//! Empirical-Bayes shrinkage in a chain (credibility theory: Bühlmann 1967; hierarchical bandits: Hong et
//! al., AISTATS 2022): the judge's mean is shrunk to the prior, a manual mean to the judge's, a session's part
//! to both. The composite weighs the four with the published phase weights.

use floopy_shared::domain::weights::Weights;

use super::{
    evidence::{Evidence, Scales},
    prior::Prior,
    residual::Solved,
    split::Predicted,
    sums::Moments,
};

/// Error of a judge that more scores do not remove, as a standard deviation on 0..1.
const JUDGE_BIAS: f64 = 0.03;
/// The same of people: moods, anchoring, and ratings about something other than the answers.
pub const HUMAN_BIAS: f64 = 0.06;
/// Never certain: keeps ratios of variances finite.
const VARIANCE_FLOOR: f64 = 1e-6;

/// What is believed of one candidate in one shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Composite quality on 0..1.
    pub q: f64,
    /// Its variance.
    pub v: f64,
    /// Effective observations of all sources.
    pub n: f64,
    /// Variance of single outcomes.
    pub outcome_variance: f64,
    /// How much of the composite is prior; the rest is evidence.
    pub prior_share: f64,
}

/// One source after shrinkage: its mean, the trust in it, and the variance of its own mean.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shrunk {
    mean: f64,
    trust: f64,
    sampling: f64,
}

/// What prior, judge and single ratings say of a candidate, before its sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chain {
    pub prior: Prior,
    auto: Shrunk,
    manual: Shrunk,
    /// Where a session's part is shrunk to.
    pub toward: f64,
}

impl Chain {
    /// Shrinks source by source.
    pub fn of(prior: Prior, arm: &Evidence, scales: &Scales) -> Self {
        let spread = prior.tau * prior.tau;
        let human = HUMAN_BIAS * HUMAN_BIAS;
        let by_tau = |sampling: f64| spread / (spread + sampling + JUDGE_BIAS * JUDGE_BIAS);
        let by_bias = |sampling: f64| human / (human + sampling);
        let noise = &scales.noise;
        // What a judge that disagrees loses of its weight, others would else get back by being shrunk to it.
        let by_judge = |sampling: f64| by_tau(sampling) * scales.judge_factor;
        let auto = shrink((arm.auto, noise.auto), (0.0, prior.mean), by_judge);
        let offset = scales.manual_offset;
        let manual = shrink((arm.manual, noise.manual), (offset, auto.mean), by_bias);
        Self {
            prior,
            auto,
            manual,
            toward: auto.mean + manual.trust * (manual.mean - auto.mean) / 2.0,
        }
    }

    /// What was observed by each source, beside what the prior and what all of it together say of it.
    pub fn predicted(
        &self,
        arm: &Evidence,
        session: Solved,
        scales: &Scales,
    ) -> [Option<Predicted>; 3] {
        let noise = &scales.noise;
        let single = |(seen, noise): (Moments, f64), offset: f64, shrunk: &Shrunk| {
            Some(Predicted {
                mean: seen.mean()? - offset,
                n: seen.n,
                noise: seen.noise(noise),
                by_parent: self.prior.mean,
                by_shape: shrunk.mean,
                trust: shrunk.trust,
            })
        };
        let rated = (session.trust > 0.0).then(|| Predicted {
            mean: self.toward + (session.mean - self.toward) / session.trust,
            n: arm.session.n,
            noise: noise.session,
            by_parent: self.prior.mean,
            by_shape: session.mean,
            trust: session.trust,
        });
        [
            single((arm.auto, noise.auto), 0.0, &self.auto),
            single(
                (arm.manual, noise.manual),
                scales.manual_offset,
                &self.manual,
            ),
            rated,
        ]
    }

    /// Adds the sessions, and weighs.
    pub fn estimate(
        &self,
        arm: &Evidence,
        session: Solved,
        (w, scales): (&Weights, &Scales),
    ) -> Estimate {
        let Self {
            prior,
            auto,
            manual,
            toward: _,
        } = self;
        let q = w.session * session.mean
            + w.auto * auto.mean
            + w.manual * manual.mean
            + w.benchmark * prior.mean;
        // How much of the judge's estimate is in the composite, through its own weight and through the chain.
        let beside_sessions = w.session * (1.0 - session.trust);
        let through = w.auto + w.manual * (1.0 - manual.trust) + beside_sessions;
        let spread = prior.tau * prior.tau;
        let sampling = if arm.session.n > 0.0 {
            scales.noise.session / arm.session.n
        } else {
            0.0
        };
        let mut v = through * through * (1.0 - auto.trust) * spread
            + (w.manual * manual.trust).powi(2) * manual.sampling
            + (w.session * session.trust).powi(2) * sampling;
        // The prior's own share errs too, and as the judge's estimate does as far as that is still the prior:
        // `Var(c·m + w·P − θ(c + w)) = τ²(c²(1−r) + w² + 2cw(1−r))`, the whole of `τ²(c + w)²` before any score.
        v += spread * w.benchmark * (w.benchmark + 2.0 * through * (1.0 - auto.trust));
        let of_manual = 1.0 - manual.trust * manual.trust / 2.0;
        let prior_share = w.benchmark
            + (1.0 - auto.trust)
                * (w.auto + w.manual * (1.0 - manual.trust) + beside_sessions * of_manual);
        Estimate {
            q: q.clamp(0.0, 1.0),
            v: v.max(VARIANCE_FLOOR),
            n: arm.n(),
            outcome_variance: arm.auto.variance(),
            prior_share: prior_share.clamp(0.0, 1.0),
        }
    }
}

fn shrink(
    (seen, noise): (Moments, f64),
    (offset, toward): (f64, f64),
    trust: impl Fn(f64) -> f64,
) -> Shrunk {
    let Some(mean) = seen.mean() else {
        return Shrunk {
            mean: toward,
            trust: 0.0,
            sampling: 0.0,
        };
    };
    let sampling = seen.noise(noise) / seen.n;
    let trust = trust(sampling);
    Shrunk {
        mean: trust * (mean - offset) + (1.0 - trust) * toward,
        trust,
        sampling,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{agreement::Agreement, stats::TenantStats};

    fn variance(n: f64, weights: &Weights) -> f64 {
        let scales = Scales::of(&TenantStats::default(), &Agreement::default());
        let arm = Evidence {
            auto: Moments {
                n,
                sum: n * 0.7,
                sumsq: n * (0.49 + 0.06),
            },
            ..Evidence::default()
        };
        let prior = Prior {
            mean: 0.7,
            tau: 0.1,
        };
        let chain = Chain::of(prior, &arm, &scales);
        let none = Solved {
            mean: chain.toward,
            trust: 0.0,
        };
        chain.estimate(&arm, none, (weights, &scales)).v
    }

    #[test]
    fn the_first_score_does_not_make_a_candidate_sure_and_the_priors_own_error_stays() {
        let weights = Weights {
            session: 0.0,
            auto: 0.6,
            manual: 0.0,
            benchmark: 0.4,
        };
        assert!((variance(0.0, &weights) - 0.01).abs() < 1e-12, "all of it");
        let first = variance(1.0, &weights);
        assert!((0.008..0.01).contains(&first), "{first}");
        let many = variance(100_000.0, &weights);
        assert!(many > 0.16 * 0.01, "{many}");
        let counts = (0..12).map(|i| variance(f64::from(1 << i), &weights));
        assert!(counts.is_sorted_by(|a, b| a > b), "more scores, less error");
    }
}

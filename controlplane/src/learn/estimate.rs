//! From a shape's sums to a composite quality per candidate, with its variance.
//!
//! Empirical-Bayes shrinkage in a chain (credibility theory: Bühlmann 1967; hierarchical bandits: Hong et
//! al., AISTATS 2022): the judge's mean is shrunk to the prior, a manual mean to the judge's, a session mean
//! to both. The composite weighs the four with the published phase weights.

use floopy_shared::domain::weights::{Weights, phase_weights};

use super::{
    stats::{ArmStats, ShapeStats, TenantStats},
    sums::Moments,
};

/// Error of a judge that more scores do not remove, as a standard deviation on 0..1.
const JUDGE_BIAS: f64 = 0.04;
/// The same of people: moods, anchoring, and ratings about something other than the answers.
const HUMAN_BIAS: f64 = 0.06;
/// Spread of one observation assumed before any was seen: judged replies of one model vary this much.
const NOISE_PRIOR: f64 = 0.25;
/// Width of the prior around the public benchmarks, before the tenant's own data say how wrong they are.
pub const ROOT_TAU: f64 = 0.15;
/// Width of a shape's prior around its parent: shapes differ from their parent less than benchmarks do.
pub const CHILD_TAU: f64 = 0.12;
/// Cells that the assumed width counts for when the tenant's data re-estimate it.
const TAU_PSEUDO_CELLS: f64 = 20.0;
/// Limits of the re-estimated width.
const TAU_RANGE: (f64, f64) = (0.03, 0.25);
/// Pseudo-observations that pull scale offsets and levels to zero.
const SCALE_PSEUDO: f64 = 5.0;
/// How far a shape's level of scores may lie from its prior's, as a standard deviation: shapes differ in
/// difficulty, and judges in strictness, about as much as models do in quality.
const LEVEL_SPREAD: f64 = 0.15;

/// How much higher people rate than the judge scores, per source, over the whole tenant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Offsets {
    pub session: f64,
    pub manual: f64,
}

/// Which sources anybody in the tenant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    session: bool,
    auto: bool,
    manual: bool,
}

/// What holds for all shapes of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scales {
    offsets: Offsets,
    used: Used,
}

impl Scales {
    /// Compares sources over the candidates that have both, in the root shape, where everything is counted.
    pub fn of(root: Option<&ShapeStats>) -> Self {
        let arms: Vec<&ArmStats> = root.map(|r| r.arms.values().collect()).unwrap_or_default();
        let uses = |of: fn(&ArmStats) -> Moments| arms.iter().any(|arm| of(arm).n > 0.0);
        let used = Used {
            session: uses(|a| a.session),
            auto: uses(|a| a.auto),
            manual: uses(|a| a.manual),
        };
        let offsets = Offsets {
            session: offset(&arms, |a| a.session),
            manual: offset(&arms, |a| a.manual),
        };
        Self { offsets, used }
    }

    /// The same for a whole tenant.
    pub fn of_tenant(stats: &TenantStats) -> Self {
        Self::of(stats.shapes.get(floopy_shared::domain::shape::ROOT))
    }

    /// The published weights; a source that nobody in the tenant uses gives its share to the others.
    pub fn weights(&self, scored_requests: f64, rated_sessions: f64) -> Weights {
        let table = phase_weights(scored_requests, rated_sessions);
        let keep = |share: f64, used: bool| if used { share } else { 0.0 };
        let kept = Weights {
            session: keep(table.session, self.used.session),
            auto: keep(table.auto, self.used.auto),
            manual: keep(table.manual, self.used.manual),
            benchmark: table.benchmark,
        };
        let sum = kept.session + kept.auto + kept.manual + kept.benchmark;
        Weights {
            session: kept.session / sum,
            auto: kept.auto / sum,
            manual: kept.manual / sum,
            benchmark: kept.benchmark / sum,
        }
    }
}

fn offset(arms: &[&ArmStats], source: fn(&ArmStats) -> Moments) -> f64 {
    let pairs = arms.iter().filter_map(|arm| {
        let people = source(arm);
        Some((people.n, people.mean()? - arm.auto.mean()?))
    });
    let (n, total) = pairs.fold((0.0, 0.0), |(n, total), (w, d)| (n + w, total + w * d));
    total / (n + SCALE_PSEUDO)
}

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
}

/// What a shape starts from: one mean per candidate, and how far off they can be.
#[derive(Debug, Clone)]
pub struct Prior {
    means: Vec<f64>,
    tau: f64,
}

impl Prior {
    /// Of the root shape: the public benchmarks.
    pub fn root(benchmarks: &[f64], arms: &[ArmStats]) -> Self {
        Self::around(benchmarks, arms, ROOT_TAU)
    }

    /// Of any other shape: its parent's composites, in place of the benchmarks too. (Measured in the
    /// simulation of this module's tests: as good as the bare benchmarks or better in four worlds.)
    pub fn child(parent: &[f64], arms: &[ArmStats]) -> Self {
        Self::around(parent, arms, CHILD_TAU)
    }

    fn around(bases: &[f64], arms: &[ArmStats], tau: f64) -> Self {
        let means = levelled(bases, arms, tau);
        let tau = empirical_tau(&means, arms, tau);
        Self { means, tau }
    }
}

/// Benchmarks and parents give rank only; the level at which they stand comes from the shape's own scores.
///
/// The level is a random effect beside the candidates' own (best linear prediction, Henderson 1975): each
/// scored candidate counts with the precision `1/(τ² + s²/n)`, so that one candidate, however often it was
/// seen, cannot pass its own failure off as the shape's difficulty.
fn levelled(bases: &[f64], arms: &[ArmStats], tau: f64) -> Vec<f64> {
    let seen = bases.iter().zip(arms).filter_map(|(base, arm)| {
        let gap = arm.auto.mean()? - base;
        Some((
            1.0 / (tau * tau + arm.auto.noise(NOISE_PRIOR) / arm.auto.n),
            gap,
        ))
    });
    let (n, total) = seen.fold((0.0, 0.0), |(n, total), (w, d)| (n + w, total + w * d));
    let level = total / (n + 1.0 / (LEVEL_SPREAD * LEVEL_SPREAD));
    bases
        .iter()
        .map(|base| (base + level).clamp(0.01, 0.99))
        .collect()
}

/// How far candidates really lie from their priors: the variance of their means around the priors, less what
/// sampling alone explains, starting from `assumed`.
fn empirical_tau(means: &[f64], arms: &[ArmStats], assumed: f64) -> f64 {
    let cells = means.iter().zip(arms).filter_map(|(prior, arm)| {
        let gap = arm.auto.mean()? - prior;
        Some(gap * gap - arm.auto.noise(NOISE_PRIOR) / arm.auto.n)
    });
    let start = (TAU_PSEUDO_CELLS, TAU_PSEUDO_CELLS * assumed * assumed);
    let (n, total) = cells.fold(start, |(n, total), excess| (n + 1.0, total + excess));
    (total / n).max(0.0).sqrt().clamp(TAU_RANGE.0, TAU_RANGE.1)
}

/// Estimates every candidate of a shape, in the order of the priors.
pub fn estimate(
    prior: &Prior,
    arms: &[ArmStats],
    weights: &Weights,
    scales: &Scales,
) -> Vec<Estimate> {
    let one = |(prior_mean, arm): (&f64, &ArmStats)| {
        composite((*prior_mean, prior.tau), arm, weights, scales)
    };
    prior.means.iter().zip(arms).map(one).collect()
}

/// One source after shrinkage: its mean, the trust in it, and the variance of its own mean.
struct Shrunk {
    mean: f64,
    trust: f64,
    sampling: f64,
}

fn shrink(seen: Moments, offset: f64, toward: f64, trust: impl Fn(f64) -> f64) -> Shrunk {
    let Some(mean) = seen.mean() else {
        return Shrunk {
            mean: toward,
            trust: 0.0,
            sampling: 0.0,
        };
    };
    let sampling = seen.noise(NOISE_PRIOR) / seen.n;
    let trust = trust(sampling);
    Shrunk {
        mean: trust * (mean - offset) + (1.0 - trust) * toward,
        trust,
        sampling,
    }
}

fn composite((prior, tau): (f64, f64), arm: &ArmStats, w: &Weights, scales: &Scales) -> Estimate {
    let spread = tau * tau;
    let human = HUMAN_BIAS * HUMAN_BIAS;
    let by_tau = |sampling: f64| spread / (spread + sampling + JUDGE_BIAS * JUDGE_BIAS);
    let by_bias = |sampling: f64| human / (human + sampling);
    let auto = shrink(arm.auto, 0.0, prior, by_tau);
    let manual = shrink(arm.manual, scales.offsets.manual, auto.mean, by_bias);
    let toward = auto.mean + manual.trust * (manual.mean - auto.mean) / 2.0;
    let session = shrink(arm.session, scales.offsets.session, toward, by_bias);

    let q = w.session * session.mean
        + w.auto * auto.mean
        + w.manual * manual.mean
        + w.benchmark * prior;
    // How much of the judge's estimate is in the composite, through its own weight and through the chain.
    let through = w.auto + w.manual * (1.0 - manual.trust) + w.session * (1.0 - session.trust);
    let judged = (1.0 - auto.trust) * spread;
    let mut v = through * through * judged
        + (w.manual * manual.trust).powi(2) * manual.sampling
        + (w.session * session.trust).powi(2) * session.sampling;
    if arm.n() <= 0.0 {
        v += (w.benchmark * tau).powi(2) + 2.0 * through * w.benchmark * spread;
    }
    let outcome_variance = if arm.auto.n > 0.0 {
        arm.auto
    } else {
        arm.session
    }
    .variance();
    Estimate {
        q: q.clamp(0.0, 1.0),
        v: v.max(VARIANCE_FLOOR),
        n: arm.n(),
        outcome_variance,
    }
}

/// Never certain: keeps ratios of variances finite.
const VARIANCE_FLOOR: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(n: f64, mean: f64) -> Moments {
        Moments {
            n,
            sum: n * mean,
            sumsq: n * (mean * mean + 0.01),
        }
    }

    fn auto(n: f64, mean: f64) -> ArmStats {
        ArmStats {
            auto: seen(n, mean),
            ..ArmStats::default()
        }
    }

    fn root(arms: &[ArmStats]) -> ShapeStats {
        let key = |i: usize| floopy_shared::domain::ids::CandidateKey::new("p", &format!("m{i}"));
        let arms = arms.iter().enumerate();
        ShapeStats {
            arms: arms
                .map(|(i, arm)| (key(i).expect("valid"), *arm))
                .collect(),
            ..ShapeStats::default()
        }
    }

    fn estimates(bases: &[f64], arms: &[ArmStats]) -> Vec<Estimate> {
        let scales = Scales::of(Some(&root(arms)));
        let scored = arms.iter().map(|arm| arm.auto.n).sum();
        let weights = scales.weights(scored, 0.0);
        estimate(&Prior::root(bases, arms), arms, &weights, &scales)
    }

    #[test]
    fn without_data_the_composite_is_the_benchmark() {
        let none = [ArmStats::default(); 2];
        let estimates = estimates(&[0.9, 0.7], &none);
        assert!((estimates[0].q - 0.9).abs() < 1e-12 && (estimates[1].q - 0.7).abs() < 1e-12);
        assert!((estimates[0].v - ROOT_TAU * ROOT_TAU).abs() < 1e-12);
    }

    #[test]
    fn data_overtake_the_benchmark_and_narrow_the_posterior() {
        let few = estimates(&[0.9, 0.7], &[auto(5.0, 0.5), auto(5.0, 0.9)]);
        let many = estimates(&[0.9, 0.7], &[auto(200.0, 0.5), auto(200.0, 0.9)]);
        assert!(many[1].q > many[0].q + 0.1, "{many:?}");
        assert!(many[0].v < few[0].v);
        assert!(many[1].q - many[0].q > few[1].q - few[0].q);
    }

    #[test]
    fn unused_sources_give_their_share_back() {
        let scales = Scales::of(Some(&root(&[auto(20.0, 0.5)])));
        let weights = scales.weights(20.0, 0.0);
        assert_eq!((weights.session, weights.manual), (0.0, 0.0));
        assert!((weights.auto - 0.625).abs() < 1e-12 && (weights.benchmark - 0.375).abs() < 1e-12);
        let all = ArmStats {
            session: seen(9.0, 0.8),
            auto: seen(9.0, 0.6),
            manual: seen(9.0, 0.7),
        };
        let full = Scales::of(Some(&root(&[all]))).weights(10.0, 10.0);
        assert_eq!(
            (full.session, full.auto, full.manual, full.benchmark),
            (0.5, 0.3, 0.1, 0.1)
        );
    }

    #[test]
    fn raters_who_are_kinder_than_the_judge_do_not_favour_the_rated_candidate() {
        let rated = ArmStats {
            session: seen(200.0, 0.9),
            ..auto(200.0, 0.6)
        };
        let arms = [rated, auto(200.0, 0.6)];
        let scales = Scales::of(Some(&root(&arms)));
        let weights = scales.weights(400.0, 200.0);
        let found = estimate(&Prior::root(&[0.7, 0.7], &arms), &arms, &weights, &scales);
        assert!((found[0].q - found[1].q).abs() < 0.02, "{found:?}");
    }
}

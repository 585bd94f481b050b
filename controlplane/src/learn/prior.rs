//! What a shape starts from: one mean and one width per candidate.

use super::{evidence::Evidence, pool::PooledCell};

/// Width of the prior around the public benchmarks, before the tenant's own data say how wrong they are. Narrow,
/// so that the first lucky scores move nobody; where benchmarks are wrong, that shows in a few cells.
pub const ROOT_TAU: f64 = 0.05;
/// The same for what a tenant tells others: what its data say, hardly what it started from.
pub const OPEN_TAU: f64 = 0.15;
/// Width of a shape's prior around its parent: shapes differ from their parent less than benchmarks do.
pub const CHILD_TAU: f64 = 0.18;
/// Cells that the assumed width counts for when the tenant's data re-estimate it.
const TAU_PSEUDO_CELLS: f64 = 5.0;
/// Limits of the re-estimated width.
const TAU_RANGE: (f64, f64) = (0.03, 0.25);
/// How far a shape's level of scores may lie from its parent's, as a standard deviation. On public workloads 0.2
/// took half of an incumbent's weakness for the shape's difficulty as long as hardly anybody else was seen.
pub const LEVEL_SPREAD: f64 = 0.08;
/// The same for the root, which starts from benchmarks: they have another scale than the judge, whose own is not
/// known at first either, so that anything goes. A narrower one took the difference of the scales for a weakness
/// of whoever served, as nobody else had been seen, and gave up the best candidate for untried ones.
pub const ROOT_LEVEL_SPREAD: f64 = 0.5;

/// Prior of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    pub mean: f64,
    pub tau: f64,
}

/// The means of a shape's priors: benchmarks or the parent's composites, moved to the shape's own level, which
/// lies within `spread` of theirs.
pub fn means(bases: &[f64], arms: &[Evidence], (tau, spread): (f64, f64), noise: f64) -> Vec<f64> {
    let level = level(bases, arms, (tau, spread), noise);
    bases.iter().map(|base| base + level).collect()
}

/// Where other tenants' evidence says where a candidate stands, it replaces what was assumed.
pub fn pooled(priors: &mut [Prior], cells: &[Option<PooledCell>]) {
    for (prior, cell) in priors.iter_mut().zip(cells) {
        if let Some(cell) = cell {
            *prior = Prior {
                mean: cell.mean,
                tau: cell.tau,
            };
        }
    }
}

/// Benchmarks and parents give rank only; the level at which they stand comes from the shape's own scores.
///
/// The level is a random effect beside the candidates' own (best linear prediction, Henderson 1975): each
/// scored candidate counts with the precision `1/(τ² + s²/n)`, so that one candidate, however often it was
/// seen, cannot pass its own weakness off as the shape's difficulty. Failures to answer are nobody's
/// difficulty: they are left out.
fn level(bases: &[f64], arms: &[Evidence], (tau, spread): (f64, f64), noise: f64) -> f64 {
    let seen = bases.iter().zip(arms).filter_map(|(base, arm)| {
        let gap = arm.judged.mean()? - base;
        let precision = 1.0 / (tau * tau + arm.judged.noise(noise) / arm.judged.n);
        Some((precision, gap))
    });
    let (n, total) = seen.fold((0.0, 0.0), |(n, total), (w, d)| (n + w, total + w * d));
    total / (n + 1.0 / (spread * spread))
}

/// How far candidates really lie from their priors, over all shapes of a level: the variance of their means
/// around the priors, less what sampling alone explains, starting from `assumed`. (Method of moments of
/// empirical Bayes, Morris 1983; a cell counts by the square of how much of it is not sampling.)
pub fn width<'a>(
    shapes: impl Iterator<Item = (&'a [f64], &'a [Evidence])>,
    (assumed, noise): (f64, f64),
) -> f64 {
    let assumed = assumed * assumed;
    let mut total = (TAU_PSEUDO_CELLS, TAU_PSEUDO_CELLS * assumed);
    for (means, arms) in shapes {
        for (mean, arm) in means.iter().zip(arms) {
            let Some(seen) = arm.auto.mean() else {
                continue;
            };
            let sampling = arm.auto.noise(noise) / arm.auto.n;
            let weight = (assumed / (assumed + sampling)).powi(2);
            let gap = seen - mean;
            total.0 += weight;
            total.1 += weight * (gap * gap - sampling);
        }
    }
    let variance = (total.1 / total.0).max(0.0);
    variance.sqrt().clamp(TAU_RANGE.0, TAU_RANGE.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::sums::Moments;

    /// What `n` scores around `mean` say.
    fn scored(n: f64, mean: f64) -> Evidence {
        let scores = Moments {
            n,
            sum: n * mean,
            sumsq: n * (mean * mean + 0.04),
        };
        Evidence {
            judged: scores,
            auto: scores,
            ..Evidence::default()
        }
    }

    #[test]
    fn what_one_candidate_alone_falls_short_of_its_benchmark_says_little_of_it_and_much_of_the_scale()
     {
        let (bases, arms) = ([0.86, 0.83], [scored(40.0, 0.6), Evidence::default()]);
        let lead = |spread: f64| {
            let means = means(&bases, &arms, (ROOT_TAU, spread), 0.04);
            let Prior { mean, tau } = Prior {
                mean: means[0],
                tau: ROOT_TAU,
            };
            let trust = tau * tau / (tau * tau + 0.04 / 40.0);
            trust * 0.6 + (1.0 - trust) * mean - means[1]
        };
        assert!(lead(ROOT_LEVEL_SPREAD) > 0.02, "the best stays the best");
        assert!(lead(LEVEL_SPREAD) < 0.0, "a narrow level gave it up");
    }
}

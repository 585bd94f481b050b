//! What posteriors say together: who is probably the best, and how sure that is.
//!
//! Candidates are taken as independent normals. The best of them lies above `max_i (Q_i − 4σ_i)`; over that
//! range the distribution functions are tabulated on a grid, and `P(i is best) = Σ_g ΔF_i(g) Π_{j≠i} F_j(g)`.

use super::{estimate::Estimate, normal::cdf_table};

/// Error that all posteriors of a shape share, as a standard deviation: a judge that is wrong in the same way
/// about every reply of a model is not made right by more replies.
pub const SHARED_BIAS: f64 = 0.04;
/// As good as the best: nobody notices a difference of two points of a hundred.
const MARGIN: f64 = 0.02;
/// Cells of the grid.
const CELLS: usize = 32;
/// Standard deviations around a mean that matter.
const REACH: f64 = 4.0;

/// Who is probably the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// Probability of being the best, per candidate; they sum to one.
    pub best: Vec<f64>,
    /// Probability that the leader is as good as the best, within a margin.
    pub leader: f64,
}

/// One candidate's normal on the grid.
struct OnGrid {
    /// Probability of lying below the middle of each cell.
    below: [f64; CELLS],
    /// Probability of lying within each cell.
    within: [f64; CELLS],
    /// Probability of lying below the middle of each cell and a margin more.
    margin: [f64; CELLS],
}

impl OnGrid {
    fn of((q, s): (f64, f64), low: f64, width: f64) -> Self {
        let (per_cell, first) = (width / s, (low - q) / s);
        let (half, margin) = (per_cell / 2.0, per_cell / 2.0 + MARGIN / s);
        let (mut left, mut x) = (cdf_table(first), first);
        let mut grid = Self {
            below: [0.0; CELLS],
            within: [0.0; CELLS],
            margin: [0.0; CELLS],
        };
        for cell in 0..CELLS {
            grid.below[cell] = cdf_table(x + half).max(f64::MIN_POSITIVE);
            grid.margin[cell] = cdf_table(x + margin);
            x += per_cell;
            let right = cdf_table(x);
            grid.within[cell] = right - left;
            left = right;
        }
        grid
    }
}

/// Weighs the candidates of a shape against each other.
pub fn belief(estimates: &[Estimate], leader: usize) -> Belief {
    let normals: Vec<(f64, f64)> = estimates
        .iter()
        .map(|e| (e.q, (e.v + SHARED_BIAS * SHARED_BIAS).sqrt()))
        .collect();
    let from = |(q, s): &(f64, f64)| q - REACH * s;
    let to = |(q, s): &(f64, f64)| q + REACH * s;
    let low = normals.iter().map(from).fold(f64::NEG_INFINITY, f64::max);
    let high = normals.iter().map(to).fold(low, f64::max);
    let width = (high - low) / CELLS as f64;
    // Who ends below where the grid begins is not the best, and in nobody's way.
    let reaches = |(j, normal): &(usize, &(f64, f64))| *j == leader || to(normal) > low;
    let grids = normals.iter().enumerate().filter(reaches);
    let grids: Vec<(usize, OnGrid)> = grids
        .map(|(j, normal)| (j, OnGrid::of(*normal, low, width)))
        .collect();
    let mut product = [1.0; CELLS];
    let mut as_good = [1.0; CELLS];
    for (j, grid) in &grids {
        let other = if *j == leader {
            &grid.within
        } else {
            &grid.margin
        };
        for cell in 0..CELLS {
            product[cell] *= grid.below[cell];
            as_good[cell] *= other[cell];
        }
    }
    let mut best = vec![0.0; normals.len()];
    for (j, grid) in &grids {
        let chances = grid.within.iter().zip(&product).zip(&grid.below);
        best[*j] = chances.map(|((within, all), own)| within * all / own).sum();
    }
    let sum: f64 = best.iter().sum();
    for chance in &mut best {
        *chance /= sum.max(f64::MIN_POSITIVE);
    }
    let own = normals
        .get(leader)
        .map_or(0.0, |(q, s)| 1.0 - cdf_table((low - q) / s));
    let as_good: f64 = if leader < normals.len() {
        as_good.iter().sum()
    } else {
        0.0
    };
    Belief {
        best,
        leader: (as_good / own.max(f64::MIN_POSITIVE)).min(1.0),
    }
}

/// Raw probabilities of being as good as the best, and how often that was so: posteriors of a shape share
/// errors that the raw number does not know. Fitted with `floopy replay` on two public workloads (isotonic
/// regression, Zadrozny & Elkan 2002) and checked on tenants that were not part of the fit.
const CALIBRATION: [(f64, f64); 6] = [
    (0.0, 0.44),
    (0.3, 0.47),
    (0.45, 0.57),
    (0.65, 0.66),
    (0.85, 0.75),
    (1.0, 0.86),
];

/// The probability as it came out where it could be checked.
pub fn calibrated(raw: f64) -> f64 {
    let above = CALIBRATION.iter().position(|(x, _)| raw <= *x);
    match above {
        None => CALIBRATION[CALIBRATION.len() - 1].1,
        Some(0) => CALIBRATION[0].1,
        Some(i) => {
            let ((x0, y0), (x1, y1)) = (CALIBRATION[i - 1], CALIBRATION[i]);
            y0 + (y1 - y0) * (raw - x0) / (x1 - x0)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn estimate(q: f64, sd: f64) -> Estimate {
        Estimate {
            q,
            v: sd * sd,
            n: 10.0,
            outcome_variance: 0.0,
            prior_share: 0.0,
        }
    }

    #[test]
    fn equals_share_and_a_clear_leader_takes_all() {
        let equal = belief(&[estimate(0.7, 0.1); 4], 0);
        assert!(
            equal.best.iter().all(|p| (p - 0.25).abs() < 0.01),
            "{equal:?}"
        );
        let clear = belief(&[estimate(0.9, 0.01), estimate(0.5, 0.01)], 0);
        assert!(clear.best[0] > 0.999 && clear.leader > 0.999, "{clear:?}");
    }

    #[test]
    fn two_candidates_agree_with_the_closed_form() {
        let found = belief(&[estimate(0.7, 0.1), estimate(0.6, 0.05)], 0);
        let sd = (0.01_f64 + 0.0025 + 2.0 * SHARED_BIAS * SHARED_BIAS).sqrt();
        let exact = crate::learn::normal::cdf(0.1 / sd);
        assert!((found.best[0] - exact).abs() < 0.01, "{found:?} {exact}");
        let exact = crate::learn::normal::cdf((0.1 + MARGIN) / sd);
        assert!((found.leader - exact).abs() < 0.01, "{found:?} {exact}");
    }

    proptest! {
        #[test]
        fn chances_are_probabilities(q in prop::collection::vec((0.0..1.0f64, 1e-3..0.3f64), 1..30)) {
            let estimates: Vec<Estimate> = q.iter().map(|(q, s)| estimate(*q, *s)).collect();
            let found = belief(&estimates, 0);
            prop_assert!((found.best.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(found.best.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!((0.0..=1.0).contains(&found.leader));
        }

        #[test]
        fn calibration_keeps_the_order(a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(calibrated(low) <= calibrated(high));
            prop_assert!((0.0..=1.0).contains(&calibrated(a)));
        }
    }
}

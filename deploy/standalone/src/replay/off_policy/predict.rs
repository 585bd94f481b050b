//! What a candidate's reply would have been worth, by what is known without it.

use std::collections::HashMap;

use floopy_shared::domain::ids::CandidateKey;

use super::decision::Logged;

/// Means of rewards per shape and candidate.
pub(super) struct Model<'a> {
    cells: HashMap<(&'a str, &'a CandidateKey), (f64, f64)>,
}

impl<'a> Model<'a> {
    /// From served and shadowed replies alike.
    pub(super) fn of(log: &'a [Logged]) -> Self {
        let mut cells: HashMap<_, (f64, f64)> = HashMap::new();
        for logged in log {
            let key = (logged.shape.as_str(), &logged.candidates[logged.chosen].key);
            let cell = cells.entry(key).or_default();
            cell.0 += 1.0;
            cell.1 += logged.reward;
        }
        Self { cells }
    }

    /// Prediction for one candidate of a decision: what was believed when it was made; before anything was
    /// learned, the mean of the other replies; without any, its benchmark.
    ///
    /// The decision's own reward is left out of the mean: with it, the correction of the doubly robust
    /// estimator would lean on itself.
    pub(super) fn predict(&self, logged: &Logged, candidate: usize) -> f64 {
        let c = &logged.candidates[candidate];
        if let Some(mean) = c.posterior_mean {
            return mean;
        }
        let (mut n, mut sum) = self
            .cells
            .get(&(logged.shape.as_str(), &c.key))
            .copied()
            .unwrap_or_default();
        if candidate == logged.chosen {
            n -= 1.0;
            sum -= logged.reward;
        }
        if n > 0.5 { sum / n } else { c.score }
    }
}

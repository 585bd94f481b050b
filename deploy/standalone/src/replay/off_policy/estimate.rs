//! The value of a policy that never served, from the log of one that did.
//!
//! With logged propensities `p`, target probabilities `π`, rewards `r` and a reward model `m`:
//! inverse propensity scoring `mean(w·r)`, `w = π/p` (Horvitz & Thompson 1952); self-normalised
//! `Σw·r / Σw` (Swaminathan & Joachims 2015); doubly robust `mean(Σ_a π(a)·m(a) + w·(r − m))` (Dudík, Langford
//! & Li 2011), unbiased whatever `m` is, as the propensities are exact.

use std::collections::BTreeMap;

use serde::Serialize;

/// The 97.5 % quantile of the standard normal: intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// One logged decision as the estimators see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Target probability of what was served over its logged propensity.
    pub(super) weight: f64,
    /// What it was worth, 0..1.
    pub(super) reward: f64,
    /// What the model predicted of what was served.
    pub(super) predicted: f64,
    /// What the model predicts under the target.
    pub(super) expected: f64,
    /// Decisions that were drawn together: a session keeps its candidate.
    pub(super) cluster: usize,
}

/// A value and half the width of its 95 % interval, robust to dependence within clusters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) half_width: f64,
}

/// Inverse propensity scoring.
pub(super) fn ips(steps: &[Step]) -> Estimate {
    mean(steps, |step| step.weight * step.reward)
}

/// Doubly robust.
pub(super) fn doubly_robust(steps: &[Step]) -> Estimate {
    mean(steps, doubly_robust_term)
}

/// What the doubly robust value exceeds the logged one by.
pub(super) fn gain(steps: &[Step]) -> Estimate {
    mean(steps, |step| doubly_robust_term(step) - step.reward)
}

fn doubly_robust_term(step: &Step) -> f64 {
    step.expected + step.weight * (step.reward - step.predicted)
}

/// The logged policy's own value.
pub(super) fn logged(steps: &[Step]) -> Estimate {
    mean(steps, |step| step.reward)
}

/// The model alone: as good as the model is.
pub(super) fn direct(steps: &[Step]) -> Estimate {
    mean(steps, |step| step.expected)
}

/// Self-normalised inverse propensity scoring; `None` where no weight is positive.
pub(super) fn self_normalised(steps: &[Step]) -> Option<Estimate> {
    let weights: f64 = steps.iter().map(|step| step.weight).sum();
    if weights <= 0.0 {
        return None;
    }
    let value = steps
        .iter()
        .map(|step| step.weight * step.reward)
        .sum::<f64>()
        / weights;
    // The ratio's influence function: linear in the terms, so that clusters sum up.
    let errors = steps
        .iter()
        .map(|step| (step.cluster, step.weight * (step.reward - value)));
    let half_width = Z * clustered_root(errors) / weights;
    Some(Estimate { value, half_width })
}

/// How many decisions of the target itself would say as much: `(Σw)² / Σw²` (Kish 1965).
pub(super) fn effective_size(steps: &[Step]) -> f64 {
    let sum: f64 = steps.iter().map(|step| step.weight).sum();
    let squares: f64 = steps.iter().map(|step| step.weight * step.weight).sum();
    if squares > 0.0 {
        sum * sum / squares
    } else {
        0.0
    }
}

fn mean(steps: &[Step], term: impl Fn(&Step) -> f64) -> Estimate {
    let n = steps.len().max(1) as f64;
    let value = steps.iter().map(&term).sum::<f64>() / n;
    let errors = steps.iter().map(|step| (step.cluster, term(step) - value));
    let half_width = Z * clustered_root(errors) / n;
    Estimate { value, half_width }
}

/// Root of the sum over clusters of squared sums, corrected for few clusters (Liang & Zeger 1986).
fn clustered_root(errors: impl Iterator<Item = (usize, f64)>) -> f64 {
    let mut clusters: BTreeMap<usize, f64> = BTreeMap::new();
    for (cluster, error) in errors {
        *clusters.entry(cluster).or_default() += error;
    }
    let g = clusters.len() as f64;
    let correction = if g > 1.0 { g / (g - 1.0) } else { 1.0 };
    (correction * clusters.values().map(|sum| sum * sum).sum::<f64>()).sqrt()
}

#[cfg(test)]
mod tests;

//! Best-arm identification in the style of TensorZero's adaptive experiments, written from its description:
//! a nursery, optimal sampling proportions, and a generalised-likelihood-ratio stop (Garivier & Kaufmann
//! 2016). The proportions are the closed form of OCBA (Chen et al. 2000) in place of a cone program.

use floopy_shared::domain::event::RatingScore;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    Policy, Seen, Served,
    bandit::{Arm, Arms},
    fixed::first_best,
};
use crate::replay::world::Request;

/// Replies per arm before it leaves the nursery.
const NURSERY: f64 = 10.0;
/// Probability of naming a wrong best arm.
const DELTA: f64 = 0.05;
/// Requests between two computations of the proportions.
const PERIOD: usize = 50;
/// Smallest variance and squared gap: keeps ratios finite.
const FLOOR: f64 = 1e-6;

pub(super) struct TrackAndStop {
    arms: Arms,
    shapes: Vec<ShapeState>,
    /// What serves each shape in this session.
    held: Vec<Option<usize>>,
    rng: ChaCha8Rng,
}

#[derive(Clone)]
struct ShapeState {
    proportions: Vec<f64>,
    winner: Option<usize>,
    has_nursery: bool,
    turn: usize,
}

impl TrackAndStop {
    pub(super) fn new(arms: Arms, rng: ChaCha8Rng) -> Self {
        let state = |arms: &Vec<Arm>| ShapeState {
            proportions: vec![1.0 / arms.len() as f64; arms.len()],
            winner: None,
            has_nursery: true,
            turn: 0,
        };
        Self {
            shapes: arms.0.iter().map(state).collect(),
            held: vec![None; arms.0.len()],
            arms,
            rng,
        }
    }

    fn pick(&mut self, shape: usize) -> usize {
        let (state, arms) = (&mut self.shapes[shape], &self.arms.0[shape]);
        if let Some(winner) = state.winner {
            return winner;
        }
        let (young, grown): (Vec<usize>, Vec<usize>) =
            (0..arms.len()).partition(|arm| arms[*arm].n < NURSERY);
        if !state.has_nursery || young.is_empty() {
            let all: Vec<usize> = (0..arms.len()).collect();
            return draw(&all, &state.proportions, &mut self.rng);
        }
        // The nursery's share of traffic is its share of the arms.
        if self.rng.random::<f64>() < young.len() as f64 / arms.len() as f64 {
            let arm = young[state.turn % young.len()];
            state.turn += 1;
            return arm;
        }
        draw(&grown, &state.proportions, &mut self.rng)
    }
}

impl Policy for TrackAndStop {
    fn serve(&mut self, at: usize, request: &Request) -> Served {
        if at.is_multiple_of(PERIOD) {
            for (state, arms) in self.shapes.iter_mut().zip(&self.arms.0) {
                state.refresh(arms);
            }
        }
        let model = match self.held[request.shape] {
            Some(model) => model,
            None => self.pick(request.shape),
        };
        self.held[request.shape] = Some(model);
        Served::by(model)
    }

    fn learn(&mut self, _at: usize, request: &Request, seen: &Seen) {
        self.arms.add(request, seen);
    }

    fn end_session(&mut self, _rating: Option<RatingScore>) {
        self.held.fill(None);
    }
}

/// One of `arms` with these weights; the last where rounding leaves none.
fn draw(arms: &[usize], weights: &[f64], rng: &mut ChaCha8Rng) -> usize {
    let sum: f64 = arms.iter().map(|arm| weights[*arm]).sum();
    let mut rest = rng.random::<f64>() * sum;
    let found = arms.iter().find(|arm| {
        rest -= weights[**arm];
        rest < 0.0
    });
    found.or(arms.last()).copied().unwrap_or(0)
}

impl ShapeState {
    fn refresh(&mut self, arms: &[Arm]) {
        self.has_nursery = arms.iter().any(|arm| arm.n < NURSERY);
        let means: Vec<f64> = arms.iter().map(|arm| arm.mean().unwrap_or(0.0)).collect();
        let variances: Vec<f64> = arms.iter().map(variance).collect();
        let best = first_best(&means);
        let gap = |arm: usize| (means[best] - means[arm]).powi(2).max(FLOOR);
        self.proportions = proportions(best, &variances, gap);
        if self.winner.is_some() || self.has_nursery {
            return;
        }
        let tries: f64 = arms.iter().map(|arm| arm.n).sum();
        let threshold = ((1.0 + tries.max(1.0).ln()) / DELTA).ln();
        let error = |arm: usize| variances[arm] / arms[arm].n;
        let ratio =
            |arm: usize| (means[best] - means[arm]).powi(2) / (2.0 * (error(best) + error(arm)));
        let others = (0..arms.len()).filter(|arm| *arm != best);
        if others.map(ratio).fold(f64::INFINITY, f64::min) > threshold {
            self.winner = Some(best);
        }
    }
}

/// Unbiased variance of one score.
fn variance(arm: &Arm) -> f64 {
    let Some(mean) = arm.mean() else { return FLOOR };
    let biased = (arm.sum_of_squares / arm.n - mean * mean).max(FLOOR);
    biased * arm.n / (arm.n - 1.0).max(1.0)
}

/// OCBA: each arm by its variance over its squared gap; the best by the root of the sum of squares.
fn proportions(best: usize, variances: &[f64], gap: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut weights: Vec<f64> = variances
        .iter()
        .enumerate()
        .map(|(arm, variance)| variance / gap(arm))
        .collect();
    let others = (0..weights.len()).filter(|arm| *arm != best);
    let squares: f64 = others
        .map(|arm| weights[arm].powi(2) / variances[arm])
        .sum();
    weights[best] = (variances[best] * squares).sqrt();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(n: f64, mean: f64, variance: f64) -> Arm {
        Arm {
            n,
            sum: n * mean,
            sum_of_squares: n * (mean * mean + variance),
        }
    }

    fn state(arms: &[Arm]) -> ShapeState {
        let arms = Arms(vec![arms.to_vec()]);
        let mut all = TrackAndStop::new(arms, crate::replay::world::Stream::Platform.rng(1));
        let (state, arms) = (&mut all.shapes[0], &all.arms.0[0]);
        state.refresh(arms);
        state.clone()
    }

    #[test]
    fn a_clear_winner_stops_and_a_close_race_goes_on() {
        assert_eq!(
            state(&[arm(200.0, 0.8, 0.04), arm(200.0, 0.4, 0.04)]).winner,
            Some(0)
        );
        assert_eq!(
            state(&[arm(200.0, 0.80, 0.04), arm(200.0, 0.79, 0.04)]).winner,
            None
        );
        assert_eq!(
            state(&[arm(200.0, 0.8, 0.04), arm(9.0, 0.1, 0.04)]).winner,
            None,
            "nursery"
        );
    }

    #[test]
    fn the_closest_rivals_get_the_most_traffic() {
        let state = state(&[
            arm(50.0, 0.8, 0.04),
            arm(50.0, 0.75, 0.04),
            arm(50.0, 0.3, 0.04),
        ]);
        assert!((state.proportions.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(
            state.proportions[1] > 10.0 * state.proportions[2],
            "{:?}",
            state.proportions
        );
    }
}

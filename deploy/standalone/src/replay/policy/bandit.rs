//! The classic bandits, as most people run them: the judge's raw score, per shape, without any prior.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use super::{Policy, Seen, Served, fixed::first_best};
use crate::replay::world::Request;

/// How often epsilon-greedy tries anything.
const EPSILON: f64 = 0.1;
/// Value of an arm that was never tried, so that it is.
const OPTIMISTIC: f64 = 1.0;
/// Breaks ties between equal arms, and nothing else.
const TIE_BREAK: f64 = 1e-6;

/// What the judge said of one arm.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arm {
    pub(super) n: f64,
    pub(super) sum: f64,
    pub(super) sum_of_squares: f64,
}

impl Arm {
    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }
}

/// Arms by shape and model.
#[derive(Debug, Clone)]
pub(super) struct Arms(pub(super) Vec<Vec<Arm>>);

impl Arms {
    pub(super) fn new(shapes: usize, models: usize) -> Self {
        Self(vec![vec![Arm::default(); models]; shapes])
    }

    pub(super) fn add(&mut self, request: &Request, seen: &Seen) {
        let arm = &mut self.0[request.shape][seen.model];
        arm.n += 1.0;
        arm.sum += seen.judged;
        arm.sum_of_squares += seen.judged * seen.judged;
    }

    fn models(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }
}

pub(super) struct Random {
    models: usize,
    rng: ChaCha8Rng,
}

impl Random {
    pub(super) fn new(arms: Arms, rng: ChaCha8Rng) -> Self {
        let models = arms.models();
        Self { models, rng }
    }
}

impl Policy for Random {
    fn serve(&mut self, _at: usize, _request: &Request) -> Served {
        Served::by(self.rng.random_range(0..self.models))
    }
}

pub(super) struct RoundRobin {
    models: usize,
    served: Vec<usize>,
}

impl RoundRobin {
    pub(super) fn new(arms: &Arms) -> Self {
        Self {
            models: arms.models(),
            served: vec![0; arms.0.len()],
        }
    }
}

impl Policy for RoundRobin {
    fn serve(&mut self, _at: usize, request: &Request) -> Served {
        let served = &mut self.served[request.shape];
        *served += 1;
        Served::by(*served % self.models)
    }
}

/// The arm with the highest value, ties broken by luck.
fn best_of(arms: &[Arm], rng: &mut ChaCha8Rng, value: impl Fn(&Arm) -> f64) -> usize {
    let values: Vec<f64> = arms
        .iter()
        .map(|arm| value(arm) + TIE_BREAK * rng.random::<f64>())
        .collect();
    first_best(&values)
}

pub(super) struct EpsilonGreedy {
    arms: Arms,
    rng: ChaCha8Rng,
}

impl EpsilonGreedy {
    pub(super) fn new(arms: Arms, rng: ChaCha8Rng) -> Self {
        Self { arms, rng }
    }
}

impl Policy for EpsilonGreedy {
    fn serve(&mut self, _at: usize, request: &Request) -> Served {
        let arms = &self.arms.0[request.shape];
        if self.rng.random_bool(EPSILON) {
            return Served::by(self.rng.random_range(0..arms.len()));
        }
        Served::by(best_of(arms, &mut self.rng, |arm| {
            arm.mean().unwrap_or(OPTIMISTIC)
        }))
    }

    fn learn(&mut self, _at: usize, request: &Request, seen: &Seen) {
        self.arms.add(request, seen);
    }
}

pub(super) struct Ucb1 {
    arms: Arms,
    rng: ChaCha8Rng,
}

impl Ucb1 {
    pub(super) fn new(arms: Arms, rng: ChaCha8Rng) -> Self {
        Self { arms, rng }
    }
}

impl Policy for Ucb1 {
    fn serve(&mut self, _at: usize, request: &Request) -> Served {
        let arms = &self.arms.0[request.shape];
        let tries: f64 = arms.iter().map(|arm| arm.n).sum();
        let bound = |arm: &Arm| match arm.mean() {
            Some(mean) => mean + (2.0 * tries.max(2.0).ln() / arm.n).sqrt(),
            None => f64::MAX,
        };
        Served::by(best_of(arms, &mut self.rng, bound))
    }

    fn learn(&mut self, _at: usize, request: &Request, seen: &Seen) {
        self.arms.add(request, seen);
    }
}

pub(super) struct Thompson {
    arms: Arms,
    rng: ChaCha8Rng,
}

impl Thompson {
    pub(super) fn new(arms: Arms, rng: ChaCha8Rng) -> Self {
        Self { arms, rng }
    }
}

impl Policy for Thompson {
    /// Scores on 0..1 count as fractions of a success (Agrawal & Goyal 2012 draw a coin instead).
    fn serve(&mut self, _at: usize, request: &Request) -> Served {
        let mut draw = |arm: &Arm| {
            let beta = Beta::new(1.0 + arm.sum, 1.0 + arm.n - arm.sum);
            beta.map_or(OPTIMISTIC, |beta| beta.sample(&mut self.rng))
        };
        let draws: Vec<f64> = self.arms.0[request.shape].iter().map(&mut draw).collect();
        Served::by(first_best(&draws))
    }

    fn learn(&mut self, _at: usize, request: &Request, seen: &Seen) {
        self.arms.add(request, seen);
    }
}

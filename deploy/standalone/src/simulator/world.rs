//! The hidden truth: eight simulated models, how good each is at each kind of task, what it costs, how fast
//! and how often it fails. Nothing outside the simulator and the demo's score board reads this.

use std::sync::LazyLock;

use super::{draw::Draw, kind::Kind};

/// One simulated model.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedModel {
    pub name: &'static str,
    /// What public benchmarks are said to show; it correlates with the truth only partly.
    pub benchmark: f64,
    pub input_usd_per_mtok: f64,
    pub output_usd_per_mtok: f64,
    /// Median time to the whole reply, in milliseconds, before scaling.
    pub latency_ms: f64,
    /// Share of calls that fail, a third of them with 429.
    pub failure_rate: f64,
    /// Share of its bad replies that read well; a text judge is fooled by those.
    pub polish: f64,
    /// Hidden share of good replies, in the order of [`Kind::ALL`].
    quality: [f64; 6],
}

/// Order of the columns: code, math, extract, summarize, support, write.
///
/// No model is best everywhere, each kind has another best one, the most expensive is second or third
/// everywhere, the cheapest is best at support, and the benchmark's favourite is not the best allrounder.
pub const MODELS: [SimulatedModel; 8] = [
    model(
        "sim-titan-pro",
        0.91,
        [10.0, 40.0],
        [2200.0, 0.006, 0.20],
        [0.80, 0.78, 0.84, 0.80, 0.74, 0.79],
    ),
    model(
        "sim-nova-large",
        0.92,
        [4.0, 16.0],
        [1500.0, 0.008, 0.18],
        [0.72, 0.70, 0.78, 0.83, 0.70, 0.74],
    ),
    model(
        "sim-sage-reason",
        0.89,
        [3.0, 12.0],
        [2600.0, 0.010, 0.14],
        [0.74, 0.92, 0.66, 0.62, 0.60, 0.52],
    ),
    model(
        "sim-forge-code",
        0.86,
        [2.0, 8.0],
        [1100.0, 0.010, 0.14],
        [0.93, 0.68, 0.80, 0.58, 0.54, 0.46],
    ),
    model(
        "sim-quill",
        0.84,
        [1.0, 4.0],
        [900.0, 0.012, 0.20],
        [0.42, 0.40, 0.60, 0.80, 0.76, 0.92],
    ),
    model(
        "sim-swift-mini",
        0.80,
        [0.15, 0.6],
        [350.0, 0.008, 0.16],
        [0.58, 0.46, 0.93, 0.74, 0.72, 0.60],
    ),
    model(
        "sim-relay-open",
        0.82,
        [0.5, 1.5],
        [700.0, 0.020, 0.16],
        [0.52, 0.48, 0.70, 0.92, 0.78, 0.68],
    ),
    model(
        "sim-pebble-nano",
        0.72,
        [0.05, 0.2],
        [250.0, 0.015, 0.16],
        [0.34, 0.30, 0.72, 0.66, 0.89, 0.50],
    ),
];

const fn model(
    name: &'static str,
    benchmark: f64,
    [input_usd_per_mtok, output_usd_per_mtok]: [f64; 2],
    [latency_ms, failure_rate, polish]: [f64; 3],
    quality: [f64; 6],
) -> SimulatedModel {
    SimulatedModel {
        name,
        benchmark,
        input_usd_per_mtok,
        output_usd_per_mtok,
        latency_ms,
        failure_rate,
        polish,
        quality,
    }
}

/// Share of good replies that read badly, whoever wrote them.
const ROUGHNESS: f64 = 0.12;

/// How far a world's qualities differ from the table, uniformly either way.
const SPREAD: f64 = 0.02;

/// Spread of latency: the standard deviation of its logarithm.
const LATENCY_SIGMA: f64 = 0.35;

/// How one call to one model goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Whether the reply does what was asked. This is what the user finds out.
    pub good: bool,
    /// Whether it reads as if it did. This is what a judge sees.
    pub reads_well: bool,
    /// The status of a failed call.
    pub failure: Option<u16>,
    pub latency_ms: f64,
}

/// One world: the table above and a seed. Everything is a function of the two.
#[derive(Debug, Clone, Copy)]
pub struct World {
    seed: u64,
}

impl World {
    /// The world of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed that made it.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where in [`MODELS`] a model is.
    pub fn index(name: &str) -> Option<usize> {
        static NAMES: LazyLock<Vec<&str>> =
            LazyLock::new(|| MODELS.iter().map(|m| m.name).collect());
        NAMES.iter().position(|known| *known == name)
    }

    /// Hidden probability that this model's reply to a task of this kind is good.
    pub fn quality(&self, kind: Kind, model: &SimulatedModel) -> f64 {
        let mut draw = Draw::new(self.seed, &["quality", kind.name(), model.name]);
        (model.quality[kind.index()] + SPREAD * (2.0 * draw.unit() - 1.0)).clamp(0.0, 1.0)
    }

    /// What happens when this model is asked this; `nonce` stands for the request's content.
    pub fn outcome(&self, kind: Kind, nonce: u64, model: &SimulatedModel) -> Outcome {
        let mut draw = Draw::new(self.seed ^ nonce, &["outcome", model.name]);
        let good = draw.unit() < self.quality(kind, model);
        let misread = draw.unit() < if good { ROUGHNESS } else { model.polish };
        let fails = draw.unit() < model.failure_rate;
        let status = if draw.unit() < 1.0 / 3.0 { 429 } else { 503 };
        let latency_ms = model.latency_ms * (LATENCY_SIGMA * draw.normal()).exp();
        Outcome {
            good,
            reads_well: good != misread,
            failure: fails.then_some(status),
            latency_ms,
        }
    }

    /// The model with the best hidden quality at a kind of task.
    pub fn best(&self, kind: Kind) -> usize {
        let quality = |index: &usize| self.quality(kind, &MODELS[*index]);
        (0..MODELS.len())
            .max_by(|a, b| quality(a).total_cmp(&quality(b)))
            .unwrap_or(0)
    }
}

impl SimulatedModel {
    /// Cost of a call in micro-USD.
    #[expect(
        clippy::cast_precision_loss,
        reason = "token counts are far below 2^52"
    )]
    pub fn cost_micro_usd(&self, input_tokens: u64, output_tokens: u64) -> f64 {
        self.input_usd_per_mtok * input_tokens as f64
            + self.output_usd_per_mtok * output_tokens as f64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_another_best_model_and_none_is_best_everywhere() {
        for seed in 0..50 {
            let world = World::new(seed);
            let best: HashSet<usize> = Kind::ALL.into_iter().map(|kind| world.best(kind)).collect();
            assert_eq!(best.len(), Kind::ALL.len(), "seed {seed}");
            assert!(
                !best.contains(&0),
                "the most expensive model is best somewhere"
            );
        }
    }

    #[test]
    fn outcomes_are_a_function_of_seed_nonce_and_model() {
        let (a, b) = (World::new(7), World::new(7));
        let at = |world: &World, nonce| world.outcome(Kind::Code, nonce, &MODELS[3]);
        assert!((0..1_000).all(|nonce| at(&a, nonce) == at(&b, nonce)));
        let differing = (0..1_000)
            .filter(|nonce| at(&a, *nonce) != at(&World::new(8), *nonce))
            .count();
        assert!(differing > 900, "{differing}");
    }

    #[test]
    fn outcomes_follow_the_hidden_quality() {
        let world = World::new(1);
        for model in &MODELS {
            for kind in Kind::ALL {
                let good = (0..4_000)
                    .filter(|n| world.outcome(kind, n * 7_919, model).good)
                    .count();
                let share = good as f64 / 4_000.0;
                assert!(
                    (share - world.quality(kind, model)).abs() < 0.04,
                    "{} {kind:?} {share}",
                    model.name
                );
            }
        }
    }
}

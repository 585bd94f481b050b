//! Outcomes that are made up, where there are no real ones at hand: the same every time.
//!
//! Every reply is right or wrong. A model's share of right replies in a shape is its general ability plus its
//! fit to the shape, exactly; half of a prompt's luck is shared by all models, so that hard prompts are hard
//! for everybody.

use clap::ValueEnum;
use floopy_shared::domain::ids::{CandidateKey, InvalidId};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    table::{LeftOut, Outcome, Shape, Table},
    world::Stream,
};

/// The worlds that can be made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Synthetic {
    /// Agents' tasks: each shape has its own best model, and the benchmarks mislead
    Agents,
    /// One model is best at everything, and the benchmarks know it: nothing to gain
    Nogain,
    /// As `agents`, with the three models that lead the benchmarks
    Three,
}

/// Makes the outcomes, whatever the seed of a run: the same table every time.
const SEED: u64 = 20_240_101;
/// Prompts of each shape: a tenant asks half of them, and donors the other half. Of few, the halves would differ by more
/// than the models do.
const PROMPTS: usize = 2_000;
/// Share of a prompt's luck that all models share.
const SHARED_LUCK: f64 = 0.5;
/// Spread of fits, up and down.
const FIT: f64 = 0.10;
/// What the model that suits a shape best has over the others.
const SPECIALITY: f64 = 0.14;
/// How much harder or easier shapes are than each other, up and down.
const DIFFICULTY: f64 = 0.10;

const SHAPES: [&str; 8] = [
    "sql",
    "refunds",
    "search-plan",
    "code-review",
    "extract-invoice",
    "summarise",
    "maths",
    "form-filling",
];

/// Name, general ability, benchmark, and USD of a typical call. The benchmarks rank otherwise than the
/// abilities do.
const MODELS: [(&str, f64, f64, f64); 8] = [
    ("atlas-large", 0.70, 0.90, 0.006),
    ("borea-large", 0.72, 0.87, 0.004),
    ("cirrus-pro", 0.69, 0.86, 0.003),
    ("delta-pro", 0.71, 0.82, 0.0015),
    ("ember-mini", 0.64, 0.80, 0.0004),
    ("fjord-mini", 0.66, 0.76, 0.0003),
    ("gale-small", 0.57, 0.70, 0.0001),
    ("haze-small", 0.52, 0.62, 0.00005),
];

/// Of the control world: quality in every shape, in the order of the benchmarks.
const NOGAIN: [f64; 8] = [0.74, 0.69, 0.68, 0.66, 0.62, 0.60, 0.53, 0.47];

/// Costs of single calls vary by this much, up and down.
const COST_SPREAD: f64 = 0.5;

impl Synthetic {
    /// What tables call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Agents => "synthetic agents",
            Self::Nogain => "synthetic control without gain",
            Self::Three => "synthetic agents, three models",
        }
    }

    /// Makes it up.
    pub(super) fn table(self) -> Result<Table, InvalidId> {
        let models = match self {
            Self::Agents | Self::Nogain => MODELS.len(),
            Self::Three => 3,
        };
        let mut rng = Stream::Platform.rng(SEED);
        let keys = MODELS[..models]
            .iter()
            .map(|(name, ..)| CandidateKey::new("synthetic", name));
        let shapes = SHAPES.iter().enumerate().map(|(index, name)| {
            let qualities = self.qualities(index, models, &mut rng);
            Shape {
                name: (*name).to_owned(),
                prompts: prompts(&qualities, &mut rng),
            }
        });
        Ok(Table {
            shapes: shapes.collect(),
            models: keys.collect::<Result<_, _>>()?,
            priors: MODELS[..models]
                .iter()
                .map(|(_, _, prior, _)| *prior)
                .collect(),
            sessions: Vec::new(),
            left_out: LeftOut::default(),
        })
    }

    /// Shares of right replies in one shape.
    fn qualities(self, shape: usize, models: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let level = rng.random_range(-DIFFICULTY..DIFFICULTY);
        // Every model's fit is drawn, so that worlds with fewer models are the same in what they share.
        let fits: Vec<f64> = MODELS.iter().map(|_| rng.random_range(-FIT..FIT)).collect();
        let quality = |model: usize| match self {
            Self::Agents | Self::Three => {
                let speciality = if model == shape % models {
                    SPECIALITY
                } else {
                    0.0
                };
                MODELS[model].1 + fits[model] + speciality
            }
            Self::Nogain => NOGAIN[model],
        };
        (0..models)
            .map(|model| (quality(model) + level).clamp(0.02, 0.98))
            .collect()
    }
}

/// What every model makes of a shape's prompts.
fn prompts(qualities: &[f64], rng: &mut ChaCha8Rng) -> Vec<Vec<Outcome>> {
    let difficulties: Vec<f64> = (0..PROMPTS).map(|_| rng.random()).collect();
    let mut prompts = vec![Vec::new(); PROMPTS];
    for (model, quality) in qualities.iter().enumerate() {
        let is_right = right(*quality, &difficulties, rng);
        for (prompt, is_right) in prompts.iter_mut().zip(is_right) {
            let spread = 1.0 + rng.random_range(-COST_SPREAD..COST_SPREAD);
            prompt.push(Outcome {
                score: f64::from(u8::from(is_right)),
                cost_usd: Some(MODELS[model].3 * spread),
                latency_s: None,
            });
        }
    }
    prompts
}

/// The prompts that a model gets right: exactly its share of them, those with the best luck.
fn right(quality: f64, difficulties: &[f64], rng: &mut ChaCha8Rng) -> Vec<bool> {
    let mut lucks: Vec<(f64, usize)> = Vec::with_capacity(difficulties.len());
    for (prompt, difficulty) in difficulties.iter().enumerate() {
        let own = rng.random::<f64>();
        let is_shared = rng.random_bool(SHARED_LUCK);
        lucks.push((if is_shared { *difficulty } else { own }, prompt));
    }
    lucks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = (quality * difficulties.len() as f64).round() as usize;
    let mut right = vec![false; difficulties.len()];
    lucks
        .iter()
        .take(count)
        .for_each(|(_, prompt)| right[*prompt] = true);
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(table: &Table) -> Vec<Vec<f64>> {
        let of = |shape: &Shape, model: usize| {
            shape
                .prompts
                .iter()
                .map(|prompt| prompt[model].score)
                .sum::<f64>()
                / PROMPTS as f64
        };
        let models = 0..table.models.len();
        table
            .shapes
            .iter()
            .map(|shape| models.clone().map(|m| of(shape, m)).collect())
            .collect()
    }

    #[test]
    fn agents_have_many_best_models_and_the_control_has_one() {
        let best = |world: Synthetic| -> std::collections::BTreeSet<usize> {
            let table = world.table().expect("made up");
            means(&table)
                .iter()
                .map(|qualities| super::super::policy::first_best(qualities))
                .collect()
        };
        assert!(
            best(Synthetic::Agents).len() >= 4,
            "{:?}",
            best(Synthetic::Agents)
        );
        assert_eq!(best(Synthetic::Nogain).into_iter().collect::<Vec<_>>(), [0]);
        assert_eq!(Synthetic::Three.table().expect("made up").models.len(), 3);
    }

    #[test]
    fn the_benchmarks_mislead_among_agents_and_not_in_the_control() {
        let lead = |world: Synthetic| {
            let table = world.table().expect("made up");
            let means = means(&table);
            let total = |model: usize| means.iter().map(|shape| shape[model]).sum::<f64>();
            let others = (0..table.models.len()).filter(|m| *m != table.best_by_benchmark());
            total(table.best_by_benchmark()) - others.map(total).fold(0.0, f64::max)
        };
        assert!(lead(Synthetic::Agents) < 0.0);
        assert!(lead(Synthetic::Nogain) > 0.2);
    }

    #[test]
    fn a_made_up_table_is_the_same_every_time() {
        assert_eq!(Synthetic::Agents.table(), Synthetic::Agents.table());
    }
}

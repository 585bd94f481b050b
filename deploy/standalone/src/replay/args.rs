//! The options of `floopy replay`.

use std::path::PathBuf;

use clap::{ValueEnum, builder::RangedU64ValueParser};

use super::{
    drift::DriftSpec,
    learner::Settings,
    off_policy::Constraint,
    policy::Kind,
    synthetic::Synthetic,
    table::Chosen,
    world::{Feedback, Size},
};

/// What is compared.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Outcomes: a JSON object per line with prompt_id, category (or task), model, score 0..1, and where
    /// known cost_usd, latency_s, session, prompt; may be packed with gzip
    #[arg(value_name = "FILE", required_unless_present_any = ["synthetic", "decisions"])]
    pub(super) file: Option<PathBuf>,
    /// What benchmarks say: {"prior": {"model": 0..1}}; models without one are left out [default: 0.5 each]
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(super) priors: Option<PathBuf>,
    /// Outcomes that are made up, instead of a file
    #[arg(long, value_enum, conflicts_with = "file")]
    pub(super) synthetic: Option<Synthetic>,
    /// Only these models
    #[arg(long, value_name = "MODELS", value_delimiter = ',', requires = "file")]
    models: Vec<String>,
    /// Only so many models, those with the best priors
    #[arg(long, value_name = "N", requires = "file")]
    top: Option<usize>,
    /// Simulated tenants; intervals are over these
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = count(10_000))]
    tenants: usize,
    /// Requests of each tenant
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count(10_000_000))]
    requests: usize,
    /// Makes the tenants, their requests and their moods
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Worlds of so many tenants each, with consecutive seeds: their judges err differently
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1_000))]
    seeds: usize,
    /// What Floopy seeks
    #[arg(long, value_enum, default_value_t = Objective::Quality)]
    pub(super) goal: Objective,
    /// Only these policies, besides the oracle and the best single models [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_enum)]
    policies: Vec<Kind>,
    /// From this request on a model is worse: its name or `auto`, and the share of quality that it loses
    #[arg(long, value_name = "AT:MODEL:DROP")]
    pub(super) drift: Option<DriftSpec>,
    /// Tenants that learned before, on the half of the prompts that the others never ask
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = RangedU64ValueParser::<usize>::new().range(0..=10_000))]
    pub(super) donors: usize,
    /// Requests of each of them
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = count(10_000_000))]
    pub(super) donor_requests: usize,
    /// Pools what donors know with the product's noise, for this yearly privacy budget; without, with none
    #[arg(long, value_name = "E", value_parser = epsilon)]
    pub(super) pool_epsilon: Option<f64>,
    /// Also draw regret and quality over time, as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Also write everything as JSON; `-` writes it instead of the tables
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Instead of outcomes, a tenant's own decisions, as the REST interface gives them, one per line, with a
    /// score: estimates what other constraints would have been worth
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "synthetic"])]
    pub(super) decisions: Option<PathBuf>,
    #[command(flatten)]
    pub(super) constraint: Constraint,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) feedback: Feedback,
}

/// A number from 1.
fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

fn epsilon(text: &str) -> Result<f64, String> {
    let epsilon = text
        .parse::<f64>()
        .ok()
        .filter(|e| (0.1..=100.0).contains(e));
    epsilon.ok_or_else(|| "it must be 0.1 to 100".to_owned())
}

/// What Floopy seeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Objective {
    /// The best quality
    Quality,
    /// The lowest cost that keeps a floor of quality
    Floor,
}

/// What is always shown, also where it is better than Floopy.
const ALWAYS: [Kind; 3] = [Kind::Benchmark, Kind::BestSingle, Kind::Oracle];

impl Args {
    /// In the order of the tables.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        if self.policies.is_empty() {
            return Kind::value_variants().to_vec();
        }
        let mut kinds = [self.policies.as_slice(), &ALWAYS].concat();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The models that take part.
    pub(super) fn chosen(&self) -> Chosen {
        Chosen {
            models: self.models.clone(),
            top: self.top,
        }
    }

    /// Of the world.
    pub(super) fn size(&self) -> Size {
        Size {
            tenants: self.tenants,
            requests: self.requests,
            seed: self.seed,
            seeds: self.seeds,
        }
    }

    /// The share of the baseline's quality to keep, if that is the goal.
    pub(super) fn floor(&self) -> Option<f64> {
        match self.goal {
            Objective::Quality => None,
            Objective::Floor => Some(self.settings.floor),
        }
    }
}

//! `floopy replay`: real outcomes as traffic, to compare this project's learner with other policies.
//!
//! A table says what each model made of each prompt. Simulated tenants ask these prompts; the judge and the
//! users see the outcome of the model that a policy chose, and only that. The learner and the router are
//! those that serve.

mod learner;
mod measure;
mod policy;
mod progress;
mod report;
mod run;
mod table;
mod world;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{ValueEnum, builder::RangedU64ValueParser};

use crate::console::Console;

use measure::Valued;
use policy::Kind;
use progress::Progress;
use report::{PolicyReport, Report};
use table::{Chosen, Table};
use world::{Feedback, Size, World};

/// What is compared.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Outcomes: a JSON object per line with prompt_id, category (or task), model, score 0..1, and where
    /// known cost_usd, latency_s, session, prompt; may be packed with gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What benchmarks say: {"prior": {"model": 0..1}}; models without one are left out [default: 0.5 each]
    #[arg(long, value_name = "FILE")]
    priors: Option<PathBuf>,
    /// Only these models
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    models: Vec<String>,
    /// Only so many models, those with the best priors
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Simulated tenants; intervals are over these
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    tenants: usize,
    /// Requests of each tenant
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000_000))]
    requests: usize,
    /// Makes the tenants, their requests and their moods
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What Floopy seeks
    #[arg(long, value_enum, default_value_t = Objective::Quality)]
    goal: Objective,
    /// Only these policies [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_enum)]
    policies: Vec<Kind>,
    /// Also write everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    settings: learner::Settings,
    #[command(flatten)]
    feedback: Feedback,
}

/// What Floopy seeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Objective {
    /// The best quality
    Quality,
    /// The lowest cost that keeps a floor of quality
    Floor,
}

impl Objective {
    fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Floor => "floor",
        }
    }
}

/// What can end a replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Read(#[from] table::ReadError),
    #[error("the models cannot be routed between: {0}")]
    Setup(#[from] learner::SetupError),
    #[error("{path}: {source}")]
    Write { path: String, source: io::Error },
    #[error("the report is not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Args {
    fn kinds(&self) -> Vec<Kind> {
        if self.policies.is_empty() {
            return Kind::value_variants().to_vec();
        }
        let mut kinds = self.policies.clone();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn table(&self) -> Result<Table, ReplayError> {
        let chosen = Chosen {
            models: self.models.clone(),
            top: self.top,
        };
        Ok(table::read(&self.file, self.priors.as_deref(), &chosen)?)
    }

    fn size(&self) -> Size {
        Size {
            tenants: self.tenants,
            requests: self.requests,
            seed: self.seed,
        }
    }
}

/// Replays and reports.
pub(crate) fn run(args: &Args, console: &mut Console) -> Result<(), ReplayError> {
    let table = args.table()?;
    let name = args.file.display().to_string();
    console.say(&report::input(&name, &table, args.priors.is_some()));
    let world = World::new(&table, args.feedback, args.size());
    let report = compare(args, &world)?;
    console.say(&report::tables(&report));
    match &args.json {
        Some(path) => write(path, &serde_json::to_string_pretty(&report)?),
        None => Ok(()),
    }
}

fn compare(args: &Args, world: &World<'_>) -> Result<Report, ReplayError> {
    let table = world.table;
    let setup = learner::Setup::new(table, args.settings, args.goal == Objective::Floor)?;
    let kinds = args.kinds();
    let progress = Progress::new(kinds.len() * args.tenants * args.requests);
    let policies = kinds.into_iter().map(|kind| {
        progress.begin(kind.name());
        let make = |tenant: usize| policy::of(kind, world, tenant, &setup);
        let traces = run::run(world, make, |served| progress.add(served));
        let valued = Valued::new(world, &traces);
        let marks = measure::marks(world.requests());
        PolicyReport {
            policy: kind.name(),
            marks: marks
                .into_iter()
                .map(|requests| valued.mark(requests))
                .collect(),
        }
    });
    Ok(Report {
        policies: policies.collect(),
        models: table.models.iter().map(ToString::to_string).collect(),
        shapes: table.shapes.len(),
        prompts: table.prompts(),
        prompts_dropped: table.left_out.prompts,
        tenants: args.tenants,
        requests: args.requests,
        seed: args.seed,
        goal: args.goal.name(),
    })
}

fn write(path: &Path, text: &str) -> Result<(), ReplayError> {
    fs::write(path, text).map_err(|source| ReplayError::Write {
        path: path.display().to_string(),
        source,
    })
}

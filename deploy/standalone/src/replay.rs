//! `floopy replay`: real outcomes as traffic, to compare this project's learner with other policies.
//!
//! A table says what each model made of each prompt. Simulated tenants ask these prompts; the judge and the
//! users see the outcome of the model that a policy chose, and only that. The learner and the router are
//! those that serve. `--decisions` asks another question: what a tenant's own decisions say of constraints
//! that it did not have.

mod args;
mod calibration;
mod compare;
mod donors;
mod drift;
mod floor;
mod learner;
mod measure;
mod off_policy;
mod plot;
mod policy;
mod progress;
mod report;
mod run;
mod synthetic;
mod table;
mod verdict;
mod world;

use std::{fs, io, path::Path};

use serde::Serialize;

pub use args::Args;

pub(crate) use table::open;

use crate::console::Console;
use table::Table;

/// What can end a replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Read(#[from] table::ReadError),
    #[error(transparent)]
    Table(#[from] table::InvalidTable),
    #[error("the models cannot be routed between: {0}")]
    Setup(#[from] learner::SetupError),
    #[error("--drift: {0}")]
    Drift(#[from] drift::InvalidDrift),
    #[error(transparent)]
    Plot(#[from] plot::PlotError),
    #[error(transparent)]
    OffPolicy(#[from] off_policy::OffPolicyError),
    #[error("the made-up models have no names: {0}")]
    Synthetic(#[from] floopy_shared::domain::ids::InvalidId),
    #[error("{path}: {source}")]
    Write { path: String, source: io::Error },
    #[error("the report is not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Replays, or estimates, and reports.
pub(crate) fn run(args: &Args, console: &mut Console) -> Result<(), ReplayError> {
    if let Some(decisions) = &args.decisions {
        let estimates = off_policy::estimate(decisions, &args.constraint)?;
        return publish(args, console, (&estimates, &off_policy::text(&estimates)));
    }
    let (input, table) = input(args)?;
    let compared = compare::compare(args, &table)?;
    if let (Some(path), Some(plot)) = (&args.plot, &compared.plot) {
        write(path, plot)?;
    }
    let text = format!("{input}\n{}", report::text(&compared.report));
    publish(args, console, (&compared.report, &text))
}

/// What the world is made of, and what is said of it.
fn input(args: &Args) -> Result<(String, Table), ReplayError> {
    let chosen = args.chosen();
    if let Some(synthetic) = args.synthetic {
        let table = synthetic.table()?;
        return Ok((report::input(synthetic.name(), &table, true), table));
    }
    let file = args.file.as_deref().unwrap_or(Path::new(""));
    let table = table::read(file, args.priors.as_deref(), &chosen)?;
    let name = file.display().to_string();
    Ok((report::input(&name, &table, args.priors.is_some()), table))
}

/// As text, and as JSON where that is asked for.
fn publish(
    args: &Args,
    console: &mut Console,
    (report, text): (&impl Serialize, &str),
) -> Result<(), ReplayError> {
    match &args.json {
        None => console.say(text.trim_end()),
        Some(path) if path.as_os_str() == "-" => {
            console.say(&serde_json::to_string_pretty(report)?)
        }
        Some(path) => {
            write(path, &serde_json::to_string_pretty(report)?)?;
            console.say(text.trim_end());
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), ReplayError> {
    fs::write(path, text).map_err(|source| ReplayError::Write {
        path: path.display().to_string(),
        source,
    })
}

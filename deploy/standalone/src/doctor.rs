//! `floopy doctor`: whether everything that Floopy needs is there, whether it runs or not.
//!
//! Every check has a deadline and all run at once. Nothing is changed, no credential is sent to a provider, and nothing
//! secret is printed.

mod certificates;
mod finding;
mod listeners;
mod machine;
mod patient;
mod providers;
mod stores;
mod subject;

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, ValueEnum};
use floopy_shared::process::{clock::Clock, config::ConfigError};
use futures::future::{BoxFuture, FutureExt, join_all};

use self::{
    finding::{Check, Finding, Health, Report},
    subject::Subject,
};
use crate::console::Console;

/// Longest that a check may take, and the shortest that can be asked for.
const DEADLINES: std::ops::RangeInclusive<u64> = 100..=60_000;

/// Looks whether everything that Floopy needs is there
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The configuration file [default: ./floopy.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whose configuration file it is
    #[arg(long, value_enum, default_value_t = Plane::All)]
    plane: Plane,
    /// How long each check may take, in milliseconds, 100 to 60000
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    deadline_ms: u64,
    /// Warnings fail as well
    #[arg(long)]
    strict: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Whose configuration is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plane {
    /// `floopy`, with all of them in one process
    All,
    /// `floopy-dataplane`
    Proxy,
    /// `floopy-controlplane`
    Control,
    /// `floopy-judge-worker`
    Judge,
}

/// Why the doctor says that not all is well.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error("--deadline-ms is {0}, it must be 100 to 60000")]
    Deadline(u64),
    #[error("--plane {0} needs --config with its configuration file")]
    NoFile(&'static str),
    #[error("{failed} of {all} checks failed")]
    Failed { failed: usize, all: usize },
    #[error("{0} checks warn, which --strict counts as failures")]
    Warned(usize),
}

/// What checks are given.
#[derive(Debug, Clone)]
struct Given {
    deadline: Duration,
    clock: Clock,
}

type Running<'a> = BoxFuture<'a, Vec<Finding>>;

/// Looks at everything and tells it.
pub(crate) async fn run(args: &Args, console: &mut Console) -> Result<(), DoctorError> {
    if !DEADLINES.contains(&args.deadline_ms) {
        return Err(DoctorError::Deadline(args.deadline_ms));
    }
    let report = match Subject::load(args.plane, args.config.as_deref())? {
        Ok(subject) => {
            let given = Given {
                deadline: Duration::from_millis(args.deadline_ms),
                clock: Clock::system(),
            };
            look(&subject, &given).await
        }
        Err(error) => unreadable(&error),
    };
    if args.json {
        console.say(&report.json().to_string());
    } else {
        console.say(&report.text());
    }
    let (failed, warned) = (report.count(Health::Fail), report.count(Health::Warn));
    match (failed, warned) {
        (0, warned) if warned > 0 && args.strict => Err(DoctorError::Warned(warned)),
        (0, _) => Ok(()),
        (failed, _) => Err(DoctorError::Failed {
            failed,
            all: report.len(),
        }),
    }
}

/// Without a configuration nothing else can be looked at.
fn unreadable(error: &ConfigError) -> Report {
    let advice = "correct that line; docs/configuration.md has every key";
    let finding = Finding::fail(Check::Configuration, "file", error.to_string(), advice);
    Report::new(vec![finding])
}

async fn look(subject: &Subject, given: &Given) -> Report {
    let mut running: Vec<Running<'_>> = Vec::new();
    running.push(machine::open_files(subject).boxed());
    for folder in &subject.folders {
        running.push(machine::folder(folder, subject.spool_bytes(), given).boxed());
    }
    if let Some(control) = &subject.control {
        running.push(stores::store(control, given).boxed());
        running.push(stores::decision_log(control, given).boxed());
    }
    running.extend(stores::redises(subject).map(|it| stores::redis(it, given).boxed()));
    if let Some(proxy) = &subject.proxy {
        running.push(stores::qdrant(proxy, given).boxed());
        running.push(machine::onnx(subject, proxy, given).boxed());
        running.push(providers::all(proxy, given).boxed());
    }
    for listener in &subject.listeners {
        running.push(listeners::free(listener, subject).boxed());
    }
    for peer in subject.peers() {
        running.push(listeners::reachable(peer, given).boxed());
    }
    for tls in subject.certificates() {
        running.push(certificates::files(tls, given).boxed());
    }
    let found = join_all(running).await.into_iter().flatten();
    Report::new(subject.told().into_iter().chain(found).collect())
}

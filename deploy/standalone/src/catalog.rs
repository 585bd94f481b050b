//! `floopy catalog`: lists models, checks catalog files, imports and updates them. Nothing here uses the network.

mod files;
mod import;
mod list;
mod show;
pub(crate) mod table;
mod update;
mod validate;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use floopy_shared::{
    catalog::{self, File, Models, update::SourceConflict},
    domain::catalog::CatalogModel,
    process::config::ConfigError,
};

use crate::{
    config::{Effective, PlaneConfigs},
    console::Console,
};

/// What can be done with the catalog.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints models with their context, modalities, prices and priors
    List(list::ListArgs),
    /// Prints all that is known of one model, each figure with its source and date
    Show(show::ShowArgs),
    /// Checks catalog files and tells every problem, by file and line
    Validate(validate::ValidateArgs),
    /// Makes a catalog file of somebody else's price list
    #[command(subcommand)]
    Import(import::Import),
    /// Merges a newer catalog file or price map into yours and shows what that changes
    Update(update::UpdateArgs),
}

/// Which catalog is meant.
#[derive(Debug, Args)]
struct Which {
    /// A catalog file; `-` for standard input [default: what the configuration has in force]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The configuration file [default: ./floopy.toml, if it exists]
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
}

/// What can end a command.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("{path}: {source}")]
    File {
        path: String,
        source: std::io::Error,
    },
    #[error("{}", lines(.0))]
    Invalid(Vec<String>),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Known(floopy_controlplane::Error),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Conflict(#[from] SourceConflict),
    #[error("nothing can be shown: {0}")]
    Print(#[from] serde_json::Error),
}

fn lines(problems: &[String]) -> String {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    format!("{count}\n{}", problems.join("\n"))
}

/// Runs a command to its end.
pub fn run(command: &Command, console: &mut Console) -> Result<(), CatalogError> {
    match command {
        Command::List(args) => list::run(args, console),
        Command::Show(args) => show::run(args, console),
        Command::Validate(args) => validate::run(args, console),
        Command::Import(import) => import::run(import, console),
        Command::Update(args) => update::run(args, console),
    }
}

/// Entries and what routing makes of them.
struct Known {
    file: File,
    /// In the order of the file's models.
    models: Vec<CatalogModel>,
}

impl Which {
    fn read(&self) -> Result<Known, CatalogError> {
        let file = match &self.file {
            Some(path) => files::catalog(path)?,
            None => {
                let effective = Effective::load(self.config.as_deref())?;
                let config = PlaneConfigs::control_only(&effective.config);
                floopy_controlplane::known_models(&config).map_err(CatalogError::Known)?
            }
        };
        // A file of a few models is read against the scales that all models make.
        let builtin = catalog::builtin();
        let named = |model: &&catalog::Entry| file.models.iter().all(|m| m.name() != model.name());
        let others = builtin.models.iter().filter(named);
        let models = Models::of(file.models.iter().chain(others)).all(&file.models, &file.sources);
        Ok(Known { models, file })
    }
}

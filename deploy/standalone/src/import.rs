//! `floopy import`: configurations of other proxies as Floopy's own, with a list of what has no counterpart.

mod litellm;
mod yaml;

use std::{fs, io, path::PathBuf};

use clap::{Args, Subcommand};

use self::litellm::Converted;
use crate::console::Console;

/// What can be brought over.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a floopy.toml of the config.yaml of a LiteLLM proxy
    Litellm(Litellm),
}

#[derive(Debug, Args)]
pub struct Litellm {
    /// LiteLLM's file
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Where to write it, which must not exist yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Why nothing was brought over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}:{line}: {message}", path = path.display())]
    Yaml {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("the configuration cannot be written: {0}")]
    Print(#[from] toml::ser::Error),
}

/// What has no counterpart, or another meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    line: usize,
    /// Such as `model_list[0].litellm_params.rpm`.
    key: String,
    reason: String,
}

pub(crate) fn run(command: &Command, console: &mut Console) -> Result<(), ImportError> {
    match command {
        Command::Litellm(litellm) => litellm.run(console),
    }
}

impl Litellm {
    fn run(&self, console: &mut Console) -> Result<(), ImportError> {
        let shown = self.config.display().to_string();
        let failed = |path: &PathBuf, source| ImportError::File {
            path: path.clone(),
            source,
        };
        let text = fs::read_to_string(&self.config).map_err(|e| failed(&self.config, e))?;
        let document = yaml::read(&text).map_err(|(line, message)| ImportError::Yaml {
            path: self.config.clone(),
            line,
            message,
        })?;
        let Converted { config, notes } = litellm::convert(&document);
        let head = format!("# Made of {shown} by `floopy import litellm`.\n\n");
        let made = head + &toml::to_string(&config)?;
        match &self.out {
            Some(out) => write(out, &made).map_err(|e| failed(out, e))?,
            None => console.say(made.trim_end()),
        }
        for Note { line, key, reason } in &notes {
            console.complain(&format!("{shown}:{line}: {key}: {reason}"));
        }
        console.complain(&format!("{} to look at; then: floopy check", notes.len()));
        Ok(())
    }
}

/// For its owner alone: it may have keys in it.
fn write(path: &PathBuf, text: &str) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

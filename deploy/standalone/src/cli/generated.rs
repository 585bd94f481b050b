//! Completions for shells and manual pages, made of what the command line itself says.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::console::Console;

/// Prints what completes commands in a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    shell: Shell,
}

/// Writes a manual page for every command into a folder
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Made where it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// A folder that pages cannot be written into.
#[derive(Debug, thiserror::Error)]
#[error("no manual pages: {dir}: {source}", dir = dir.display())]
pub struct Unwritten {
    dir: PathBuf,
    source: io::Error,
}

impl Completions {
    pub(super) fn run(&self, console: &mut Console) {
        let mut command = Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "floopy", &mut script);
        console.say(String::from_utf8_lossy(&script).trim_end());
    }
}

impl Man {
    pub(super) fn run(&self, console: &mut Console) -> Result<(), Unwritten> {
        let written = write(&self.dir).map_err(|source| Unwritten {
            dir: self.dir.clone(),
            source,
        })?;
        console.say(&format!("{written} pages in {}", self.dir.display()));
        Ok(())
    }
}

fn write(dir: &Path) -> io::Result<usize> {
    fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)?;
    Ok(fs::read_dir(dir)?.count())
}

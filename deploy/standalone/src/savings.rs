//! `floopy savings`: what was saved, recomputed from an export without any server.

mod against;
mod row;
mod tally;
mod verify;

use std::{io, process::ExitCode};

use clap::Subcommand;

use crate::{
    console::Console,
    export::{BadLine, ExportError},
};

/// What can be done with savings.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks an export line by line, and recomputes from each row's tokens and prices what was saved and what is due:
    /// exits with 1 where a row's own figures do not follow, and names the lines
    Verify(verify::VerifyArgs),
}

/// What can end a command.
#[derive(Debug, thiserror::Error)]
pub enum SavingsError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{path}, {bad}")]
    Bad { path: String, bad: BadLine },
    #[error("--rate is {0}, it must be a share from 0 to 1")]
    Rate(f64),
    #[error(transparent)]
    Key(ExportError),
    #[error(
        "{path}: the figures of {rows} rows do not follow from their tokens and prices: lines {lines}"
    )]
    Wrong {
        path: String,
        rows: u64,
        lines: String,
    },
    #[error("{path} is no answer of GET /v1/optimization/savings: {reason}")]
    NoAnswer { path: String, reason: String },
    #[error("{path} says otherwise than the rows: {keys}")]
    Disagrees { path: String, keys: String },
    #[error(
        "{path}: every row is good, but the export was cut off after {rows} rows: go on with `floopy export decisions --resume`"
    )]
    Incomplete { path: String, rows: u64 },
}

/// Exit code for a good file that lacks its end.
const INCOMPLETE: u8 = 3;

impl SavingsError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Incomplete { .. } => ExitCode::from(INCOMPLETE),
            Self::File { .. }
            | Self::Bad { .. }
            | Self::Rate(_)
            | Self::Key(_)
            | Self::Wrong { .. }
            | Self::NoAnswer { .. }
            | Self::Disagrees { .. } => ExitCode::FAILURE,
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &Command, console: &mut Console) -> Result<(), SavingsError> {
    match command {
        Command::Verify(args) => verify::run(args, console),
    }
}

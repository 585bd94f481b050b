//! `floopy export`: writes a tenant's decisions to a file through the HTTP API, and verifies such files offline.

mod fetch;
mod verify;

use std::{io, process::ExitCode};

use clap::Subcommand;

pub use self::verify::BadLine;
pub(crate) use self::verify::{Verified, public_key, verified};

use crate::{console::Console, remote::ClientError};

/// What can be done with exports.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes the decisions of a span of time, going on by itself where an answer was cut off
    Decisions(fetch::FetchArgs),
    /// Checks every line of an export without any server: exits with 1 at the first bad line, and with 3 where
    /// all lines are good but the export was cut off
    Verify(verify::VerifyArgs),
}

/// Exit code for a good file that lacks its end.
const INCOMPLETE: u8 = 3;

/// What can end a command.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{path}, {bad}")]
    Bad { path: String, bad: BadLine },
    #[error(
        "{path}: intact, but cut off after {rows} rows: go on with `floopy export decisions --resume`"
    )]
    Incomplete { path: String, rows: u64 },
    #[error("{field} is {value:?}, it must be {rule}")]
    Invalid {
        field: &'static str,
        value: String,
        rule: &'static str,
    },
    #[error("{0} exists already; --resume goes on with it")]
    Exists(String),
    #[error(
        "{path} is an export from {from} to {to}: give it the same --from and --to, or another file"
    )]
    OtherSpan {
        path: String,
        from: String,
        to: String,
    },
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the export broke off {tries} times: {source}")]
    Broken { tries: u32, source: ClientError },
}

impl ExportError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Incomplete { .. } => ExitCode::from(INCOMPLETE),
            Self::File { .. }
            | Self::Bad { .. }
            | Self::Invalid { .. }
            | Self::Exists(_)
            | Self::OtherSpan { .. }
            | Self::Client(_)
            | Self::Broken { .. } => ExitCode::FAILURE,
        }
    }
}

/// Runs a command to its end.
pub(crate) async fn run(command: &Command, console: &mut Console) -> Result<(), ExportError> {
    match command {
        Command::Decisions(args) => fetch::run(args, console).await,
        Command::Verify(args) => verify::run(args, console),
    }
}

//! The command `floopy`.

use std::process::ExitCode;

use clap::Parser;
use floopy_standalone::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}

//! `floopy-controlplane --config FILE`: the control plane as its own process.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use floopy_controlplane::{Config, Deps, Error, check, prepare_in_turn};
use floopy_shared::process::{
    clock::Clock,
    config::load_checked,
    stop,
    telemetry::{self, LogFormat},
};

/// Learns which model serves each task best, and tells the proxies.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The configuration file; without it everything has its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write logs as JSON
    #[arg(long)]
    json_logs: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let format = if args.json_logs {
        LogFormat::Json
    } else {
        LogFormat::Text
    };
    telemetry::init(format, "info");
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut config: Config = args
        .config
        .as_deref()
        .map(|path| load_checked(path, |config| check(config).map_err(Error::by_key)))
        .transpose()?
        .unwrap_or_default();
    config
        .operator
        .or_environment(|name| std::env::var(name).ok());
    config
        .credentials
        .or_environment(|name| std::env::var(name).ok());
    let deps = Deps {
        incoming: None,
        clock: Clock::system(),
        registry: Arc::new(Mutex::default()),
        stop: stop::on_signal()?,
    };
    let Some(prepared) = prepare_in_turn(config, deps).await? else {
        return Ok(());
    };
    if let Some(key) = prepared.minted_key() {
        // The only moment it is known: to standard output, not to the log.
        writeln!(
            std::io::stdout(),
            "API key of tenant default (shown once): {key}"
        )?;
    }
    if let Some(path) = prepared.operator_key_file() {
        tracing::info!(path = %path.display(), "the operator's key is in a file");
    }
    tracing::info!(rest = %prepared.rest_addr(), grpc = ?prepared.grpc_addr(), "control plane is up");
    Ok(prepared.run().await?)
}

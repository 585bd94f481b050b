//! The judge as a process of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use floopy_judge_worker::{Config, Deps, run};
use floopy_shared::process::{config, rpc::Dialer, stop, telemetry};
use prometheus_client::registry::Registry;

/// Scores replies for a Floopy control plane.
#[derive(Debug, Parser)]
#[command(name = "floopy-judge-worker", version)]
struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&Args::parse().config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unwritable = writeln!(std::io::stderr(), "floopy-judge-worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let config: Config = config::load_checked(path, Config::check)?;
    telemetry::init(config.log, &config.log_filter);
    let dialer = Dialer::tcp(&config.control.grpc, config.control.tls.as_ref())
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let registry = Arc::new(Mutex::new(Registry::default()));
    let deps = Deps {
        dialer,
        registry,
        stop: stop::on_signal()?,
    };
    tracing::info!(control = ?deps.dialer, worker = config.worker, "judging");
    Ok(run(config, deps).await?)
}

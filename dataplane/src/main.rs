//! The data plane as a process of its own.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use floopy_dataplane::{Config, Deps, Resolver, bind};
use floopy_shared::process::{clock::Clock, config::load, rpc::Dialer, stop::on_signal, telemetry};
use prometheus_client::registry::Registry;
use tikv_jemallocator::Jemalloc;

/// A call takes some seventy allocations, some of them of a few kilobytes, and gives them back on the same
/// thread; glibc takes nearly twice as many instructions for that. What it keeps is set in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Floopy's data plane: the proxy that applications call.
#[derive(Debug, Parser)]
#[command(name = "floopy-dataplane", version)]
struct Args {
    /// A TOML file; see the reference for its keys.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "floopy-dataplane: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    let mut config: Config = load(&args.config)?;
    config
        .check()
        .map_err(|error| format!("{}: {error}", args.config.display()))?;
    config
        .credentials
        .or_environment(|name| std::env::var(name).ok());
    telemetry::init(config.log, "info");
    let dialer = Dialer::tcp(&config.control.grpc, config.control.tls.as_ref())
        .map_err(|error| format!("{}: {error}", args.config.display()))?;
    let deps = Deps {
        dialer,
        clock: Clock::system(),
        resolver: Resolver::system(),
        registry: Arc::new(Mutex::new(Registry::default())),
        stop: on_signal()?,
    };
    let bound = bind(config, deps).await?;
    tracing::info!(addr = %bound.addr(), "data plane is listening");
    bound.run().await?;
    tracing::info!("data plane stopped");
    Ok(())
}

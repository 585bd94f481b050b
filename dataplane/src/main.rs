//! The data plane as a process of its own.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use floopy_dataplane::{Config, Deps, LIVE_KEYS, Reloader, Resolver, bind};
use floopy_shared::process::{
    clock::Clock,
    config::{Written, parse, read},
    reload::{Reload, Reloaded, Reloading, Shown},
    rpc::Dialer,
    stop::on_signal,
    telemetry,
};
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
    let origin = args.config.display().to_string();
    let text = read(&args.config)?;
    let mut config: Config = parse(&text, &origin)?;
    config
        .check()
        .map_err(|error| format!("{origin}: {error}"))?;
    config
        .credentials
        .or_environment(|name| std::env::var(name).ok());
    telemetry::init(config.log, &config.log_filter);
    let dialer = Dialer::tcp(&config.control.grpc, config.control.tls.as_ref())
        .map_err(|error| format!("{origin}: {error}"))?;
    let (clock, registry) = (Clock::system(), Arc::new(Mutex::new(Registry::default())));
    let deps = Deps {
        dialer,
        clock: clock.clone(),
        resolver: Resolver::system(),
        registry: Arc::clone(&registry),
        stop: on_signal()?,
    };
    let reloading = Reloading::new()?;
    let configured = config.clone();
    let bound = bind(config, deps).await?;
    tracing::info!(addr = %bound.addr(), "data plane is listening");
    let file = File {
        written: Written::new((&text, &origin))?,
        path: args.config,
        reloader: bound.reloader(),
        config: configured,
    };
    tokio::select! {
        ended = bound.run() => ended?,
        never = reloading.run(file, (clock, &registry)) => match never {},
    }
    tracing::info!("data plane stopped");
    Ok(())
}

/// The configuration's file, read again while the proxy runs.
struct File {
    path: PathBuf,
    written: Written,
    reloader: Reloader,
    /// What was read last.
    config: Config,
}

impl Reload for File {
    async fn reload(&mut self) -> Result<Reloaded, String> {
        let text = read(&self.path).map_err(|e| e.to_string())?;
        let origin = self.path.display().to_string();
        let config: Config = parse(&text, &origin).map_err(|e| e.to_string())?;
        let checked = self.reloader.check(&config);
        let checked = checked.map_err(|error| format!("{origin}: {error}"))?;
        let next = self.written.next((&text, &origin), &LIVE_KEYS);
        let (written, reloaded) = next.map_err(|e| e.to_string())?;
        self.reloader.apply(checked);
        if config.log_filter != self.config.log_filter {
            telemetry::set(&config.log_filter);
        }
        self.written = written;
        self.config = config;
        Ok(reloaded)
    }

    fn show(&self) -> Shown {
        Shown {
            file: Some(self.path.display().to_string()),
            set: self.written.keys(),
            needs_restart: self.written.waiting(&LIVE_KEYS),
            // What can be read can be written.
            configuration: serde_json::to_value(&self.config).unwrap_or_default(),
        }
    }
}

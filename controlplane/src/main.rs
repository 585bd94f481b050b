//! `floopy-controlplane --config FILE`: the control plane as its own process.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::Parser;
use floopy_controlplane::{Config, Deps, LIVE_KEYS, Reloader, check, prepare_in_turn};
use floopy_shared::process::{
    clock::Clock,
    config::{ConfigError, Written, located, parse, read},
    reload::{Reload, Reloaded, Reloading, Shown},
    stop,
    telemetry::{self, LogFilter, LogFormat},
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
    telemetry::init(format, &LogFilter::default());
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let text = args.config.as_deref().map(read).transpose()?;
    let text = text.unwrap_or_default();
    let origin = origin(args.config.as_deref());
    let mut config = checked(&text, &origin)?;
    telemetry::configure(&config.log_filter);
    config
        .operator
        .or_environment(|name| std::env::var(name).ok());
    config
        .credentials
        .or_environment(|name| std::env::var(name).ok());
    let (clock, registry) = (Clock::system(), Arc::new(Mutex::default()));
    let deps = Deps {
        incoming: None,
        clock: clock.clone(),
        registry: Arc::clone(&registry),
        stop: stop::on_signal()?,
    };
    // Before it stands by: a hang-up must not end it.
    let reloading = Reloading::new()?;
    let configured = config.clone();
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
    let file = File {
        written: Written::new((&text, &origin))?,
        path: args.config,
        reloader: prepared.reloader(),
        config: configured,
    };
    file.reloader.answer(reloading.reloads());
    tokio::select! {
        ended = prepared.run() => Ok(ended?),
        never = reloading.run(file, (clock, &registry)) => match never {},
    }
}

/// What stands for the file in errors.
fn origin(path: Option<&Path>) -> String {
    path.map_or_else(|| "defaults".to_owned(), |path| path.display().to_string())
}

fn checked(text: &str, origin: &str) -> Result<Config, ConfigError> {
    let config: Config = parse(text, origin)?;
    check(&config).map_err(|error| {
        let (key, message) = error.by_key();
        located((text, origin), &key, message)
    })?;
    Ok(config)
}

/// The configuration's file, read again while the control plane runs.
struct File {
    path: Option<PathBuf>,
    written: Written,
    reloader: Reloader,
    /// What was read last.
    config: Config,
}

impl Reload for File {
    async fn reload(&mut self) -> Result<Reloaded, String> {
        let path = self.path.as_deref();
        let path = path.ok_or("it was started without a configuration file")?;
        let text = read(path).map_err(|e| e.to_string())?;
        let origin = path.display().to_string();
        let config = checked(&text, &origin).map_err(|e| e.to_string())?;
        let next = self.written.next((&text, &origin), &LIVE_KEYS);
        let (written, reloaded) = next.map_err(|e| e.to_string())?;
        let applied = self.reloader.apply(config.clone(), &reloaded.applied);
        applied.await.map_err(|e| format!("{origin}: {e}"))?;
        self.written = written;
        self.config = config;
        Ok(reloaded)
    }

    fn show(&self) -> Shown {
        Shown {
            file: self.path.as_ref().map(|path| path.display().to_string()),
            set: self.written.keys(),
            needs_restart: self.written.waiting(&LIVE_KEYS),
            // What can be read can be written.
            configuration: serde_json::to_value(&self.config).unwrap_or_default(),
        }
    }
}

//! The command line: `floopy` and what it can do besides serving.

mod banner;
mod database;
mod generated;

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use floopy_controlplane::NewKey;
use floopy_shared::process::{
    config::ConfigError,
    reload::Reloading,
    stop,
    supervise::TaskError,
    telemetry::{self, LogFilter, LogFormat},
};
use serde_json::json;
use tracing::Level;

use crate::{
    catalog,
    config::{Effective, PlaneConfigs},
    console::Console,
    demo, doctor, export, firewall, import,
    remote::{self, ClientError},
    replay, savings,
    simulator::{self, Simulator, SimulatorError},
    system::{StartError, System},
};

/// An AI gateway that learns which model serves each task best.
#[derive(Debug, Parser)]
#[command(name = "floopy", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file [default: ./floopy.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the whole system learning, with simulated models and simulated users
    Demo(demo::Args),
    /// Replays outcomes of many models as traffic, to compare Floopy with other ways of choosing
    Replay(Box<replay::Args>),
    /// Checks the configuration without starting
    Check(ConfigFile),
    /// Prints the effective configuration, secrets masked
    Config(ConfigFile),
    /// Lists, checks, imports and updates the models that Floopy knows
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Writes a tenant's decisions to a file, and verifies such files without any server
    #[command(subcommand)]
    Export(export::Command),
    /// Recomputes from an export what was saved, without any server
    #[command(subcommand)]
    Savings(savings::Command),
    /// Says what the firewall makes of a text, without any server
    #[command(subcommand)]
    Firewall(firewall::Command),
    /// Manages API keys
    #[command(subcommand, alias = "keys")]
    Key(Keys),
    /// Looks after the control plane's store
    #[command(subcommand)]
    Db(database::Database),
    #[command(flatten)]
    Remote(remote::Command),
    /// Looks whether everything that Floopy needs is there, whether it runs or not
    Doctor(doctor::Args),
    /// Makes a floopy.toml of the configuration of another proxy
    #[command(subcommand)]
    Import(import::Command),
    /// Prints what completes commands in a shell
    Completions(generated::Completions),
    /// Writes a manual page for every command into a folder
    Man(generated::Man),
    /// Runs only the simulated models, as an upstream for trying and testing
    Simulator(SimulatorArgs),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Makes a new API key in the store and prints it, once; needs no other key
    Create {
        /// Whose key it is
        #[arg(long, default_value = "default")]
        tenant: String,
        /// What it may change: read_only, member, admin or owner
        #[arg(long, default_value = "owner")]
        role: String,
        /// For people
        #[arg(long, default_value = "")]
        name: String,
        /// Print it as {"key", "tenant", "role", "name"}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
    #[command(flatten)]
    Remote(remote::Keys),
}

#[derive(Debug, Args)]
struct SimulatorArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Makes the world: qualities, replies, failures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Factor on every latency; 0 for none
    #[arg(long, default_value_t = 1.0)]
    latency_scale: f64,
    /// Never fail
    #[arg(long)]
    reliable: bool,
    /// Share of streams that break off in the middle, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    breaks: f64,
}

/// What can end a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    #[error(transparent)]
    Replay(#[from] replay::ReplayError),
    #[error(transparent)]
    Catalog(#[from] catalog::CatalogError),
    #[error(transparent)]
    Firewall(#[from] firewall::FirewallError),
    #[error(transparent)]
    Export(#[from] export::ExportError),
    #[error(transparent)]
    Savings(#[from] savings::SavingsError),
    #[error(transparent)]
    Remote(#[from] ClientError),
    #[error(transparent)]
    Doctor(#[from] doctor::DoctorError),
    #[error(transparent)]
    Import(#[from] import::ImportError),
    #[error(transparent)]
    Man(#[from] generated::Unwritten),
    #[error("no key was made: {0}")]
    Key(floopy_controlplane::Error),
    #[error("the store: {0}")]
    Store(floopy_controlplane::Error),
    #[error("--to: {0}")]
    To(String),
    #[error("the answer cannot be printed: {0}")]
    Json(serde_json::Error),
    #[error("the configuration cannot be printed: {0}")]
    Print(#[from] toml::ser::Error),
    #[error("signals cannot be awaited: {0}")]
    Signal(std::io::Error),
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl Error {
    /// 1, except where a script has to tell more.
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Export(error) => error.exit_code(),
            Self::Savings(error) => error.exit_code(),
            Self::Config(_)
            | Self::Start(_)
            | Self::Simulator(_)
            | Self::Demo(_)
            | Self::Replay(_)
            | Self::Catalog(_)
            | Self::Firewall(_)
            | Self::Key(_)
            | Self::Store(_)
            | Self::To(_)
            | Self::Json(_)
            | Self::Remote(_)
            | Self::Doctor(_)
            | Self::Import(_)
            | Self::Man(_)
            | Self::Print(_)
            | Self::Signal(_)
            | Self::Task(_) => ExitCode::FAILURE,
        }
    }
}

impl Cli {
    /// Runs the command to its end.
    pub async fn run(self) -> ExitCode {
        let mut console = Console::default();
        let ended = match self.command {
            None => serve(&self.file, &mut console).await,
            Some(Command::Demo(args)) => demo_command(args, &mut console).await,
            Some(Command::Replay(args)) => replay::run(&args, &mut console).map_err(Error::from),
            Some(Command::Check(file)) => check(&file, &mut console),
            Some(Command::Config(file)) => print_config(&file, &mut console),
            Some(Command::Catalog(command)) => {
                catalog::run(&command, &mut console).map_err(Error::from)
            }
            Some(Command::Export(command)) => export::run(&command, &mut console)
                .await
                .map_err(Error::from),
            Some(Command::Savings(command)) => {
                savings::run(&command, &mut console).map_err(Error::from)
            }
            Some(Command::Firewall(command)) => {
                firewall::run(&command, &mut console).map_err(Error::from)
            }
            Some(Command::Key(Keys::Create {
                tenant,
                role,
                name,
                json,
                file,
            })) => {
                let wanted = NewKey { tenant, role, name };
                create_key(&wanted, (&file, json), &mut console).await
            }
            Some(Command::Key(Keys::Remote(keys))) => {
                keys.run(&mut console).await.map_err(Error::from)
            }
            Some(Command::Db(database)) => database.run(&mut console).await,
            Some(Command::Remote(command)) => command.run(&mut console).await.map_err(Error::from),
            Some(Command::Doctor(args)) => {
                doctor::run(&args, &mut console).await.map_err(Error::from)
            }
            Some(Command::Import(command)) => {
                import::run(&command, &mut console).map_err(Error::from)
            }
            Some(Command::Completions(completions)) => {
                completions.run(&mut console);
                Ok(())
            }
            Some(Command::Man(man)) => man.run(&mut console).map_err(Error::from),
            Some(Command::Simulator(args)) => simulate(&args, &mut console).await,
        };
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                console.complain(&format!("floopy: {error}"));
                error.exit_code()
            }
        }
    }
}

async fn serve(file: &ConfigFile, console: &mut Console) -> Result<(), Error> {
    let effective = Effective::load(file.config.as_deref())?;
    telemetry::init(effective.config.log, &effective.config.log_filter);
    let stop = stop::on_signal().map_err(Error::Signal)?;
    // Before anything that may take long: a hang-up must not end it.
    let reloading = Reloading::new().map_err(Error::Signal)?;
    let mut system = System::start(&effective.config, stop.clone()).await?;
    system.ready().await;
    console.say(&banner::text(&effective, &system));
    if let Some(reloadable) = system.take_reloadable() {
        system.spawn("reload", async move {
            tokio::select! {
                () = stop.cancelled() => Ok::<_, Infallible>(()),
                never = reloadable.follow(effective, reloading) => match never {},
            }
        });
    }
    Ok(system.run().await?)
}

async fn demo_command(args: demo::Args, console: &mut Console) -> Result<(), Error> {
    // Progress is drawn on the same terminal: only what needs a person comes in between.
    telemetry::init(LogFormat::Text, &LogFilter::level(Level::ERROR));
    let stop = stop::on_signal().map_err(Error::Signal)?;
    Ok(demo::run(&args, stop, console).await?)
}

fn check(file: &ConfigFile, console: &mut Console) -> Result<(), Error> {
    let effective = Effective::load(file.config.as_deref())?;
    for warning in &effective.warnings {
        console.complain(&format!("warning: {warning}"));
    }
    console.say(&format!("ok: {}", effective.summary()));
    Ok(())
}

fn print_config(file: &ConfigFile, console: &mut Console) -> Result<(), Error> {
    let effective = Effective::load(file.config.as_deref())?;
    console.say(toml::to_string_pretty(&effective.config)?.trim_end());
    Ok(())
}

async fn create_key(
    wanted: &NewKey,
    (file, as_json): (&ConfigFile, bool),
    console: &mut Console,
) -> Result<(), Error> {
    let effective = Effective::load(file.config.as_deref())?;
    let config = PlaneConfigs::control_only(&effective.config);
    let key = floopy_controlplane::create_key(&config, wanted)
        .await
        .map_err(Error::Key)?;
    let NewKey { tenant, role, name } = wanted;
    if as_json {
        let told = json!({"key": key, "tenant": tenant, "role": role, "name": name});
        console.say(&told.to_string());
    } else {
        console.say(&key);
    }
    Ok(())
}

async fn simulate(args: &SimulatorArgs, console: &mut Console) -> Result<(), Error> {
    telemetry::init(LogFormat::Text, &LogFilter::default());
    let stop = stop::on_signal().map_err(Error::Signal)?;
    let options = simulator::Options {
        listen: args.listen,
        seed: args.seed,
        latency_scale: args.latency_scale,
        failures: !args.reliable,
        breaks: args.breaks,
    };
    let simulator = Simulator::bind(options).await?;
    console.say(&format!(
        "simulated models at http://{}/v1",
        simulator.addr()
    ));
    match simulator.run(stop).await {
        Ok(()) => Ok(()),
        Err(never) => match never {},
    }
}

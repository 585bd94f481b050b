//! `floopy db`: the control plane's store, without a control plane.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use floopy_controlplane::{StoreBackup, StoreConfig, StoreStatus};
use serde::Serialize;

use super::{ConfigFile, Error};
use crate::{
    catalog::table::{Side, table},
    config::{Effective, PlaneConfigs},
    console::Console,
};

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub(super) enum Database {
    /// Brings the schema forward, as a start would; only while no control plane runs
    Migrate(Asked),
    /// Tells what the store is, its version and how much is in it; changes nothing
    Status(Asked),
    /// Copies an SQLite store to a new file, also while a control plane runs
    Backup(To),
    /// Brings everything from SQLite into an empty PostgreSQL database; only while no control plane runs
    Move(Move),
}

#[derive(Debug, Args)]
pub(super) struct To {
    #[command(flatten)]
    asked: Asked,
    /// The file, which must not exist yet
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Move {
    /// The database: postgres://user:password@host:5432/database, or env:NAME for a variable that has that
    #[arg(long, value_name = "URL")]
    to: String,
    /// The directory of the SQLite store [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    file: ConfigFile,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

impl Database {
    pub(super) async fn run(&self, console: &mut Console) -> Result<(), Error> {
        let (Self::Migrate(asked)
        | Self::Status(asked)
        | Self::Backup(To { asked, .. })
        | Self::Move(Move { asked, .. })) = self;
        let effective = Effective::load(asked.file.config.as_deref())?;
        let config = PlaneConfigs::control_only(&effective.config);
        let status = match self {
            Self::Migrate(_) => floopy_controlplane::migrate_store(&config).await,
            Self::Status(_) => floopy_controlplane::store_status(&config).await,
            Self::Backup(To { to, .. }) => {
                let backup = floopy_controlplane::back_up_store(&config, to).await;
                let backup = backup.map_err(Error::Store)?;
                return said(&backup, asked.json, console, backup_text);
            }
            Self::Move(Move { to, from, .. }) => {
                let to = StoreConfig::postgres(to).map_err(Error::To)?;
                let from = from.as_ref().unwrap_or(&config.data_dir);
                floopy_controlplane::move_store(from, to).await
            }
        };
        said(&status.map_err(Error::Store)?, asked.json, console, text)
    }
}

/// Says it, for people or for scripts.
fn said<T: Serialize>(
    told: &T,
    json: bool,
    console: &mut Console,
    text: impl Fn(&T) -> String,
) -> Result<(), Error> {
    if json {
        console.say(&serde_json::to_string_pretty(told).map_err(Error::Json)?);
    } else {
        console.say(&text(told));
    }
    Ok(())
}

fn backup_text(backup: &StoreBackup) -> String {
    format!(
        "{}: schema {}, {} bytes, read through. Keep operator.key and credentials.key with it, apart from it.",
        backup.path.display(),
        backup.schema,
        backup.bytes
    )
}

fn text(status: &StoreStatus) -> String {
    let version = match status.found {
        0 => "no schema yet".to_owned(),
        found if found < status.known => {
            format!("schema {found}, to be brought to {}", status.known)
        }
        found if found > status.known => {
            format!(
                "schema {found}, newer than {}, which this program knows",
                status.known
            )
        }
        found => format!("schema {found}, up to date"),
    };
    let head = format!("{}: {version}, {} bytes", status.backend, status.bytes);
    if status.tables.is_empty() {
        return head;
    }
    let heads = [("TABLE", Side::Left), ("ROWS", Side::Right)];
    let row =
        |table: &floopy_controlplane::StoreTable| vec![table.name.clone(), table.rows.to_string()];
    let rows: Vec<Vec<String>> = status.tables.iter().map(row).collect();
    format!("{head}\n{}", table(&heads, &rows).trim_end())
}

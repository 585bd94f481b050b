//! A copy of an SQLite store in one file, made while a control plane writes to it.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{StoreError, sqlite};

/// What a copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    pub path: PathBuf,
    pub bytes: u64,
    /// The version of its schema.
    pub schema: i64,
}

/// Copies the store in a directory, as it is at one moment, to a new file that only its owner reads; then reads it through.
pub(crate) async fn write(directory: &Path, to: &Path) -> Result<Backup, StoreError> {
    let from = directory.join(sqlite::FILE);
    let refused = |path: &Path, reason: String| StoreError::Backup {
        path: path.display().to_string(),
        reason,
    };
    if !from.exists() {
        return Err(refused(&from, "there is no store yet".to_owned()));
    }
    let target = to
        .to_str()
        .ok_or_else(|| refused(to, "its name is not UTF-8".to_owned()))?;
    let empty = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    drop(empty.map_err(|e| refused(to, e.to_string()))?);
    let copied = copy(&from, target).await;
    let copied = copied.map_err(|e| refused(to, e.to_string()));
    let checked = match copied {
        Ok(()) => check(to).await.map_err(|e| refused(to, e.to_string())),
        Err(error) => Err(error),
    };
    let schema = match checked {
        Ok((schema, sound)) if sound == "ok" => schema,
        Ok((_, wrong)) => return discard(to, refused(to, wrong)),
        Err(error) => return discard(to, error),
    };
    let file = File::open(to).and_then(|file| file.sync_all().map(|()| file));
    let bytes = file.and_then(|file| file.metadata());
    let bytes = bytes.map_err(|e| refused(to, e.to_string()))?.len();
    Ok(Backup {
        path: to.to_owned(),
        bytes,
        schema,
    })
}

/// A copy that is not whole must not be taken for one.
fn discard(to: &Path, error: StoreError) -> Result<Backup, StoreError> {
    if let Err(left) = std::fs::remove_file(to) {
        tracing::warn!(path = %to.display(), error = %left, "an unfinished backup is left behind");
    }
    Err(error)
}

async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    SqliteConnection::connect_with(&options).await
}

async fn copy(from: &Path, to: &str) -> Result<(), sqlx::Error> {
    let mut store = open(from).await?;
    let copied = sqlx::query("VACUUM INTO ?1").bind(to);
    copied.execute(&mut store).await?;
    store.close().await
}

/// The version of the schema of a copy, and what SQLite finds wrong with its pages: `ok` if nothing is.
async fn check(path: &Path) -> Result<(i64, String), sqlx::Error> {
    let mut copy = open(path).await?;
    let schema = sqlx::query_scalar("PRAGMA user_version");
    let schema = schema.fetch_one(&mut copy).await?;
    let sound = sqlx::query("PRAGMA quick_check(1)");
    let sound: SqliteRow = sound.fetch_one(&mut copy).await?;
    let sound = sqlx::Row::try_get(&sound, 0)?;
    copy.close().await?;
    Ok((schema, sound))
}

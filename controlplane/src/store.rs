//! The embedded store: SQLite in one file, one writer, a few readers.
//!
//! A commit that returned survives the loss of the process, not that of power: `synchronous = NORMAL` leaves it
//! to the operating system when the journal reaches the disk, and what power takes is the newest commits whole,
//! of the last second or two. The journal is moved into the database beside the writer, not by its commits.
//!
//! Each statement is handed to a thread and back, which costs more than most statements: whatever comes in
//! numbers is read and written many rows at a time.

pub(crate) mod alarms;
pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod buckets;
pub(crate) mod calls;
pub(crate) mod contents;
pub(crate) mod credentials;
pub(crate) mod datasets;
pub(crate) mod deltas;
pub(crate) mod drift;
pub(crate) mod evaluations;
pub(crate) mod experiments;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod measured;
pub(crate) mod meta;
pub(crate) mod packed;
pub(crate) mod prompts;
pub(crate) mod queue;
pub(crate) mod ratings;
pub(crate) mod record;
pub(crate) mod retention;
mod schema;
pub(crate) mod scores;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod tenants;
#[cfg(test)]
mod tests;
pub(crate) mod units;
mod unwanted;
pub(crate) mod usage;
pub(crate) mod webhooks;

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use floopy_shared::domain::ids::{RequestId, TenantId};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Connection, Row, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use uuid::Uuid;

/// An open transaction of the one writer.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// The file's name within the data directory.
const FILE: &str = "controlplane.sqlite";
/// Connections that only read.
const READERS: u32 = 4;
/// Numbers of rows that one statement writes: a few, so that each statement is prepared once and kept.
const ROWS: [usize; 5] = [256, 64, 16, 4, 1];
/// Statements kept prepared, enough for every number of rows of the few tables written so.
const STATEMENTS: usize = 128;
/// Rows that a statement may be ahead of whoever reads them: waking a thread costs more than many rows.
const ROW_BUFFER: usize = 4_096;
/// The writer's page cache in KiB, which SQLite takes as a negative number.
const WRITER_CACHE: &str = "-65536";
/// Bytes of the database, 1 GiB, that the writer reads in place instead of copying them page by page.
const MAPPED_BYTES: &str = "1073741824";
/// Pages of the journal, 64 MiB, from which a commit shortens it itself: the bound where the writer never rests.
const JOURNAL_PAGES: &str = "16384";
/// Pages, 16 MiB, from which the journal is begun anew: one that is written without a pause would only grow.
const RESTART_PAGES: i64 = 4_096;
/// How long another process (`key create`) may hold the write lock before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot create {path}: {source}")]
    Create { path: String, source: io::Error },
    #[error("cannot open {path}: {source}")]
    Open { path: String, source: sqlx::Error },
    #[error("the store was written by a newer version: schema {found}, this one knows {known}")]
    Newer { found: i64, known: i64 },
    #[error("stored {what} cannot be read: {reason}")]
    Corrupt { what: &'static str, reason: String },
    #[error("store: {0}")]
    Sql(#[from] sqlx::Error),
}

impl StoreError {
    /// What is stored is not what was written, or of a version that nobody knows here.
    pub(crate) fn corrupt(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            what,
            reason: reason.to_string(),
        }
    }
}

/// Where the store keeps its data.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// A directory, created with mode 0700 where missing.
    Directory(PathBuf),
    /// Nowhere; gone with the process. For tests.
    Memory,
}

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Moves the journal into the database; `None` where there is none.
    checkpointer: Option<SqlitePool>,
    /// Writes begun so far.
    writes: Arc<AtomicU64>,
}

impl Store {
    /// Opens, and brings the schema up to date.
    pub(crate) async fn open(location: &Location) -> Result<Self, StoreError> {
        let store = match location {
            Location::Directory(directory) => open_directory(directory).await?,
            Location::Memory => open_memory().await?,
        };
        schema::migrate(&store).await?;
        Ok(store)
    }

    /// Starts a write; takes the lock at once, so that it cannot fail half-way because somebody else wrote.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(tx)
    }

    /// The number of the write that is going on, for whoever holds it: there is one writer, so the numbers are
    /// in the order of the commits.
    pub(crate) fn write_number(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The connections for reading.
    pub(crate) fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Moves what was committed from the journal into the database; the writer hardly waits.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        let Some(checkpointer) = &self.checkpointer else {
            return Ok(());
        };
        let pages: i64 = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(checkpointer)
            .await?
            .try_get(1)?;
        if pages > RESTART_PAGES {
            // In its turn the writer moves the little that came meanwhile; the next write begins the journal anew.
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(&self.writer)
                .await?;
        }
        Ok(())
    }

    /// Finishes what runs and closes the file.
    pub(crate) async fn close(&self) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.close().await;
        }
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn open_directory(directory: &Path) -> Result<Store, StoreError> {
    let path = directory.join(FILE);
    create_private(directory, &path).map_err(|source| StoreError::Create {
        path: directory.display().to_string(),
        source,
    })?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(ROW_BUFFER)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let named = |source| StoreError::Open {
        path: path.display().to_string(),
        source,
    };
    let writing = options
        .clone()
        .pragma("cache_size", WRITER_CACHE)
        .pragma("wal_autocheckpoint", JOURNAL_PAGES)
        // What undoes a single statement stays in memory instead of a temporary file.
        .pragma("temp_store", "MEMORY")
        .pragma("mmap_size", MAPPED_BYTES);
    let writer = pool(1).connect_with(writing).await.map_err(named)?;
    let checkpointer = pool(1).connect_lazy_with(options.clone());
    let readers = pool(READERS).connect_lazy_with(options.read_only(true));
    Ok(Store {
        writer,
        readers,
        checkpointer: Some(checkpointer),
        writes: Arc::default(),
    })
}

async fn open_memory() -> Result<Store, StoreError> {
    let options = SqliteConnectOptions::new()
        .in_memory(true)
        .foreign_keys(true);
    // The database lives as long as its only connection.
    let writer = pool(1).connect_with(options).await?;
    Ok(Store {
        readers: writer.clone(),
        writer,
        checkpointer: None,
        writes: Arc::default(),
    })
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_clean(connection)))
}

/// Whether a connection may be used again: one whose caller gave up while `BEGIN` ran is left inside a
/// transaction that nobody will end. The ping comes after all that was asked of the connection before.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// The directory with mode 0700 and the file with 0600: SQLite gives its journals the mode of the file.
fn create_private(directory: &Path, file: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Request ids as one parameter, for `IN (SELECT unhex(value) FROM json_each(?))`.
fn id_list<'a>(ids: impl IntoIterator<Item = &'a RequestId>) -> String {
    let quoted = |id: &RequestId| format!("\"{}\"", id.0.simple());
    let ids: Vec<String> = ids.into_iter().map(quoted).collect();
    format!("[{}]", ids.join(","))
}

/// Names of several tenants as one parameter, for `json_each(?) AS t, json_each(t.value) AS n`: `t.key` is the
/// tenant and `n.value` the name. `None` where there are none.
fn names_by_tenant<'a>(names: impl IntoIterator<Item = (&'a TenantId, &'a str)>) -> Option<String> {
    let mut by_tenant: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tenant, name) in names {
        by_tenant.entry(tenant.as_str()).or_default().push(name);
    }
    // Strings always serialise.
    (!by_tenant.is_empty()).then(|| serde_json::to_string(&by_tenant).unwrap_or_default())
}

/// Values of several tenants, each with its place, as one parameter, for `json_each(?) AS t, json_each(t.value) AS n`:
/// `t.key` is the tenant, `n.key` the place as text, `n.value` the value. `None` where there are none.
fn placed_by_tenant<'a, T: Serialize>(
    values: impl IntoIterator<Item = (usize, &'a TenantId, T)>,
) -> Option<String> {
    let mut by_tenant: BTreeMap<&str, BTreeMap<usize, T>> = BTreeMap::new();
    for (place, tenant, value) in values {
        let of_tenant = by_tenant.entry(tenant.as_str()).or_default();
        of_tenant.insert(place, value);
    }
    // Integers and strings always serialise.
    (!by_tenant.is_empty()).then(|| serde_json::to_string(&by_tenant).unwrap_or_default())
}

/// Reads the rows that a statement gathered into one array: handing over a value costs more than its text does.
async fn gathered<'q, T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    query: Gathering<'q>,
) -> Result<Vec<T>, StoreError> {
    rows_of(&gathered_text(conn, query).await?)
}

/// A statement that gathers its rows into one array.
type Gathering<'q> = sqlx::query::QueryScalar<'q, Sqlite, String, SqliteArguments<'q>>;

/// The same, to be read by [`rows_of`] later.
async fn gathered_text<'q>(
    conn: &mut SqliteConnection,
    query: Gathering<'q>,
) -> Result<String, StoreError> {
    Ok(query.fetch_one(conn).await?)
}

/// Rows that were gathered into one array.
fn rows_of<T: DeserializeOwned>(gathered: &str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(gathered).map_err(|e| StoreError::corrupt("rows", e))
}

/// Cuts rows into pieces of the lengths in [`ROWS`].
fn statements<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = ROWS.into_iter().find(|length| *length <= rows.len())?;
        let (piece, rest) = rows.split_at(length);
        rows = rest;
        Some(piece)
    })
}

/// A tenant's id as it is stored.
fn tenant_id(text: &str) -> Result<TenantId, StoreError> {
    TenantId::new(text).map_err(|e| StoreError::corrupt("tenant", e))
}

/// A request id as `hex` tells it.
fn request_id_of_hex(text: &str) -> Result<RequestId, StoreError> {
    Uuid::try_parse(text)
        .map(RequestId)
        .map_err(|e| StoreError::corrupt("request id", e))
}

/// A request id as it is stored.
fn request_id(bytes: &[u8]) -> Result<RequestId, StoreError> {
    Uuid::from_slice(bytes)
        .map(RequestId)
        .map_err(|e| StoreError::corrupt("request id", e))
}

/// A number as SQLite stores it; anything larger is as good as the largest.
pub(crate) fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that was stored non-negative.
pub(crate) fn to_u64(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

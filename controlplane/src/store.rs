//! The store: SQLite in one file (`sqlite.rs`) or PostgreSQL (`postgres.rs`), by the same statements (`sql.rs`).
//! There is one writer and there are a few readers.
//! A statement goes to a thread and back, which costs more than most: what comes in numbers goes many rows at a time.

pub(crate) mod accounted;
pub(crate) mod alarms;
pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod batches;
pub(crate) mod buckets;
pub(crate) mod calls;
pub(crate) mod contents;
pub(crate) mod credentials;
pub(crate) mod datasets;
pub(crate) mod deltas;
pub(crate) mod disagreements;
pub(crate) mod drift;
pub(crate) mod evaluations;
pub(crate) mod experiments;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod loops;
pub(crate) mod measured;
pub(crate) mod meta;
pub(crate) mod outbox;
pub(crate) mod packed;
pub(crate) mod people;
pub(crate) mod pool;
pub(crate) mod postgres;
pub(crate) mod promotions;
pub(crate) mod prompts;
pub(crate) mod queue;
pub(crate) mod ratings;
pub(crate) mod record;
pub(crate) mod retention;
mod schema;
pub(crate) mod scores;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod spend;
pub(crate) mod sql;
mod sqlite;
pub(crate) mod status;
pub(crate) mod tenants;
#[cfg(test)]
mod tests;
pub(crate) mod transfer;
mod tx;
pub(crate) mod units;
pub(crate) mod unwanted;
pub(crate) mod usage;
pub(crate) mod webhooks;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use floopy_shared::{
    domain::ids::{RequestId, TenantId},
    process::config::Secret,
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use self::sql::{Conn, Pool};
pub(crate) use self::{postgres::Purpose, sqlite::create_private, tx::Tx};
use crate::Config;

/// Numbers of rows that one statement writes: a few, so that each statement is prepared once and kept.
const ROWS: [usize; 5] = [256, 64, 16, 4, 1];
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot create {path}: {source}")]
    Create { path: String, source: io::Error },
    #[error("cannot open {path}: {source}")]
    Open { path: String, source: sqlx::Error },
    #[error(
        "the URL of the PostgreSQL database cannot be read: {0}; it must be like postgres://user:password@host:5432/database"
    )]
    Url(sqlx::Error),
    #[error("no backup: {path}: {reason}")]
    Backup { path: String, reason: String },
    #[error("the PostgreSQL database is encoded in {encoding}, it must be UTF8")]
    Encoding { encoding: String },
    #[error(
        "another control plane writes to the PostgreSQL database {name}; only one can at a time"
    )]
    Taken { name: String },
    #[error(
        "another control plane has taken over the PostgreSQL database; this one must not go on"
    )]
    Replaced,
    #[error("the store was written by a newer version: schema {found}, this one knows {known}")]
    Newer { found: i64, known: i64 },
    #[error(
        "the database has rows in the table {table} already, it must be empty: nothing was written"
    )]
    NotEmpty { table: String },
    #[error("there is no store in {path}")]
    Nothing { path: String },
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

    /// Whether it is the database that does not answer, or not in time: the same may go well in a while.
    pub(crate) fn is_away(&self) -> bool {
        let Self::Sql(error) = self else {
            return matches!(self, Self::Replaced);
        };
        let of_server = |code: &str| {
            // PostgreSQL's classes of resources, of an operator's intervention and of locks, and connections.
            code.len() == 5
                && ["08", "53", "55P", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
        };
        matches!(
            error,
            sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::WorkerCrashed
        ) || error
            .as_database_error()
            .and_then(|told| told.code())
            .is_some_and(|code| of_server(&code))
    }
}

/// Where the store keeps its data.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// A directory, created with mode 0700 where missing.
    Directory(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(Secret, Purpose),
    /// Nowhere; gone with the process. For tests.
    Memory,
}

impl Location {
    /// As it is configured.
    pub(crate) fn of(config: &Config, purpose: Purpose) -> Self {
        match &config.store.url {
            Some(url) => Self::Postgres(url.clone(), purpose),
            None => Self::Directory(config.data_dir.clone()),
        }
    }
}

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    writer: Writer,
    readers: Pool,
    /// Writes begun so far.
    writes: Arc<AtomicU64>,
}

/// What writes: one connection.
#[derive(Debug, Clone)]
enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
}

impl Store {
    /// Opens, and brings the schema up to date.
    pub(crate) async fn open(location: &Location) -> Result<Self, StoreError> {
        let store = Self::connect(location).await?;
        schema::migrate(&store).await?;
        Ok(store)
    }

    /// Whether another control plane leads there, so that one that opens it would have to wait for its turn.
    pub(crate) async fn is_led(location: &Location) -> Result<bool, StoreError> {
        match location {
            Location::Postgres(url, _) => postgres::is_led(url.expose()).await,
            Location::Directory(_) | Location::Memory => Ok(false),
        }
    }

    /// Opens without a look at the schema.
    async fn connect(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Directory(directory) => sqlite::open(directory).await,
            Location::Postgres(url, purpose) => postgres::open(url.expose(), *purpose).await,
            Location::Memory => open_memory().await,
        }
    }

    fn of(writer: Writer, readers: Pool) -> Self {
        Self {
            writer,
            readers,
            writes: Arc::default(),
        }
    }

    /// Starts a write; takes the lock at once, so that it cannot fail half-way because somebody else wrote.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        match &self.writer {
            Writer::Sqlite(writer) => {
                let tx = writer.begin().await?;
                self.writes.fetch_add(1, Ordering::Relaxed);
                Ok(Tx::of_sqlite(tx))
            }
            Writer::Postgres(writer) => {
                let (tx, number) = writer.begin(&self.writes).await?;
                Ok(Tx::of_postgres(tx, Some((writer.clone(), number))))
            }
        }
    }

    /// Begins to bring the schema forward; the version found.
    async fn begin_schema(&self) -> Result<(Tx, i64), StoreError> {
        match &self.writer {
            Writer::Sqlite(writer) => {
                let mut tx = Tx::of_sqlite(writer.begin().await?);
                let found = sql::query_scalar("PRAGMA user_version");
                let found = found.fetch_one(&mut *tx).await?;
                Ok((tx, found))
            }
            Writer::Postgres(writer) => {
                let (tx, found) = writer.begin_schema().await?;
                Ok((Tx::of_postgres(tx, None), found))
            }
        }
    }

    /// Ends once another control plane writes to the database: this one must not go on.
    pub(crate) async fn replaced(&self) {
        match &self.writer {
            Writer::Sqlite(_) => std::future::pending().await,
            Writer::Postgres(writer) => writer.replaced().await,
        }
    }

    /// The number of the write that is going on, for whoever holds it: there is one writer, so the numbers are
    /// in the order of the commits.
    pub(crate) fn write_number(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The connections for reading.
    pub(crate) fn read(&self) -> &Pool {
        &self.readers
    }

    /// Moves what was committed from the journal into the database, where SQLite has one; the writer hardly waits.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        match &self.writer {
            Writer::Sqlite(writer) => writer.checkpoint().await,
            Writer::Postgres(_) => Ok(()),
        }
    }

    /// Finishes what runs and closes.
    pub(crate) async fn close(&self) {
        match &self.writer {
            Writer::Sqlite(writer) => writer.close(&self.readers).await,
            Writer::Postgres(writer) => writer.close(&self.readers).await,
        }
    }
}

/// The server that tests run over instead of SQLite, where this names one.
#[cfg(test)]
pub(crate) const TEST_SERVER: &str = "FLOOPY_TEST_POSTGRES";

#[cfg(not(test))]
async fn open_memory() -> Result<Store, StoreError> {
    sqlite::open_memory().await
}

/// In memory, or a new schema on the server that the environment names.
#[cfg(test)]
async fn open_memory() -> Result<Store, StoreError> {
    match std::env::var(TEST_SERVER) {
        Ok(url) => postgres::fresh(&url).await,
        Err(_) => sqlite::open_memory().await,
    }
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
    conn: &mut Conn,
    query: Gathering<'q>,
) -> Result<Vec<T>, StoreError> {
    rows_of(&gathered_text(conn, query).await?)
}

/// A statement that gathers its rows into one array.
type Gathering<'q> = sql::QueryScalar<'q, String>;

/// The same, to be read by [`rows_of`] later.
async fn gathered_text<'q>(conn: &mut Conn, query: Gathering<'q>) -> Result<String, StoreError> {
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

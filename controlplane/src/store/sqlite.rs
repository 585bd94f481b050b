//! SQLite in one file: one writer, a few readers, and who moves the journal.
//!
//! A commit that returned survives the loss of the process, not that of power: `synchronous = NORMAL` leaves it
//! to the operating system when the journal reaches the disk, and what power takes is the newest commits whole,
//! of the last second or two. The journal is moved into the database beside the writer, not by its commits.

use std::{
    fs::{DirBuilder, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use sqlx::{
    Connection, Row, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{ACQUIRE_TIMEOUT, Store, StoreError, sql::Pool};

/// The file's name within the data directory.
pub(super) const FILE: &str = "controlplane.sqlite";
/// Connections that only read.
const READERS: u32 = 4;
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

/// The one that writes, and who moves the journal.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pool: SqlitePool,
    /// Moves the journal into the database; `None` where there is none.
    checkpointer: Option<SqlitePool>,
}

impl Writer {
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Moves what was committed from the journal into the database; the writer hardly waits.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
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
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn close(&self, readers: &Pool) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.close().await;
        }
        readers.close().await;
        self.pool.close().await;
    }
}

/// Opens the file in a directory, which is made where it is missing.
pub(super) async fn open(directory: &Path) -> Result<Store, StoreError> {
    let path = directory.join(FILE);
    create_file(directory, &path).map_err(|source| StoreError::Create {
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
    let writer = Writer {
        pool: writer,
        checkpointer: Some(checkpointer),
    };
    Ok(Store::of(
        super::Writer::Sqlite(writer),
        Pool::Sqlite(readers),
    ))
}

/// Opens one that is gone with the process.
pub(super) async fn open_memory() -> Result<Store, StoreError> {
    let options = SqliteConnectOptions::new()
        .in_memory(true)
        .foreign_keys(true);
    // The database lives as long as its only connection.
    let pool = pool(1).connect_with(options).await?;
    let readers = Pool::Sqlite(pool.clone());
    let writer = Writer {
        pool,
        checkpointer: None,
    };
    Ok(Store::of(super::Writer::Sqlite(writer), readers))
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

/// The directory with mode 0700, made where it is missing.
pub(crate) fn create_private(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
}

/// The same and the file with 0600: SQLite gives its journals the mode of the file.
fn create_file(directory: &Path, file: &Path) -> io::Result<()> {
    create_private(directory)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

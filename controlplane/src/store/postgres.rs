//! PostgreSQL: one connection that writes, and a few that read.
//!
//! Of several control planes on one database one leads (`postgres/lead.rs`), and each of its transactions begins by
//! showing the number that it got when it took over (its epoch). Where another one took over meanwhile, the transaction
//! is refused by the database itself.
//!
//! A commit whose answer was lost with the connection is looked up: its transaction wrote its number down.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection, Executor, PgConnection, PgPool, Postgres, Row, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod fresh;
mod lead;

#[cfg(test)]
pub(super) use self::fresh::fresh;
use self::lead::Lead;
use super::{
    Store, StoreError,
    sql::{Pool, unanswered},
};

/// How long a caller waits for a connection that answers.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How long one that is given back may take to say how it is.
const GIVEN_BACK: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 8;
/// Statements kept prepared on a connection.
const STATEMENTS: usize = 256;
/// Between two questions whether a write was committed.
const LOOK: Duration = Duration::from_millis(20);
/// What the database says to a control plane that was replaced.
const REPLACED: &str = "FL001";
/// The advisory lock of whoever brings the schema forward.
const SCHEMA_LOCK: &str = "hashtextextended('floopy schema ' || current_schema(), 0)";

/// What the store itself keeps: the schema's version, who writes, and the number of its last write.
const OWN_TABLE: &str = "CREATE TABLE IF NOT EXISTS floopy_store (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one), version BIGINT NOT NULL, epoch BIGINT NOT NULL,
    write BIGINT NOT NULL)";
const OWN_ROW: &str =
    "INSERT INTO floopy_store (version, epoch, write) VALUES (0, 0, 0) ON CONFLICT DO NOTHING";

/// Who opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The control plane itself: nobody else may be one.
    Serve,
    /// The same, once nobody else is one.
    InTurn,
    /// A command that reads or writes a little beside it.
    Beside,
}

/// The connection that writes.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pool: PgPool,
    purpose: Purpose,
    own: Arc<Own>,
    /// What a command beside the control plane lacks.
    lead: Option<Arc<Lead>>,
}

/// What a control plane knows of itself.
#[derive(Debug, Default)]
struct Own {
    epoch: AtomicI64,
    /// Another one has taken over.
    replaced: CancellationToken,
}

/// Opens a database; the schema is not looked at yet.
pub(super) async fn open(url: &str, purpose: Purpose) -> Result<Store, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(StoreError::Url)?;
    open_with(options, purpose).await
}

/// Whether another control plane leads on a database.
pub(super) async fn is_led(url: &str) -> Result<bool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(StoreError::Url)?;
    lead::is_taken(&options)
        .await
        .map_err(|source| StoreError::Open {
            path: format!("the PostgreSQL database {}", name(&options)),
            source,
        })
}

/// The same, with options.
pub(super) async fn open_with(
    options: PgConnectOptions,
    purpose: Purpose,
) -> Result<Store, StoreError> {
    let name = name(&options);
    let options = options
        .application_name("floopy-controlplane")
        .statement_cache_capacity(STATEMENTS);
    let named = |source| StoreError::Open {
        path: format!("the PostgreSQL database {name}"),
        source,
    };
    let mut first = PgConnection::connect_with(&options).await.map_err(named)?;
    check_encoding(&mut first).await?;
    first.close().await.map_err(named)?;
    let leads = match purpose {
        Purpose::Beside => None,
        Purpose::InTurn => Some(lead::in_turn(&options).await),
        Purpose::Serve => match lead::soon(&options).await? {
            Some(leads) => Some(leads),
            None => return Err(StoreError::Taken { name }),
        },
    };
    let own = Arc::<Own>::default();
    let mut lead = None;
    if let Some(mut connection) = leads {
        let epoch = lead::take_over(&mut connection).await?;
        own.epoch.store(epoch, Ordering::Relaxed);
        let held = (options.clone(), connection);
        lead = Some(Arc::new(Lead::keep(held, &own)));
    }
    let writer = Writer {
        pool: writer_pool(options.clone(), purpose),
        purpose,
        own,
        lead,
    };
    let readers = pool(READERS).connect_lazy_with(options);
    Ok(Store::of(
        super::Writer::Postgres(writer),
        Pool::Postgres(readers),
    ))
}

/// By which people know a database.
fn name(options: &PgConnectOptions) -> String {
    format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    )
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        // A connection may have gone while nobody used it.
        .test_before_acquire(true)
        .after_release(|connection, _| Box::pin(is_clean(connection)))
}

fn writer_pool(options: PgConnectOptions, purpose: Purpose) -> PgPool {
    match purpose {
        Purpose::Beside => pool(1).connect_lazy_with(options),
        Purpose::Serve | Purpose::InTurn => pool(1)
            .after_connect(|connection, _| Box::pin(lead::name_writer(connection)))
            .connect_lazy_with(options),
    }
}

/// Whether a connection may be used again: one whose caller gave up while `BEGIN` ran is left inside a transaction
/// that nobody will end. Within one, time stands still.
async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let text = "SELECT statement_timestamp() = transaction_timestamp()";
    // One that hangs would keep its place: the writer has a single one.
    let row = timeout(GIVEN_BACK, connection.fetch_one(text)).await;
    row.map_err(|_| unanswered(GIVEN_BACK))??.try_get(0)
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), StoreError> {
    let row = connection.fetch_one("SHOW server_encoding").await?;
    let encoding: String = row.try_get(0)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Encoding { encoding })
}

impl Writer {
    /// Begins a write and gives it the next number.
    pub(super) async fn begin(
        &self,
        writes: &AtomicU64,
    ) -> Result<(Transaction<'static, Postgres>, u64), sqlx::Error> {
        // Whoever has the connection is the one that counts.
        let connection = self.pool.acquire().await?;
        let number = writes.fetch_add(1, Ordering::Relaxed) + 1;
        let text = match self.purpose {
            Purpose::Serve | Purpose::InTurn => {
                let epoch = self.own.epoch.load(Ordering::Relaxed);
                format!("BEGIN; SELECT floopy_begin({epoch}, {number})")
            }
            // In turn with the control plane's own.
            Purpose::Beside => "BEGIN; SELECT 1 FROM floopy_store FOR UPDATE".to_owned(),
        };
        let begun = Transaction::begin(connection, Some(text.into())).await;
        if let Err(sqlx::Error::Database(error)) = &begun
            && error.code().as_deref() == Some(REPLACED)
        {
            self.own.replaced.cancel();
        }
        Ok((begun?, number))
    }

    /// Ends once another control plane has taken over.
    pub(super) async fn replaced(&self) {
        self.own.replaced.cancelled().await;
    }

    /// Begins to bring the schema forward, which nobody else does meanwhile: the version found.
    pub(super) async fn begin_schema(
        &self,
    ) -> Result<(Transaction<'static, Postgres>, i64), sqlx::Error> {
        let text = format!("BEGIN; SELECT pg_advisory_xact_lock({SCHEMA_LOCK})");
        let mut tx = self.pool.begin_with(text).await?;
        tx.execute(OWN_TABLE).await?;
        tx.execute(OWN_ROW).await?;
        let row = tx.fetch_one("SELECT version FROM floopy_store").await?;
        let version = row.try_get(0)?;
        Ok((tx, version))
    }

    /// Whether a write whose answer was lost was committed; waits until the database can say so. Nobody may be told
    /// that it failed before: what is in memory would no longer be what is stored.
    pub(super) async fn was_committed(&self, number: u64) -> bool {
        if self.purpose == Purpose::Beside {
            return false;
        }
        loop {
            if self.own.replaced.is_cancelled() {
                return false;
            }
            match self.last_write().await {
                Ok((epoch, last)) if epoch == self.own.epoch.load(Ordering::Relaxed) => {
                    return u64::try_from(last) == Ok(number);
                }
                Ok(_) => self.own.replaced.cancel(),
                Err(error) => {
                    tracing::warn!(%error, "whether a write was committed is not known yet");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn last_write(&self) -> Result<(i64, i64), sqlx::Error> {
        // Waits for the write itself where the server is still at it.
        let text = "SELECT epoch, write FROM floopy_store FOR UPDATE";
        let row = self.pool.fetch_one(text).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    pub(super) async fn close(&self, readers: &Pool) {
        readers.close().await;
        self.pool.close().await;
        if let Some(lead) = &self.lead {
            lead.close().await;
        }
    }
}

/// Makes the functions that statements use.
pub(super) async fn make_functions(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("postgres/functions.sql"))
        .execute(connection)
        .await?;
    Ok(())
}

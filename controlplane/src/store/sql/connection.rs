//! Connections and pools of them, of either database.

use std::{ops::DerefMut, time::Duration};

use sqlx::{Database, PgPool, Postgres, Sqlite, SqlitePool, Transaction, pool::PoolConnection};

/// Connections that are shared.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// One of them, for as long as it is kept.
    pub(crate) async fn acquire(&self) -> Result<Conn, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Conn::Sqlite(Held::Free(pool.acquire().await?)),
            Self::Postgres(pool) => Conn::Postgres(Held::Free(pool.acquire().await?)),
        })
    }

    /// Finishes what runs and closes them.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection that is held.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// How a connection is held.
#[derive(Debug)]
pub(crate) enum Held<DB: Database> {
    Free(PoolConnection<DB>),
    /// Within a transaction; what is not committed is taken back.
    Writing(Transaction<'static, DB>),
    /// Within one that brings the schema forward, which may take long.
    Migrating(Transaction<'static, DB>),
}

/// For a statement: no other takes nearly as long, and one that does will never be answered.
const DEADLINE: Duration = Duration::from_secs(300);

impl<DB: Database> Held<DB> {
    pub(crate) fn get(&mut self) -> &mut DB::Connection {
        match self {
            Self::Free(connection) => connection.deref_mut(),
            Self::Writing(transaction) | Self::Migrating(transaction) => transaction.deref_mut(),
        }
    }

    /// How long a statement on it may take.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Free(_) | Self::Writing(_) => Some(DEADLINE),
            Self::Migrating(_) => None,
        }
    }

    /// Makes what was written last.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Free(_) => Ok(()),
            Self::Writing(transaction) | Self::Migrating(transaction) => transaction.commit().await,
        }
    }

    /// Takes back what was written.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Free(_) => Ok(()),
            Self::Writing(transaction) | Self::Migrating(transaction) => {
                transaction.rollback().await
            }
        }
    }
}

/// What a statement is run on.
pub(crate) enum On<'c> {
    Conn(&'c mut Conn),
    Pool(&'c Pool),
}

impl<'c> From<&'c mut Conn> for On<'c> {
    fn from(conn: &'c mut Conn) -> Self {
        Self::Conn(conn)
    }
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

//! An open transaction of the one writer.

use std::ops::{Deref, DerefMut};

use sqlx::{Postgres, Sqlite, Transaction};

use super::{
    StoreError, postgres,
    sql::{self, Conn, Held},
};

/// An open transaction of the one writer; taken back unless it is committed.
#[derive(Debug)]
pub(crate) struct Tx {
    conn: Conn,
    /// Whom to ask where the answer to a commit is lost, and by which number; not where the schema is brought forward.
    asked: Option<(postgres::Writer, u64)>,
}

impl Tx {
    pub(super) fn of_sqlite(tx: Transaction<'static, Sqlite>) -> Self {
        Self {
            conn: Conn::Sqlite(Held::Writing(tx)),
            asked: None,
        }
    }

    pub(super) fn of_postgres(
        tx: Transaction<'static, Postgres>,
        asked: Option<(postgres::Writer, u64)>,
    ) -> Self {
        let held = match asked {
            Some(_) => Held::Writing(tx),
            None => Held::Migrating(tx),
        };
        Self {
            conn: Conn::Postgres(held),
            asked,
        }
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        let held = match self.conn {
            Conn::Sqlite(held) => return held.commit().await,
            Conn::Postgres(held) => held,
        };
        let Err(error) = held.commit().await else {
            return Ok(());
        };
        match self.asked {
            Some((writer, number)) if writer.was_committed(number).await => Ok(()),
            Some(_) | None => Err(error),
        }
    }

    /// Takes it back.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self.conn {
            Conn::Sqlite(held) => held.rollback().await,
            Conn::Postgres(held) => held.rollback().await,
        }
    }

    /// Makes what the steps of the schema rely on.
    pub(super) async fn prepare(&mut self) -> Result<(), StoreError> {
        match &mut self.conn {
            Conn::Sqlite(_) => Ok(()),
            Conn::Postgres(held) => Ok(postgres::make_functions(held.get()).await?),
        }
    }

    /// Keeps the version of the schema.
    pub(super) async fn set_version(&mut self, version: i64) -> Result<(), StoreError> {
        let text = match &self.conn {
            // A pragma takes no parameters.
            Conn::Sqlite(_) => format!("PRAGMA user_version = {version}"),
            Conn::Postgres(_) => format!("UPDATE floopy_store SET version = {version}"),
        };
        sql::query(&text).execute(&mut self.conn).await?;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

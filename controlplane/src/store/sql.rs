//! SQL on either database. A statement is one text in the words that SQLite knows; `dialect` gives it PostgreSQL's.
//!
//! Values are handed over as they are bound: to SQLite none is copied.

mod builder;
mod connection;
mod dialect;
mod row;
mod value;

use std::{future::Future, io, marker::PhantomData, time::Duration};

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use sqlx::{
    Postgres, Sqlite,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use tokio::time::timeout;

pub(crate) use self::{
    builder::{QueryBuilder, Separated},
    connection::{Conn, Held, On, Pool},
    dialect::tokens,
    row::{Get, Row},
    value::{Bind, Value},
};

/// A statement with its values.
#[derive(Debug)]
pub(crate) struct Query<'q> {
    text: &'q str,
    values: Vec<Value<'q>>,
}

/// A statement. Parameters are `?` in their order, or `?1`, `?2` and so on.
pub(crate) fn query(text: &str) -> Query<'_> {
    Query {
        text,
        values: Vec::new(),
    }
}

/// A statement that reads one column.
pub(crate) fn query_scalar<T>(text: &str) -> QueryScalar<'_, T> {
    QueryScalar {
        query: query(text),
        read: PhantomData,
    }
}

/// What a statement did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    rows: u64,
}

impl Done {
    /// Rows written or taken away.
    pub(crate) fn rows_affected(self) -> u64 {
        self.rows
    }
}

type OfSqlite<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments<'q>>;
type OfPostgres<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

impl<'q> Query<'q> {
    /// Gives the next parameter its value.
    pub(crate) fn bind(mut self, value: impl Bind<'q>) -> Self {
        self.values.push(value.value());
        self
    }

    fn for_sqlite(self) -> Result<OfSqlite<'q>, sqlx::Error> {
        let arguments = value::for_sqlite(self.values)?;
        Ok(sqlx::query_with(self.text, arguments))
    }

    fn for_postgres(self, text: &str) -> Result<OfPostgres<'_>, sqlx::Error> {
        let arguments = value::for_postgres(&self.values)?;
        Ok(sqlx::query_with(text, arguments))
    }

    /// Runs it.
    pub(crate) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<Done, sqlx::Error> {
        let mut own = None;
        let rows = match held(on.into(), &mut own).await? {
            Conn::Sqlite(held) => self
                .for_sqlite()?
                .execute(held.get())
                .await?
                .rows_affected(),
            Conn::Postgres(held) => {
                let text = dialect::for_postgres(self.text);
                let query = self.for_postgres(&text)?;
                let deadline = held.deadline();
                within(deadline, query.execute(held.get()))
                    .await?
                    .rows_affected()
            }
        };
        Ok(Done { rows })
    }

    /// Runs it and reads all rows.
    pub(crate) async fn fetch_all<'c>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut own = None;
        match held(on.into(), &mut own).await? {
            Conn::Sqlite(held) => {
                let rows = self.for_sqlite()?.fetch(held.get());
                rows.map_ok(Row::Sqlite).try_collect().await
            }
            Conn::Postgres(held) => {
                let text = dialect::for_postgres(self.text);
                let deadline = held.deadline();
                let rows = self.for_postgres(&text)?.fetch(held.get());
                within(deadline, rows.map_ok(Row::Postgres).try_collect()).await
            }
        }
    }

    /// Runs it and reads the row, if there is one.
    pub(crate) async fn fetch_optional<'c>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        let mut own = None;
        match held(on.into(), &mut own).await? {
            Conn::Sqlite(held) => {
                let row = self.for_sqlite()?.fetch_optional(held.get()).await?;
                Ok(row.map(Row::Sqlite))
            }
            Conn::Postgres(held) => {
                let text = dialect::for_postgres(self.text);
                let query = self.for_postgres(&text)?;
                let deadline = held.deadline();
                let row = within(deadline, query.fetch_optional(held.get())).await?;
                Ok(row.map(Row::Postgres))
            }
        }
    }

    /// Runs it and reads the row.
    pub(crate) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<Row, sqlx::Error> {
        let row = self.fetch_optional(on).await?;
        row.ok_or(sqlx::Error::RowNotFound)
    }
}

/// A statement whose rows are read one after the other, without all of them in memory.
#[derive(Debug)]
pub(crate) struct Streamed {
    text: &'static str,
    values: Vec<Value<'static>>,
}

/// Such a statement.
pub(crate) fn streamed(text: &'static str) -> Streamed {
    Streamed {
        text,
        values: Vec::new(),
    }
}

impl Streamed {
    /// Gives the next parameter its value.
    pub(crate) fn bind(mut self, value: impl Bind<'static>) -> Self {
        self.values.push(value.value());
        self
    }

    /// The rows as they come.
    pub(crate) fn fetch<'c>(
        self,
        on: impl Into<On<'c>>,
    ) -> BoxStream<'c, Result<Row, sqlx::Error>> {
        match self.rows(on.into()) {
            Ok(rows) => rows,
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    fn rows(self, on: On<'_>) -> Result<BoxStream<'_, Result<Row, sqlx::Error>>, sqlx::Error> {
        let sqlite = |row: Result<SqliteRow, _>| row.map(Row::Sqlite);
        let postgres = |row: Result<PgRow, _>| row.map(Row::Postgres);
        let query = Query {
            text: self.text,
            values: self.values,
        };
        Ok(match on {
            On::Pool(Pool::Sqlite(pool)) => query.for_sqlite()?.fetch(pool).map(sqlite).boxed(),
            On::Conn(Conn::Sqlite(held)) => {
                let rows = query.for_sqlite()?.fetch(held.get());
                rows.map(sqlite).boxed()
            }
            On::Pool(Pool::Postgres(pool)) => {
                let query = query.for_postgres(dialect::kept_for_postgres(self.text))?;
                query.fetch(pool).map(postgres).boxed()
            }
            On::Conn(Conn::Postgres(held)) => {
                let query = query.for_postgres(dialect::kept_for_postgres(self.text))?;
                query.fetch(held.get()).map(postgres).boxed()
            }
        })
    }
}

/// A statement that reads one column.
#[derive(Debug)]
pub(crate) struct QueryScalar<'q, T> {
    query: Query<'q>,
    read: PhantomData<fn() -> T>,
}

impl<'q, T: for<'r> Get<'r>> QueryScalar<'q, T> {
    /// Gives the next parameter its value.
    pub(crate) fn bind(self, value: impl Bind<'q>) -> Self {
        Self {
            query: self.query.bind(value),
            ..self
        }
    }

    /// The value.
    pub(crate) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error> {
        self.query.fetch_one(on).await?.try_get(0)
    }

    /// The value, if there is a row.
    pub(crate) async fn fetch_optional<'c>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<T>, sqlx::Error> {
        let row = self.query.fetch_optional(on).await?;
        row.map(|row| row.try_get(0)).transpose()
    }

    /// The values of all rows.
    pub(crate) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error> {
        let rows = self.query.fetch_all(on).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }
}

/// What has a deadline, if it has one: a database may take a question and never answer it.
async fn within<T>(
    deadline: Option<Duration>,
    running: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let Some(deadline) = deadline else {
        return running.await;
    };
    match timeout(deadline, running).await {
        Ok(ran) => ran,
        Err(_) => Err(unanswered(deadline)),
    }
}

/// What did not come in time.
pub(in crate::store) fn unanswered(deadline: Duration) -> sqlx::Error {
    let message = format!("the database does not answer within {deadline:?}");
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// The connection to run on; one of the pool's is kept in `own`.
async fn held<'a>(on: On<'a>, own: &'a mut Option<Conn>) -> Result<&'a mut Conn, sqlx::Error> {
    match on {
        On::Conn(conn) => Ok(conn),
        On::Pool(pool) => Ok(own.insert(pool.acquire().await?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_never_answered_is_given_up_and_said_so() {
        let never = std::future::pending::<Result<(), sqlx::Error>>();
        let error = within(Some(Duration::from_millis(1)), never).await;
        let error = error.expect_err("nobody answers").to_string();
        assert!(error.ends_with("does not answer within 1ms"), "{error}");
    }
}

//! What is known of a store from outside: for people who look after it.

use std::path::Path;

use serde::Serialize;

use super::{
    Location, Store, StoreError, Writer, schema,
    sql::{self, Conn},
    sqlite,
};

/// What a store is and how much is in it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The version of the schema that is there; 0: none is.
    pub found: i64,
    /// The version that this program brings it to.
    pub known: i64,
    /// Of the tables with their indices.
    pub bytes: i64,
    /// By name.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    pub name: String,
    pub rows: i64,
}

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
const SQLITE_BYTES: &str =
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
const POSTGRES_TABLES: &str = "SELECT CAST(tablename AS TEXT) FROM pg_tables
    WHERE schemaname = current_schema() AND tablename <> 'floopy_store' ORDER BY tablename";
const POSTGRES_BYTES: &str =
    "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS INTEGER)
    FROM pg_class AS c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'";

/// What a store says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The version of the schema that is there; 0: none is.
    pub found: i64,
    /// The version that this program brings it to.
    pub known: i64,
    /// The database server's clock in milliseconds since 1970; SQLite has none of its own.
    pub now_ms: Option<u64>,
}

const POSTGRES_NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS INTEGER)";

/// Looks whether a store answers, and changes nothing. What a large store takes long to count is not counted.
pub(crate) async fn glance(location: &Location) -> Result<Glance, StoreError> {
    if let Location::Directory(directory) = location
        && !is_store(directory)
    {
        return Ok(glanced("sqlite", (0, None)));
    }
    let store = Store::connect(location).await?;
    let told = async {
        let mut conn = store.read().acquire().await?;
        let found = version(&mut conn).await?;
        Ok(match &store.writer {
            Writer::Sqlite(_) => glanced("sqlite", (found, None)),
            Writer::Postgres(_) => {
                let now: i64 = sql::query_scalar(POSTGRES_NOW).fetch_one(&mut conn).await?;
                glanced("postgres", (found, u64::try_from(now).ok()))
            }
        })
    }
    .await;
    store.close().await;
    told
}

fn glanced(backend: &'static str, (found, now_ms): (i64, Option<u64>)) -> Glance {
    Glance {
        backend,
        found,
        known: schema::known(),
        now_ms,
    }
}

/// Looks at a store and changes nothing.
pub(crate) async fn of(location: &Location) -> Result<Status, StoreError> {
    if let Location::Directory(directory) = location
        && !is_store(directory)
    {
        return Ok(nothing("sqlite"));
    }
    let store = Store::connect(location).await?;
    let status = look(&store).await;
    store.close().await;
    status
}

/// Whether there is one in a directory.
pub(crate) fn is_store(directory: &Path) -> bool {
    directory.join(sqlite::FILE).exists()
}

fn nothing(backend: &'static str) -> Status {
    Status {
        backend,
        found: 0,
        known: schema::known(),
        bytes: 0,
        tables: Vec::new(),
    }
}

async fn look(store: &Store) -> Result<Status, StoreError> {
    let mut conn = store.read().acquire().await?;
    let (backend, tables, bytes) = match &store.writer {
        Writer::Sqlite(_) => ("sqlite", SQLITE_TABLES, SQLITE_BYTES),
        Writer::Postgres(_) => ("postgres", POSTGRES_TABLES, POSTGRES_BYTES),
    };
    let found = version(&mut conn).await?;
    let names: Vec<String> = sql::query_scalar(tables).fetch_all(&mut conn).await?;
    if found == 0 {
        return Ok(nothing(backend));
    }
    let mut counted = Vec::with_capacity(names.len());
    for name in names {
        let text = format!("SELECT COUNT(*) FROM {name}");
        let rows = sql::query_scalar(&text).fetch_one(&mut conn).await?;
        counted.push(Table { name, rows });
    }
    Ok(Status {
        bytes: sql::query_scalar(bytes).fetch_one(&mut conn).await?,
        found,
        tables: counted,
        ..nothing(backend)
    })
}

/// The version of the schema; 0 where there is none.
async fn version(conn: &mut Conn) -> Result<i64, StoreError> {
    let text = match conn {
        Conn::Sqlite(_) => "PRAGMA user_version",
        Conn::Postgres(_) => {
            let is_there = "SELECT to_regclass('floopy_store') IS NOT NULL";
            if !sql::query_scalar(is_there).fetch_one(&mut *conn).await? {
                return Ok(0);
            }
            "SELECT version FROM floopy_store"
        }
    };
    Ok(sql::query_scalar(text).fetch_one(conn).await?)
}

//! Brings everything of an SQLite store into an empty PostgreSQL database, in one transaction: either all of it is there
//! afterwards, counted table by table, or nothing.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use sqlx::SqlitePool;

use super::{
    Store, StoreError, Tx,
    sql::{self, Conn, Pool, Row, Value},
};

/// Rows that one statement writes at most, and the bytes of texts and values after which it is sent.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;
/// Parameters that one statement may have.
const PARAMETERS: usize = 60_000;
/// Others refer to its rows.
const FIRST: &str = "tenants";

const TABLES: &str =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const COLUMNS: &str = "SELECT name, type FROM pragma_table_info(?) ORDER BY cid";
/// The highest number that a table has given out, also to rows that are gone.
const GIVEN_OUT: &str = "SELECT name, seq FROM sqlite_sequence";
/// Columns whose values the database makes where none are given.
const MADE: &str = "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
    WHERE table_schema = current_schema() AND CAST(table_name AS TEXT) = ? AND is_identity = 'YES'";

/// A table to be brought over.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    /// The column that PostgreSQL numbers, if one is.
    numbered: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Integer,
    Real,
    Text,
    Bytes,
}

/// Brings all rows over; both stores have the same schema.
pub(crate) async fn run(from: &Store, to: &Store) -> Result<(), StoreError> {
    let Pool::Sqlite(source) = from.read() else {
        return Err(StoreError::corrupt("source", "it is not SQLite"));
    };
    let given_out = given_out(from.read()).await?;
    let mut tx = to.write().await?;
    let tables = tables(from.read(), &mut tx).await?;
    for table in &tables {
        if count(&mut tx, &table.name).await? != 0 {
            let name = table.name.clone();
            return Err(StoreError::NotEmpty { table: name });
        }
    }
    for table in &tables {
        copy(source, &mut tx, table).await?;
        counted(from.read(), &mut tx, &table.name).await?;
        if let Some(column) = &table.numbered {
            let last = given_out.get(&table.name).copied().unwrap_or(0);
            number_on(&mut tx, (&table.name, column), last).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn tables(from: &Pool, to: &mut Conn) -> Result<Vec<Table>, StoreError> {
    let mut names: Vec<String> = sql::query_scalar(TABLES).fetch_all(from).await?;
    names.sort_by_key(|name| (name != FIRST, name.clone()));
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let rows = sql::query(COLUMNS).bind(&name).fetch_all(from).await?;
        let mut columns = rows
            .iter()
            .map(column)
            .collect::<Result<Vec<_>, StoreError>>()?;
        let made = sql::query_scalar(MADE).bind(&name);
        let numbered: Option<String> = made.fetch_optional(&mut *to).await?;
        // SQLite numbers rows by itself and does not list the column.
        if let Some(number) = &numbered
            && columns.iter().all(|(column, _)| column != number)
        {
            columns.push((number.clone(), Kind::Integer));
        }
        tables.push(Table {
            name,
            columns,
            numbered,
        });
    }
    Ok(tables)
}

fn column(row: &Row) -> Result<(String, Kind), StoreError> {
    let (name, kind): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let kind = match kind.as_str() {
        "INTEGER" => Kind::Integer,
        "REAL" => Kind::Real,
        "TEXT" => Kind::Text,
        "BLOB" => Kind::Bytes,
        other => return Err(StoreError::corrupt("type of a column", other)),
    };
    Ok((name, kind))
}

async fn given_out(from: &Pool) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = sql::query(GIVEN_OUT).fetch_all(from).await?;
    let pair = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(pair).collect()
}

async fn count(on: &mut Conn, table: &str) -> Result<i64, StoreError> {
    let text = format!("SELECT COUNT(*) FROM {table}");
    Ok(sql::query_scalar(&text).fetch_one(on).await?)
}

/// As many rows must be there as here.
async fn counted(from: &Pool, to: &mut Conn, table: &str) -> Result<(), StoreError> {
    let there = count(&mut from.acquire().await?, table).await?;
    let here = count(to, table).await?;
    if there == here {
        return Ok(());
    }
    let reason = format!("{there} rows were read of {table} and {here} written");
    Err(StoreError::corrupt("transfer", reason))
}

async fn copy(from: &SqlitePool, to: &mut Tx, table: &Table) -> Result<(), StoreError> {
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let names = names.join(", ");
    let text = format!("SELECT {names} FROM {}", table.name);
    let into = format!("INSERT INTO {} ({names}) ", table.name);
    let most = (PARAMETERS / table.columns.len().max(1)).min(ROWS);
    let mut rows = sqlx::query(&text).fetch(from);
    let (mut piece, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let values = values(&Row::Sqlite(row), &table.columns)?;
        bytes += values.iter().map(size).sum::<usize>();
        piece.push(values);
        if piece.len() >= most || bytes >= BYTES {
            write(to, &into, std::mem::take(&mut piece)).await?;
            bytes = 0;
        }
    }
    write(to, &into, piece).await
}

fn values(row: &Row, columns: &[(String, Kind)]) -> Result<Vec<Value<'static>>, StoreError> {
    let value = |(at, (_, kind)): (usize, &(String, Kind))| {
        Ok(match kind {
            Kind::Integer => Value::Integer(row.try_get(at)?),
            Kind::Real => Value::Real(row.try_get(at)?),
            Kind::Text => Value::Text(row.try_get::<Option<String>>(at)?.map(Into::into)),
            Kind::Bytes => Value::Bytes(row.try_get::<Option<Vec<u8>>>(at)?.map(Into::into)),
        })
    };
    columns.iter().enumerate().map(value).collect()
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.as_ref().map_or(0, |text| text.len()),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
    }
}

async fn write(to: &mut Tx, into: &str, rows: Vec<Vec<Value<'static>>>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = sql::QueryBuilder::new(into);
    insert.push_values(rows, |mut row, values| {
        for value in values {
            row.push_value(value);
        }
    });
    insert.build().execute(&mut **to).await?;
    Ok(())
}

/// Goes on above every number that was given out.
async fn number_on(
    to: &mut Conn,
    (table, column): (&str, &str),
    last: i64,
) -> Result<(), StoreError> {
    let text = format!(
        "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), greatest(n, 1), n > 0)
            FROM (SELECT greatest(coalesce(max({column}), 0), {last}) AS n FROM {table}) AS last"
    );
    sql::query(&text).execute(to).await?;
    Ok(())
}

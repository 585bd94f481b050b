//! Data sets: what evaluations ask. Rows are added and read, never changed.

use floopy_shared::domain::ids::TenantId;
use uuid::Uuid;

use super::{StoreError, Tx, statements, to_i64, to_u64};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// A data set without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) row_count: u64,
    /// Of its rows.
    pub(crate) bytes: u64,
    pub(crate) created_ms: u64,
    pub(crate) changed_ms: u64,
}

/// A row to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRow {
    pub(crate) id: String,
    /// In JSON, without its id.
    pub(crate) body: String,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRow {
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) created_ms: u64,
}

/// How much a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) datasets: u64,
    pub(crate) bytes: u64,
}

const COLUMNS: &str = "id, name, description, row_count, bytes, created_ms, changed_ms";

/// Writes a new one, without rows.
pub(crate) async fn put(
    tx: &mut Tx,
    tenant: &TenantId,
    dataset: &Dataset,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO datasets (id, tenant, name, description, row_count, bytes, created_ms, changed_ms)
         VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
    )
    .bind(dataset.id.to_string())
    .bind(tenant.as_str())
    .bind(&dataset.name)
    .bind(dataset.description.as_deref())
    .bind(to_i64(dataset.created_ms))
    .bind(to_i64(dataset.changed_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One of a tenant's.
pub(crate) async fn get(
    conn: &mut Conn,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Dataset>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM datasets WHERE id = ? AND tenant = ?");
    let query = sql::query(&text).bind(id.to_string()).bind(tenant.as_str());
    let row = query.fetch_optional(conn).await?;
    row.as_ref().map(dataset).transpose()
}

/// Up to `limit` of a tenant's before `before`, the newest first.
pub(crate) async fn page(
    conn: &mut Conn,
    tenant: &TenantId,
    before: Option<(u64, Uuid)>,
    limit: u32,
) -> Result<Vec<Dataset>, StoreError> {
    let (at_ms, id) = before.map_or((i64::MAX, String::new()), |(at_ms, id)| {
        (to_i64(at_ms), id.to_string())
    });
    let text = format!(
        "SELECT {COLUMNS} FROM datasets WHERE tenant = ? AND (created_ms, id) < (?, ?)
         ORDER BY created_ms DESC, id DESC LIMIT ?"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(at_ms);
    let rows = query.bind(id).bind(i64::from(limit)).fetch_all(conn);
    rows.await?.iter().map(dataset).collect()
}

/// How much a tenant has in all.
pub(crate) async fn held(conn: &mut Conn, tenant: &TenantId) -> Result<Held, StoreError> {
    let query =
        "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS INTEGER) FROM datasets WHERE tenant = ?";
    let query = sql::query(query).bind(tenant.as_str());
    let row = query.fetch_one(conn).await?;
    Ok(Held {
        datasets: to_u64(row.try_get(0)?),
        bytes: to_u64(row.try_get(1)?),
    })
}

/// What is stored under these ids of rows.
pub(crate) async fn known(
    conn: &mut Conn,
    dataset: Uuid,
    ids: &[&str],
) -> Result<Vec<NewRow>, StoreError> {
    // Strings always serialise.
    let ids = serde_json::to_string(ids).unwrap_or_default();
    let rows = sql::query(
        "SELECT row_id, body FROM dataset_rows
         WHERE dataset = ? AND row_id IN (SELECT value FROM json_each(?))",
    )
    .bind(dataset.to_string())
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let read = |row: &Row| {
        Ok(NewRow {
            id: row.try_get(0)?,
            body: row.try_get(1)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Adds rows that are not there yet.
pub(crate) async fn add(
    tx: &mut Tx,
    dataset: Uuid,
    rows: &[NewRow],
    now_ms: u64,
) -> Result<(), StoreError> {
    let id = dataset.to_string();
    for rows in statements(rows) {
        let mut query =
            QueryBuilder::new("INSERT INTO dataset_rows (dataset, row_id, body, created_ms) ");
        query.push_values(rows, |mut values, row| {
            values
                .push_bind(id.as_str())
                .push_bind(row.id.as_str())
                .push_bind(row.body.as_str())
                .push_bind(to_i64(now_ms));
        });
        query.build().execute(&mut **tx).await?;
    }
    let bytes: usize = rows.iter().map(|row| row.body.len()).sum();
    sql::query(
        "UPDATE datasets SET row_count = row_count + ?, bytes = bytes + ?, changed_ms = ? WHERE id = ?",
    )
    .bind(to_i64(rows.len() as u64))
    .bind(to_i64(bytes as u64))
    .bind(to_i64(now_ms))
    .bind(&id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Up to `limit` rows after `after`, in the order in which they came.
pub(crate) async fn rows(
    conn: &mut Conn,
    dataset: Uuid,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredRow>, StoreError> {
    let rows = sql::query(
        "SELECT seq, row_id, body, created_ms FROM dataset_rows WHERE dataset = ? AND seq > ?
         ORDER BY seq LIMIT ?",
    )
    .bind(dataset.to_string())
    .bind(to_i64(after))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    let read = |row: &Row| {
        Ok(StoredRow {
            seq: to_u64(row.try_get(0)?),
            id: row.try_get(1)?,
            body: row.try_get(2)?,
            created_ms: to_u64(row.try_get(3)?),
        })
    };
    rows.iter().map(read).collect()
}

/// Takes one away with its rows.
pub(crate) async fn delete(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM dataset_rows WHERE dataset = ?",
        "DELETE FROM datasets WHERE id = ?",
    ] {
        let query = sql::query(statement).bind(id.to_string());
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

fn dataset(row: &Row) -> Result<Dataset, StoreError> {
    let id: &str = row.try_get(0)?;
    Ok(Dataset {
        id: Uuid::try_parse(id).map_err(|e| StoreError::corrupt("data set", e))?,
        name: row.try_get(1)?,
        description: row.try_get(2)?,
        row_count: to_u64(row.try_get(3)?),
        bytes: to_u64(row.try_get(4)?),
        created_ms: to_u64(row.try_get(5)?),
        changed_ms: to_u64(row.try_get(6)?),
    })
}

//! The books of batches: whose each is, what is known of it, and when it is looked at again.

pub(crate) mod files;

use floopy_shared::domain::{batch::Batch, ids::TenantId};

use super::{StoreError, Tx, record, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};

/// A page of what a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) has_more: bool,
}

impl<T> Page<T> {
    /// Of rows that were read with one more than fit.
    fn of(mut rows: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

fn read(row: &Row) -> Result<Batch, StoreError> {
    let record: &[u8] = row.try_get(0)?;
    Ok(Batch {
        version: to_u64(row.try_get(1)?),
        ..record::decode_batch(record)?
    })
}

/// Enters a batch, unless the same question made one since then: then that one is given.
pub(crate) async fn add(
    tx: &mut Tx,
    batch: &Batch,
    asked_since_ms: u64,
) -> Result<(Batch, bool), StoreError> {
    let known = sql::query(
        "SELECT record, version FROM batches WHERE tenant = ? AND question = ? AND created_ms >= ?
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(batch.tenant.as_str())
    .bind(&batch.question)
    .bind(to_i64(asked_since_ms))
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(row) = known {
        return Ok((read(&row)?, false));
    }
    sql::query(
        "INSERT INTO batches (id, tenant, question, created_ms, version, is_open, due_ms, lease_until_ms, node,
            instance, record) VALUES (?, ?, ?, ?, 1, ?, ?, 0, '', '', ?)",
    )
    .bind(&batch.id)
    .bind(batch.tenant.as_str())
    .bind(&batch.question)
    .bind(to_i64(batch.created_at_ms))
    .bind(i64::from(batch.is_open))
    .bind(to_i64(batch.created_at_ms))
    .bind(record::encode_batch(batch))
    .execute(&mut **tx)
    .await?;
    let added = Batch {
        version: 1,
        ..batch.clone()
    };
    Ok((added, true))
}

/// Replaces what is said of a batch and gives its lease back, if nobody replaced it since it was read.
pub(crate) async fn update(tx: &mut Tx, batch: &Batch, due_ms: u64) -> Result<bool, StoreError> {
    let done = sql::query(
        "UPDATE batches SET record = ?, version = version + 1, is_open = ?, due_ms = ?, lease_until_ms = 0
         WHERE id = ? AND tenant = ? AND version = ?",
    )
    .bind(record::encode_batch(batch))
    .bind(i64::from(batch.is_open))
    .bind(to_i64(due_ms))
    .bind(&batch.id)
    .bind(batch.tenant.as_str())
    .bind(to_i64(batch.version))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a batch out of the books, if nobody replaced it since it was read.
pub(crate) async fn forget(tx: &mut Tx, batch: &Batch) -> Result<bool, StoreError> {
    let done = sql::query("DELETE FROM batches WHERE id = ? AND tenant = ? AND version = ?")
        .bind(&batch.id)
        .bind(batch.tenant.as_str())
        .bind(to_i64(batch.version))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// A tenant's batch.
pub(crate) async fn get(
    conn: &mut Conn,
    (tenant, id): (&TenantId, &str),
) -> Result<Option<Batch>, StoreError> {
    let row = sql::query("SELECT record, version FROM batches WHERE id = ? AND tenant = ?")
        .bind(id)
        .bind(tenant.as_str())
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A tenant's batches, the newest first. `None`: it has none of the id `after`.
pub(crate) async fn list(
    conn: &mut Conn,
    tenant: &TenantId,
    (after, limit): (Option<&str>, u32),
) -> Result<Option<Page<Batch>>, StoreError> {
    let before = match after {
        None => i64::MAX,
        Some(id) => {
            let found = sql::query_scalar("SELECT seq FROM batches WHERE id = ? AND tenant = ?");
            let found = found.bind(id).bind(tenant.as_str());
            let Some(seq) = found.fetch_optional(&mut *conn).await? else {
                return Ok(None);
            };
            seq
        }
    };
    let rows = sql::query(
        "SELECT record, version FROM batches WHERE tenant = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
    )
    .bind(tenant.as_str())
    .bind(before)
    .bind(i64::from(limit) + 1)
    .fetch_all(conn)
    .await?;
    let rows: Result<Vec<Batch>, StoreError> = rows.iter().map(read).collect();
    Ok(Some(Page::of(rows?, limit)))
}

/// Who asks for batches, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lessee<'a> {
    pub(crate) node: &'a str,
    /// Of its run.
    pub(crate) instance: &'a str,
    /// It has just started: what a run of this node before it leased is nobody's any more. Later that would be said of
    /// another proxy of the same name, which is at it.
    pub(crate) resumes: bool,
    pub(crate) lease_ms: u64,
}

/// Open batches that are due, the longest waiting first; nobody else is given them until the lease ends.
pub(crate) async fn lease(
    tx: &mut Tx,
    limit: u32,
    (lessee, now_ms): (Lessee<'_>, u64),
) -> Result<Vec<Batch>, StoreError> {
    let rows = sql::query(
        "UPDATE batches SET lease_until_ms = ?2, node = ?4, instance = ?5 WHERE seq IN (
            SELECT seq FROM batches WHERE is_open = 1 AND due_ms <= ?1
            AND (lease_until_ms <= ?1 OR (?6 <> 0 AND node = ?4 AND instance <> ?5))
            ORDER BY due_ms LIMIT ?3)
         RETURNING record, version",
    )
    .bind(to_i64(now_ms))
    .bind(to_i64(now_ms.saturating_add(lessee.lease_ms)))
    .bind(i64::from(limit))
    .bind(lessee.node)
    .bind(lessee.instance)
    .bind(lessee.resumes)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests;

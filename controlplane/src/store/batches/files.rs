//! The books of files, and what is kept of them.

use floopy_shared::domain::{batch::BatchFile, ids::TenantId};

use super::Page;
use crate::store::sql::{self, Conn, Row};
use crate::store::{StoreError, Tx, record, to_i64, to_u64};

/// An upload that was not completed within a day never will be.
const UNFINISHED_MS: u64 = 86_400_000;

/// What a tenant asks to be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing<'a> {
    /// `None`: any.
    pub(crate) purpose: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: u32,
    pub(crate) oldest_first: bool,
}

/// Why a piece is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// The tenant has no such file under way.
    Unknown,
    /// The tenant keeps this many bytes, and may keep no more.
    Full(u64),
}

fn read(row: &Row) -> Result<BatchFile, StoreError> {
    let record: &[u8] = row.try_get(0)?;
    record::decode_batch_file(record)
}

/// The file that a question made since then.
pub(crate) async fn known(
    tx: &mut Tx,
    file: &BatchFile,
    asked_since_ms: u64,
) -> Result<Option<BatchFile>, StoreError> {
    if file.question.is_empty() {
        return Ok(None);
    }
    let row = sql::query(
        "SELECT record FROM batch_files WHERE tenant = ? AND question = ? AND question != '' AND created_ms >= ?
            AND is_complete = 1 AND id != ? ORDER BY seq DESC LIMIT 1",
    )
    .bind(file.tenant.as_str())
    .bind(&file.question)
    .bind(to_i64(asked_since_ms))
    .bind(&file.id)
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Enters a file, or replaces what is said of it; `false`: the id is another tenant's.
pub(crate) async fn put(
    tx: &mut Tx,
    file: &BatchFile,
    is_complete: bool,
    now_ms: u64,
) -> Result<bool, StoreError> {
    forget_unfinished(tx, now_ms).await?;
    let done = sql::query(
        "INSERT INTO batch_files (id, tenant, question, purpose, created_ms, is_complete, kept_bytes, record)
         VALUES (?, ?, ?, ?, ?, ?, 0, ?)
         ON CONFLICT (id) DO UPDATE SET question = excluded.question, purpose = excluded.purpose, is_complete = excluded.is_complete,
            record = excluded.record WHERE batch_files.tenant = excluded.tenant",
    )
    .bind(&file.id)
    .bind(file.tenant.as_str())
    .bind(&file.question)
    .bind(&file.purpose)
    .bind(to_i64(file.created_at_ms))
    .bind(i64::from(is_complete))
    .bind(record::encode_batch_file(file))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn forget_unfinished(tx: &mut Tx, now_ms: u64) -> Result<(), StoreError> {
    let before = to_i64(now_ms.saturating_sub(UNFINISHED_MS));
    for statement in [
        "DELETE FROM batch_pieces WHERE file IN (
            SELECT seq FROM batch_files WHERE is_complete = 0 AND created_ms < ?)",
        "DELETE FROM batch_files WHERE is_complete = 0 AND created_ms < ?",
    ] {
        let statement = sql::query(statement).bind(before);
        statement.execute(&mut **tx).await?;
    }
    Ok(())
}

/// A tenant's file, once it is complete.
pub(crate) async fn get(
    conn: &mut Conn,
    (tenant, id): (&TenantId, &str),
) -> Result<Option<BatchFile>, StoreError> {
    let row = sql::query(
        "SELECT record FROM batch_files WHERE id = ? AND tenant = ? AND is_complete = 1",
    )
    .bind(id)
    .bind(tenant.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// A tenant's files. `None`: it has none of the id `after`.
pub(crate) async fn list(
    conn: &mut Conn,
    tenant: &TenantId,
    listing: &Listing<'_>,
) -> Result<Option<Page<BatchFile>>, StoreError> {
    let end = if listing.oldest_first { 0 } else { i64::MAX };
    let from = match listing.after {
        None => end,
        Some(id) => {
            let found =
                sql::query_scalar("SELECT seq FROM batch_files WHERE id = ? AND tenant = ?");
            let found = found.bind(id).bind(tenant.as_str());
            let Some(seq) = found.fetch_optional(&mut *conn).await? else {
                return Ok(None);
            };
            seq
        }
    };
    let statement = if listing.oldest_first {
        "SELECT record FROM batch_files WHERE tenant = ?1 AND is_complete = 1 AND seq > ?2
            AND (?3 IS NULL OR purpose = ?3) ORDER BY seq LIMIT ?4"
    } else {
        "SELECT record FROM batch_files WHERE tenant = ?1 AND is_complete = 1 AND seq < ?2
            AND (?3 IS NULL OR purpose = ?3) ORDER BY seq DESC LIMIT ?4"
    };
    let rows = sql::query(statement)
        .bind(tenant.as_str())
        .bind(from)
        .bind(listing.purpose)
        .bind(i64::from(listing.limit) + 1)
        .fetch_all(conn)
        .await?;
    let rows: Result<Vec<BatchFile>, StoreError> = rows.iter().map(read).collect();
    Ok(Some(Page::of(rows?, listing.limit)))
}

/// Deletes a tenant's file with what is kept of it; whether there was one.
pub(crate) async fn delete(
    tx: &mut Tx,
    (tenant, id): (&TenantId, &str),
) -> Result<bool, StoreError> {
    let seq: Option<i64> =
        sql::query_scalar("DELETE FROM batch_files WHERE id = ? AND tenant = ? RETURNING seq")
            .bind(id)
            .bind(tenant.as_str())
            .fetch_optional(&mut **tx)
            .await?;
    let Some(seq) = seq else {
        return Ok(false);
    };
    sql::query("DELETE FROM batch_pieces WHERE file = ?")
        .bind(seq)
        .execute(&mut **tx)
        .await?;
    Ok(true)
}

/// Keeps a piece of a file under way, if its tenant then keeps no more than this.
pub(crate) async fn keep(
    tx: &mut Tx,
    (tenant, id): (&TenantId, &str),
    (number, content): (u32, &[u8]),
    max_bytes: u64,
) -> Result<Result<(), NotKept>, StoreError> {
    let file: Option<i64> = sql::query_scalar(
        "SELECT seq FROM batch_files WHERE id = ? AND tenant = ? AND is_complete = 0",
    )
    .bind(id)
    .bind(tenant.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    let Some(file) = file else {
        return Ok(Err(NotKept::Unknown));
    };
    let kept: i64 = sql::query_scalar(
        "SELECT CAST(coalesce(sum(kept_bytes), 0) AS INTEGER) FROM batch_files WHERE tenant = ? AND kept_bytes > 0",
    )
    .bind(tenant.as_str())
    .fetch_one(&mut **tx)
    .await?;
    let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
    if kept.saturating_add(length) > to_i64(max_bytes) {
        return Ok(Err(NotKept::Full(to_u64(kept))));
    }
    // A piece that comes again is the same one.
    let added = sql::query("INSERT INTO batch_pieces VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(file)
        .bind(i64::from(number))
        .bind(content)
        .execute(&mut **tx)
        .await?;
    if added.rows_affected() > 0 {
        sql::query("UPDATE batch_files SET kept_bytes = kept_bytes + ? WHERE seq = ?")
            .bind(length)
            .bind(file)
            .execute(&mut **tx)
            .await?;
    }
    Ok(Ok(()))
}

/// A piece of a tenant's file; `None`: it ended before, or there is no such file.
pub(crate) async fn piece(
    conn: &mut Conn,
    (tenant, id): (&TenantId, &str),
    number: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let content = sql::query_scalar(
        "SELECT p.content FROM batch_files f JOIN batch_pieces p ON p.file = f.seq
         WHERE f.id = ? AND f.tenant = ? AND f.is_complete = 1 AND p.number = ?",
    )
    .bind(id)
    .bind(tenant.as_str())
    .bind(i64::from(number))
    .fetch_optional(conn)
    .await?;
    Ok(content)
}

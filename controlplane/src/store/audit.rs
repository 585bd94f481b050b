//! Who changed what, and when: rows that are only ever added, with hashes of what was and what is.

use floopy_shared::domain::ids::TenantId;
use sha2::{Digest, Sha256};
use sqlx::{Row, sqlite::SqliteRow};

use super::{Store, StoreError, Tx, to_i64, to_u64};

/// A change as it is told to be written down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) at_ms: u64,
    /// Such as `key:key_0123`.
    pub(crate) actor: &'a str,
    pub(crate) action: Action,
    /// Such as `constraints/limits`.
    pub(crate) resource: &'a str,
    pub(crate) before: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
    pub(crate) request_id: &'a str,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A change as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at_ms: u64,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) before_sha256: Option<String>,
    pub(crate) after_sha256: Option<String>,
    pub(crate) request_id: String,
}

/// Writes a change down, in the transaction that makes it.
pub(crate) async fn add(tx: &mut Tx, change: &Change<'_>) -> Result<(), StoreError> {
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    sqlx::query(
        "INSERT INTO audit (tenant, at_ms, actor, action, resource, before_sha256, after_sha256, request_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(change.tenant.as_str())
    .bind(to_i64(change.at_ms))
    .bind(change.actor)
    .bind(change.action.as_str())
    .bind(change.resource)
    .bind(change.before.map(hash))
    .bind(change.after.map(hash))
    .bind(change.request_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Up to `limit` changes before `before`, the newest first.
pub(crate) async fn page(
    store: &Store,
    tenant: &TenantId,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at_ms, actor, action, resource, before_sha256, after_sha256, request_id FROM audit
         WHERE tenant = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
    )
    .bind(tenant.as_str())
    .bind(before.map_or(i64::MAX, to_i64))
    .bind(i64::from(limit))
    .fetch_all(store.read())
    .await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    Ok(Entry {
        seq: to_u64(row.try_get(0)?),
        at_ms: to_u64(row.try_get(1)?),
        actor: row.try_get(2)?,
        action: row.try_get(3)?,
        resource: row.try_get(4)?,
        before_sha256: row.try_get(5)?,
        after_sha256: row.try_get(6)?,
        request_id: row.try_get(7)?,
    })
}

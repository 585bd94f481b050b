//! What sessions said goes once it is too old, or once its tenant wants none kept.

use floopy_shared::domain::ids::TenantId;

use super::{SLICE, empty};
use crate::store::{StoreError, Tx, sql};

/// Forgets a slice of the sessions that ended before, and of tenants that keep no content any more; how many rows went.
pub(crate) async fn forget(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    let ids = sql::query_scalar(
        "SELECT id FROM content_sessions WHERE touched_ms < ?
            OR tenant IN (SELECT id FROM tenants WHERE zero_retention <> 0) LIMIT ?",
    )
    .bind(before_ms)
    .bind(SLICE)
    .fetch_all(&mut **tx)
    .await?;
    forget_sessions(tx, ids).await
}

/// The same of one tenant, whose calls are kept for less.
pub(crate) async fn forget_of(
    tx: &mut Tx,
    tenant: &TenantId,
    before_ms: i64,
) -> Result<u64, StoreError> {
    let ids = sql::query_scalar(
        "SELECT id FROM content_sessions WHERE tenant = ? AND touched_ms < ? LIMIT ?",
    )
    .bind(tenant.as_str())
    .bind(before_ms)
    .bind(SLICE)
    .fetch_all(&mut **tx)
    .await?;
    forget_sessions(tx, ids).await
}

async fn forget_sessions(tx: &mut Tx, ids: Vec<i64>) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let turns = empty(tx, &ids).await?;
    // Integers always serialise.
    let list = serde_json::to_string(&ids).unwrap_or_default();
    sql::query("DELETE FROM content_sessions WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))")
        .bind(list)
        .execute(&mut **tx)
        .await?;
    Ok(turns + ids.len() as u64)
}

//! Sessions that were deleted: what they hold goes at once, and what was asked before and comes later is not kept.

use std::collections::{BTreeSet, HashMap};

use floopy_shared::domain::ids::TenantId;

use super::empty;
use crate::store::sql::{self, Conn};
use crate::store::{StoreError, Tx, to_i64, to_u64};

/// Deletes what a session said, also what waits to be judged, and whatever of it is still on its way. How many calls
/// went.
pub(crate) async fn delete(
    tx: &mut Tx,
    (tenant, session): (&TenantId, &str),
    now_ms: u64,
) -> Result<u64, StoreError> {
    unqueue(tx, (tenant, session)).await?;
    let id: Option<i64> = sql::query_scalar(
        "INSERT INTO content_sessions (tenant, session, touched_ms, deleted_ms, bytes)
         SELECT id, ?2, ?3, ?3, 0 FROM tenants WHERE id = ?1 AND zero_retention = 0
         ON CONFLICT (tenant, session) DO UPDATE SET bytes = 0, deleted_ms = CASE
            WHEN excluded.deleted_ms > content_sessions.deleted_ms THEN excluded.deleted_ms
            ELSE content_sessions.deleted_ms END, touched_ms = CASE
            WHEN excluded.touched_ms > content_sessions.touched_ms THEN excluded.touched_ms
            ELSE content_sessions.touched_ms END
         RETURNING id",
    )
    .bind(tenant.as_str())
    .bind(session)
    .bind(to_i64(now_ms))
    .fetch_optional(&mut **tx)
    .await?;
    // Where a tenant keeps no content, none comes.
    match id {
        Some(id) => empty(tx, &[id]).await,
        None => Ok(0),
    }
}

/// Takes the session's replies off the queue, those of its calls' shadows too.
async fn unqueue(tx: &mut Tx, (tenant, session): (&TenantId, &str)) -> Result<(), StoreError> {
    sql::query("DELETE FROM scoring_jobs WHERE tenant = ? AND session = ?")
        .bind(tenant.as_str())
        .bind(session)
        .execute(&mut **tx)
        .await?;
    // What came from proxies that did not say the session yet.
    sql::query(
        "DELETE FROM scoring_jobs WHERE request_id IN
            (SELECT request_id FROM decisions WHERE tenant = ? AND session_id = ?)",
    )
    .bind(tenant.as_str())
    .bind(session)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When sessions were deleted.
#[derive(Debug, Default)]
pub(crate) struct Deleted(HashMap<(String, String), u64>);

impl Deleted {
    /// Looks sessions up, named by their tenants and ids.
    pub(crate) async fn of(
        conn: &mut Conn,
        sessions: impl Iterator<Item = (&str, &str)>,
    ) -> Result<Self, StoreError> {
        let asked: BTreeSet<(&str, &str)> = sessions.collect();
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let rows = sql::query(
            "SELECT s.tenant, s.session, s.deleted_ms FROM json_each(?) AS a CROSS JOIN content_sessions AS s
                ON s.tenant = a.value ->> 0 AND s.session = a.value ->> 1 WHERE s.deleted_ms >= 0",
        )
        // Strings always serialise.
        .bind(serde_json::to_string(&asked).unwrap_or_default())
        .fetch_all(conn)
        .await?;
        let mut deleted = HashMap::with_capacity(rows.len());
        for row in &rows {
            let session = (row.try_get(0)?, row.try_get(1)?);
            deleted.insert(session, to_u64(row.try_get(2)?));
        }
        Ok(Self(deleted))
    }

    /// Whether this was asked before its session was deleted.
    pub(crate) fn covers(&self, asked: &Asked<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let session = (asked.tenant.to_owned(), asked.session.to_owned());
        let deleted_ms = self.0.get(&session);
        deleted_ms.is_some_and(|deleted_ms| asked.at_ms <= *deleted_ms)
    }
}

/// A call of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) session: &'a str,
    pub(crate) at_ms: u64,
}

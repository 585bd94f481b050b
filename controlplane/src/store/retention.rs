//! What is forgotten, and when. Sums outlive the calls they came from.

use super::{StoreError, Tx, to_i64};

/// Rows removed per table and transaction at most, so that the writer is never held for long.
const SLICE: i64 = 2_000;

/// Moments before which things are forgotten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Horizon {
    pub(crate) decisions_before_ms: u64,
    pub(crate) buckets_before_day: i64,
}

/// Removes a slice of what is too old; how many rows went. Call again until none did.
///
/// A session's calls go together once its last one is too old: as long as a call is kept, a late rating can
/// be credited to the whole session. Nothing can come back to be counted twice, because calls that old are
/// refused on arrival.
pub(crate) async fn forget(tx: &mut Tx, horizon: &Horizon) -> Result<u64, StoreError> {
    let before = to_i64(horizon.decisions_before_ms);
    let statements = [
        ("DELETE FROM decisions WHERE rowid IN (SELECT d.rowid FROM decisions d WHERE d.created_ms < ?1
            AND (d.session_id IS NULL OR NOT EXISTS (SELECT 1 FROM decisions o WHERE o.tenant = d.tenant
                AND o.session_id = d.session_id AND o.created_ms >= ?1)) LIMIT ?2)", before),
        ("DELETE FROM scores WHERE rowid IN (SELECT s.rowid FROM scores s WHERE s.scored_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = s.request_id) LIMIT ?2)", before),
        ("DELETE FROM ratings WHERE (tenant, kind, subject, revise) IN (SELECT tenant, kind, subject, revise
            FROM ratings r WHERE rated_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.session_id = r.subject)
            AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = r.tenant AND d.completion_id = r.subject)
            LIMIT ?2)", before),
        ("DELETE FROM sessions WHERE (tenant, unit) IN (SELECT tenant, unit FROM sessions
            WHERE touched_ms < ?1 LIMIT ?2)", before),
        ("DELETE FROM buckets WHERE (tenant, shape, arm, source, day) IN (SELECT tenant, shape, arm, source, day
            FROM buckets WHERE day < ?1 LIMIT ?2)", horizon.buckets_before_day),
    ];
    let mut gone = 0;
    for (statement, before) in statements {
        let done = sqlx::query(statement)
            .bind(before)
            .bind(SLICE)
            .execute(&mut **tx)
            .await?;
        gone += done.rows_affected();
    }
    Ok(gone)
}

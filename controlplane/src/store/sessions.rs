//! Rated sessions: the rating that stands and what it added to the buckets.

use floopy_shared::domain::{event::RatingScore, ids::TenantId};
use sqlx::{Row, SqliteConnection};

use super::{StoreError, Tx, buckets, calls::Unit, text_list, to_i64};
use crate::learn::credit::Credit;

/// What a rated unit added to the buckets; empty where it is not rated.
pub(crate) async fn credit(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    unit: &Unit,
) -> Result<Option<Credit>, StoreError> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT credit FROM sessions WHERE tenant = ? AND unit = ?")
            .bind(tenant.as_str())
            .bind(unit.key())
            .fetch_optional(conn)
            .await?;
    text.as_deref().map(buckets::decode).transpose()
}

/// Which of these units, by their stored names, are rated.
pub(crate) async fn rated<'a>(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    keys: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<String>, StoreError> {
    let rated = sqlx::query_scalar(
        "SELECT unit FROM sessions WHERE tenant = ? AND unit IN (SELECT value FROM json_each(?))",
    )
    .bind(tenant.as_str())
    .bind(text_list(keys))
    .fetch_all(conn)
    .await?;
    Ok(rated)
}

/// Notes the standing rating of a unit and what it added.
pub(crate) async fn put(
    tx: &mut Tx,
    (tenant, unit): (&TenantId, &Unit),
    (score, credit): (RatingScore, &Credit),
    now_ms: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (tenant, unit, score, credit, touched_ms) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET score = excluded.score, credit = excluded.credit,
            touched_ms = excluded.touched_ms",
    )
    .bind(tenant.as_str())
    .bind(unit.key())
    .bind(i64::from(score.value()))
    .bind(buckets::encode(credit))
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets a unit that is no longer rated.
pub(crate) async fn remove(tx: &mut Tx, tenant: &TenantId, unit: &Unit) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE tenant = ? AND unit = ?")
        .bind(tenant.as_str())
        .bind(unit.key())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The standing rating of a unit.
pub(crate) async fn score(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    unit: &Unit,
) -> Result<Option<RatingScore>, StoreError> {
    let row = sqlx::query("SELECT score FROM sessions WHERE tenant = ? AND unit = ?")
        .bind(tenant.as_str())
        .bind(unit.key())
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    RatingScore::new(row.try_get(0)?)
        .map(Some)
        .map_err(|e| StoreError::corrupt("rating", e))
}

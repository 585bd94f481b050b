//! How candidates came to serve, and went.

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};
use crate::{
    learn::promotion::{BARRED_MS, Guards, Promotion, Stage, Step},
    store::sql::{self, Conn, Row},
};

/// How long those that ended are kept.
const KEPT_MS: u64 = 180 * 24 * 3_600_000;

const COLUMNS: &str =
    "id, tenant, shape, candidate, replaces, stage, began_ms, changed_ms, body, seq";

#[derive(Serialize, Deserialize)]
struct Body {
    guards: Guards,
    trace: Vec<Step>,
}

/// Writes a promotion over what was there of it.
pub(crate) async fn put(tx: &mut Tx, promotion: &Promotion) -> Result<(), StoreError> {
    let body = Body {
        guards: promotion.guards.clone(),
        trace: promotion.trace.clone(),
    };
    // Numbers and strings always serialise.
    let body = serde_json::to_string(&body).unwrap_or_default();
    sql::query(
        "INSERT INTO promotions (id, tenant, shape, candidate, replaces, stage, began_ms, changed_ms, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, changed_ms = excluded.changed_ms,
            body = excluded.body",
    )
    .bind(promotion.id.to_string())
    .bind(promotion.tenant.as_str())
    .bind(promotion.shape.as_str())
    .bind(promotion.candidate.as_str())
    .bind(promotion.replaces.as_str())
    .bind(promotion.stage.as_str())
    .bind(to_i64(promotion.began_ms))
    .bind(to_i64(promotion.changed_ms))
    .bind(body)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes those that ended long ago.
pub(crate) async fn forget(tx: &mut Tx, now_ms: u64) -> Result<(), StoreError> {
    sql::query(
        "DELETE FROM promotions WHERE stage IN ('rolled_back', 'superseded', 'withdrawn') AND changed_ms < ?",
    )
    .bind(to_i64(now_ms.saturating_sub(KEPT_MS)))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those that are under way, and those that were taken back lately.
pub(crate) async fn standing(store: &Store, now_ms: u64) -> Result<Vec<Promotion>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM promotions WHERE stage IN ('shadow', 'canary', 'wide_canary', 'live')
            OR (stage = 'rolled_back' AND changed_ms > ?) ORDER BY seq"
    );
    let since = now_ms.saturating_sub(BARRED_MS);
    let rows = sql::query(&text).bind(to_i64(since));
    let rows = rows.fetch_all(store.read()).await?;
    rows.iter().map(promotion).collect()
}

/// One of a tenant's.
pub(crate) async fn get(
    conn: &mut Conn,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Promotion>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM promotions WHERE tenant = ? AND id = ?");
    let query = sql::query(&text).bind(tenant.as_str()).bind(id.to_string());
    let row = query.fetch_optional(conn).await?;
    row.as_ref().map(promotion).transpose()
}

/// Up to `limit` of a tenant's before a place, the newest first, with their places.
pub(crate) async fn page(
    conn: &mut Conn,
    tenant: &TenantId,
    (before, limit): (Option<u64>, u32),
) -> Result<Vec<(u64, Promotion)>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM promotions WHERE tenant = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    );
    let query = sql::query(&text)
        .bind(tenant.as_str())
        .bind(before.map_or(i64::MAX, to_i64));
    let rows = query.bind(i64::from(limit)).fetch_all(conn).await?;
    let placed = |row: &Row| Ok((to_u64(row.try_get(9)?), promotion(row)?));
    rows.iter().map(placed).collect()
}

fn promotion(row: &Row) -> Result<Promotion, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("promotion", e);
    let key = |text: &str| CandidateKey::parse(text).map_err(|e| corrupt(&e));
    let id: &str = row.try_get(0)?;
    let shape: &str = row.try_get(2)?;
    let stage: &str = row.try_get(5)?;
    let body: Body = serde_json::from_str(row.try_get(8)?).map_err(|e| corrupt(&e))?;
    Ok(Promotion {
        id: Uuid::parse_str(id).map_err(|e| corrupt(&e))?,
        tenant: tenant_id(row.try_get(1)?)?,
        shape: ShapeKey::named(shape).ok_or_else(|| corrupt(&shape))?,
        candidate: key(row.try_get(3)?)?,
        replaces: key(row.try_get(4)?)?,
        stage: Stage::parse(stage).ok_or_else(|| corrupt(&stage))?,
        began_ms: to_u64(row.try_get(6)?),
        changed_ms: to_u64(row.try_get(7)?),
        guards: body.guards,
        told: body.trace.len(),
        trace: body.trace,
    })
}

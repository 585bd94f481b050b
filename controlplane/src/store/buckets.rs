//! Sums per (tenant, shape, arm, source, day). A shape's day is one row: a rated session touches a few dozen
//! cells, but only a few shapes.
//!
//! What a batch adds is appended as it is, and brought into the rows tenant by tenant once there is enough of
//! it: rows touched by many batches are written once for all of them. Whoever reads adds both up.

mod changes;
mod rows;

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::{ids::TenantId, shape::ShapeKey};
use futures::TryStreamExt;

pub(crate) use self::{
    changes::{apply, settle_all},
    rows::fold,
};
use super::{Store, StoreError, Tx, deltas::Deltas, packed, tenant_id};
use crate::learn::{credit::Credit, sums::Sums};
use crate::store::sql;

/// The sums of tenants over all days; those of the days from `since` of a tenant on stay apart. Where a tenant's cannot be read, nothing else of it is returned.
pub(crate) async fn totals(
    tx: &mut Tx,
    tenants: &[TenantId],
    since: impl Fn(&TenantId) -> Option<i64>,
) -> Result<HashMap<TenantId, Result<Credit, StoreError>>, StoreError> {
    let mut totals: HashMap<TenantId, Result<Credit, StoreError>> = tenants
        .iter()
        .map(|tenant| (tenant.clone(), Ok(Credit::new())))
        .collect();
    let ids: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    // Strings always serialise.
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let mut rows = sql::streamed(
        "SELECT s.tenant, s.cells FROM json_each(?1) AS t CROSS JOIN day_sums AS s ON s.tenant = t.value
         UNION ALL
         SELECT c.tenant, c.cells FROM json_each(?1) AS t CROSS JOIN sum_changes AS c ON c.tenant = t.value",
    )
    .bind(ids)
    .fetch(&mut **tx);
    while let Some(row) = rows.try_next().await? {
        let tenant = tenant_id(row.try_get(0)?)?;
        let Some(total) = totals.get_mut(&tenant) else {
            continue;
        };
        match (packed::unpack_credit(row.try_get(1)?), &mut *total) {
            (Ok(cells), Ok(total)) => add_over_days(total, cells, since(&tenant)),
            (Err(error), Ok(_)) => *total = Err(error),
            (_, Err(_)) => {}
        }
    }
    Ok(totals)
}

/// Budgets are by the day, and so are gates; everything else counts the same whenever it was.
fn add_over_days(total: &mut Credit, cells: Credit, since: Option<i64>) {
    for (mut cell, sums) in cells {
        let stays_apart = since.is_some_and(|since| cell.day >= since);
        if !cell.source.is_spend() && !stays_apart {
            cell.day = 0;
        }
        *total.entry(cell).or_default() += sums;
    }
}

/// A shape's day of a tenant.
pub(crate) type ShapeDay = (TenantId, ShapeKey, i64);

/// Sums that are no longer kept.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    pub(crate) rows: u64,
    /// By what the sums changed.
    pub(crate) deltas: Deltas,
    pub(crate) days: Vec<ShapeDay>,
}

/// Removes sums of days before `day`, `limit` rows at most.
pub(crate) async fn forget(tx: &mut Tx, day: i64, limit: i64) -> Result<Forgotten, StoreError> {
    let rows = sql::query(
        "DELETE FROM day_sums WHERE id IN (SELECT id FROM day_sums WHERE day < ?1 LIMIT ?2)
         RETURNING tenant, cells, shape, day",
    )
    .bind(day)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let mut gone = Forgotten {
        rows: rows.len() as u64,
        ..Forgotten::default()
    };
    for row in &rows {
        // What cannot be read was never counted.
        let Ok(tenant) = tenant_id(row.try_get(0)?) else {
            continue;
        };
        let _ = gone.deltas.add(&tenant, row.try_get(1)?, |sums| -sums);
        if let Some(shape) = ShapeKey::named(row.try_get(2)?) {
            gone.days.push((tenant, shape, row.try_get(3)?));
        }
    }
    Ok(gone)
}

/// A tenant's sums by the day.
pub(crate) async fn by_day(
    store: &Store,
    tenant: &TenantId,
) -> Result<BTreeMap<i64, Credit>, StoreError> {
    let mut rows = sql::streamed(
        "SELECT cells FROM day_sums WHERE tenant = ?1 UNION ALL SELECT cells FROM sum_changes WHERE tenant = ?1",
    )
    .bind(tenant.to_string())
    .fetch(store.read());
    let mut days: BTreeMap<i64, Credit> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        for (cell, sums) in packed::unpack_credit(row.try_get(0)?)? {
            *days.entry(cell.day).or_default().entry(cell).or_default() += sums;
        }
    }
    for cells in days.values_mut() {
        cells.retain(|_, sums| *sums != Sums::default());
    }
    days.retain(|_, cells| !cells.is_empty());
    Ok(days)
}

/// A tenant's sums, day by day.
#[cfg(test)]
pub(crate) async fn daily(store: &Store, tenant: &TenantId) -> Result<Credit, StoreError> {
    let days = by_day(store, tenant).await?;
    Ok(days.into_values().flatten().collect())
}

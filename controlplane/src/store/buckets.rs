//! Sums per (tenant, shape, arm, source, day). A shape's day is one row: a rated session touches a few dozen
//! cells, but only a few shapes.

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::{ids::TenantId, shape::ShapeKey};
use futures::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use super::{
    Store, StoreError, Tx,
    deltas::{Deltas, Place},
    packed::{self, Names, Summed},
    statements, tenant_id,
};
use crate::learn::{
    credit::{Credit, Source},
    sums::Sums,
};

/// A shape's day: tenant, shape and day.
type Key<'a> = (&'a str, &'a str, i64);

/// What a row is about to be: its number where there is one already, and its cells.
struct Written<'a> {
    key: Key<'a>,
    id: Option<i64>,
    cells: Vec<u8>,
}

/// Applies the changes; a shape's day that nothing is left of disappears.
pub(crate) async fn apply(tx: &mut Tx, deltas: &mut Deltas) -> Result<(), StoreError> {
    let changed = deltas.changed();
    let same = |(a, _): &(Place, Sums), (b, _): &(Place, Sums)| {
        (a.tenant, a.shape, a.day) == (b.tenant, b.shape, b.day)
    };
    let changes: Vec<&[(Place, Sums)]> = changed.chunk_by(same).collect();
    let held = rows(tx, deltas, &changes).await?;
    let mut results = Vec::with_capacity(changes.len());
    for (place, cells) in changes.iter().enumerate() {
        let (id, block) = match held.get(&place) {
            Some((id, block)) => (Some(*id), block.as_slice()),
            None => (None, [].as_slice()),
        };
        results.push((id, cells[0].0, added(&mut deltas.names, block, cells)));
    }
    let (mut written, mut emptied) = (Vec::new(), Vec::new());
    for (id, place, result) in results {
        let key = key(deltas, &place);
        match (result, id) {
            (Ok(cells), id) if !cells.is_empty() => written.push(Written { key, id, cells }),
            (Ok(_), Some(id)) => emptied.push(id),
            (Ok(_), None) => {}
            // Nobody can add to it, and nothing that is stored may stop the intake.
            (Err(error), _) => {
                tracing::error!(%error, tenant = key.0, shape = key.1, day = key.2, "sums are not added to");
            }
        }
    }
    write(tx, &written).await?;
    remove(tx, &emptied).await
}

fn key<'a>(deltas: &'a Deltas, place: &Place) -> Key<'a> {
    let shape = deltas.names.name(place.shape);
    (deltas.tenant(place.tenant), shape, place.day)
}

/// The cells of a shape's day with what is added to them.
fn added(names: &mut Names, block: &[u8], more: &[(Place, Sums)]) -> Result<Vec<u8>, StoreError> {
    let mut cells: Vec<Summed> = Vec::new();
    names.unpack(block, |_, _, cell| cells.push(cell))?;
    cells.extend(
        more.iter()
            .map(|(place, sums)| (place.arm, place.source, *sums)),
    );
    let cells = names.settle(cells);
    let place = more[0].0;
    Ok(names.pack((place.shape, place.day), &cells))
}

/// The rows of those shapes' days that have one, by their place among the changes.
async fn rows(
    tx: &mut Tx,
    deltas: &Deltas,
    changes: &[&[(Place, Sums)]],
) -> Result<HashMap<usize, (i64, Vec<u8>)>, StoreError> {
    if changes.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = changes.iter().map(|cells| key(deltas, &cells[0].0));
    // Strings and integers always serialise.
    let keys = serde_json::to_string(&keys.collect::<Vec<_>>()).unwrap_or_default();
    let rows = sqlx::query(
        "SELECT k.key, s.id, s.cells FROM json_each(?) AS k CROSS JOIN day_sums AS s
            ON s.tenant = k.value->>0 AND s.shape = k.value->>1 AND s.day = k.value->>2",
    )
    .bind(keys)
    .fetch_all(&mut **tx)
    .await?;
    let row = |row: &SqliteRow| {
        let place: i64 = row.try_get(0)?;
        let place = usize::try_from(place).map_err(|e| StoreError::corrupt("place", e))?;
        Ok((place, (row.try_get(1)?, row.try_get(2)?)))
    };
    rows.iter().map(row).collect()
}

async fn write(tx: &mut Tx, written: &[Written<'_>]) -> Result<(), StoreError> {
    for rows in statements(written) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO day_sums (id, tenant, shape, day, cells) ");
        query.push_values(rows, |mut row, written| {
            let (tenant, shape, day) = written.key;
            row.push_bind(written.id)
                .push_bind(tenant)
                .push_bind(shape)
                .push_bind(day)
                .push_bind(written.cells.as_slice());
        });
        query.push(" ON CONFLICT (id) DO UPDATE SET cells = excluded.cells");
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

async fn remove(tx: &mut Tx, ids: &[i64]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    // Integers always serialise.
    let ids = serde_json::to_string(ids).unwrap_or_default();
    sqlx::query("DELETE FROM day_sums WHERE id IN (SELECT value FROM json_each(?))")
        .bind(ids)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The sums of tenants over all days. Where a tenant's cannot be read, nothing else of it is returned.
pub(crate) async fn totals(
    tx: &mut Tx,
    tenants: &[TenantId],
) -> Result<HashMap<TenantId, Result<Credit, StoreError>>, StoreError> {
    let mut totals: HashMap<TenantId, Result<Credit, StoreError>> = tenants
        .iter()
        .map(|tenant| (tenant.clone(), Ok(Credit::new())))
        .collect();
    let ids: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    // Strings always serialise.
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let mut rows = sqlx::query(
        "SELECT s.tenant, s.cells FROM json_each(?) AS t CROSS JOIN day_sums AS s ON s.tenant = t.value",
    )
    .bind(ids)
    .fetch(&mut **tx);
    while let Some(row) = rows.try_next().await? {
        let Some(total) = totals.get_mut(&tenant_id(row.try_get(0)?)?) else {
            continue;
        };
        match (packed::unpack_credit(row.try_get(1)?), &mut *total) {
            (Ok(cells), Ok(total)) => add_over_days(total, cells),
            (Err(error), Ok(_)) => *total = Err(error),
            (_, Err(_)) => {}
        }
    }
    Ok(totals)
}

/// Budgets are by the day; everything else counts the same whenever it was.
fn add_over_days(total: &mut Credit, cells: Credit) {
    for (mut cell, sums) in cells {
        if cell.source != Source::Shadow {
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
    let rows = sqlx::query(
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
    let mut rows = sqlx::query("SELECT cells FROM day_sums WHERE tenant = ?")
        .bind(tenant.as_str())
        .fetch(store.read());
    let mut days: BTreeMap<i64, Credit> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        for (cell, sums) in packed::unpack_credit(row.try_get(0)?)? {
            days.entry(cell.day).or_default().insert(cell, sums);
        }
    }
    Ok(days)
}

/// A tenant's sums, day by day.
#[cfg(test)]
pub(crate) async fn daily(store: &Store, tenant: &TenantId) -> Result<Credit, StoreError> {
    let days = by_day(store, tenant).await?;
    Ok(days.into_values().flatten().collect())
}

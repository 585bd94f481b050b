//! Sums per (tenant, shape, arm, source, day). A shape's day is one row: a rated session touches a few dozen
//! cells, but only a few shapes.

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::ids::TenantId;
use futures::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

#[cfg(test)]
use super::Store;
use super::{
    StoreError, Tx,
    packed::{self, Block},
    statements, tenant_id,
};
use crate::learn::{
    credit::{Cell, Credit, Source},
    sums::Sums,
};

/// Changes to the buckets, gathered over a batch.
pub(crate) type Deltas = BTreeMap<TenantId, Credit>;

/// A shape's day.
type Key<'a> = (&'a str, &'a str, i64);

/// What a row is about to be: its number where there is one already, and its cells.
struct Written<'a> {
    key: Key<'a>,
    id: Option<i64>,
    cells: Vec<u8>,
}

/// Applies the changes; a shape's day that nothing is left of disappears.
pub(crate) async fn apply(tx: &mut Tx, deltas: &Deltas) -> Result<(), StoreError> {
    let mut changes: BTreeMap<Key<'_>, Vec<(&Cell, Sums)>> = BTreeMap::new();
    for (tenant, credit) in deltas {
        for (cell, sums) in credit.iter().filter(|(_, sums)| **sums != Sums::default()) {
            let key = (tenant.as_str(), cell.shape.as_str(), cell.day);
            changes.entry(key).or_default().push((cell, *sums));
        }
    }
    let keys: Vec<Key<'_>> = changes.keys().copied().collect();
    let mut held = rows(tx, &keys).await?;
    let (mut written, mut emptied) = (Vec::new(), Vec::new());
    for (place, (key, cells)) in changes.iter().enumerate() {
        let (id, mut block) = match held.remove(&place) {
            None => (None, Block::default()),
            Some((id, Ok(block))) => (Some(id), block),
            Some((_, Err(error))) => {
                // Nobody can add to it, and nothing that is stored may stop the intake.
                tracing::error!(%error, tenant = key.0, shape = key.1, day = key.2, "sums are not added to");
                continue;
            }
        };
        for (cell, sums) in cells {
            block.add(&cell.arm, cell.source, *sums);
        }
        match id {
            Some(id) if block.is_empty() => emptied.push(id),
            None if block.is_empty() => {}
            _ => written.push(Written {
                key: *key,
                id,
                cells: block.pack(key.1, key.2),
            }),
        }
    }
    write(tx, &written).await?;
    remove(tx, &emptied).await
}

/// The rows of those keys that have one, by the place of the key.
async fn rows(
    tx: &mut Tx,
    keys: &[Key<'_>],
) -> Result<HashMap<usize, (i64, Result<Block, StoreError>)>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    // Strings and integers always serialise.
    let keys = serde_json::to_string(keys).unwrap_or_default();
    let rows = sqlx::query(
        "SELECT k.key, s.id, s.cells FROM json_each(?) AS k CROSS JOIN day_sums AS s
            ON s.tenant = k.value->>0 AND s.shape = k.value->>1 AND s.day = k.value->>2",
    )
    .bind(keys)
    .fetch_all(&mut **tx)
    .await?;
    let row = |row: &SqliteRow| {
        let place: i64 = row.try_get(0)?;
        let block = Block::unpack(row.try_get(2)?);
        let place = usize::try_from(place).map_err(|e| StoreError::corrupt("place", e))?;
        Ok((place, (row.try_get(1)?, block)))
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

/// Removes sums of days before `day`, `limit` rows at most; what went, as changes.
pub(crate) async fn forget(tx: &mut Tx, day: i64, limit: i64) -> Result<(u64, Deltas), StoreError> {
    let rows = sqlx::query(
        "DELETE FROM day_sums WHERE id IN (SELECT id FROM day_sums WHERE day < ?1 LIMIT ?2)
         RETURNING tenant, cells",
    )
    .bind(day)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let mut gone = Deltas::new();
    for row in &rows {
        // What cannot be read was never counted.
        let read = (tenant_id(row.try_get(0)?), packed::unpack_credit(row.try_get(1)?));
        if let (Ok(tenant), Ok(cells)) = read {
            let gone = gone.entry(tenant).or_default();
            for (cell, sums) in cells {
                *gone.entry(cell).or_default() += -sums;
            }
        }
    }
    Ok((rows.len() as u64, gone))
}

/// A tenant's sums, day by day.
#[cfg(test)]
pub(crate) async fn daily(store: &Store, tenant: &TenantId) -> Result<Credit, StoreError> {
    let rows = sqlx::query("SELECT cells FROM day_sums WHERE tenant = ?")
        .bind(tenant.as_str())
        .fetch_all(store.read())
        .await?;
    let mut all = Credit::new();
    for row in &rows {
        all.extend(packed::unpack_credit(row.try_get(0)?)?);
    }
    Ok(all)
}

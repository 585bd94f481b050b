//! Sums per (tenant, shape, arm, source, day), and credit as text.

use std::collections::{BTreeMap, HashMap};

use floopy_shared::domain::ids::TenantId;
use futures::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

#[cfg(test)]
use super::Store;
use super::{StoreError, Tx, statements, tenant_id};
use crate::learn::{
    credit::{Cell, Credit, Source},
    sums::Sums,
};

/// Changes to the buckets, gathered over a batch.
pub(crate) type Deltas = BTreeMap<TenantId, Credit>;

/// Applies the changes; a bucket that nothing is left of disappears.
pub(crate) async fn apply(tx: &mut Tx, deltas: &Deltas) -> Result<(), StoreError> {
    let mut rows: Vec<(&TenantId, &Cell, Sums)> = Vec::new();
    for (tenant, credit) in deltas {
        let changed = credit.iter().filter(|(_, sums)| **sums != Sums::default());
        rows.extend(changed.map(|(cell, sums)| (tenant, cell, *sums)));
    }
    for rows in statements(&rows) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO buckets (tenant, shape, arm, source, day, n, sum, sumsq) ",
        );
        query.push_values(rows, |mut row, (tenant, cell, sums)| {
            row.push_bind(tenant.as_str())
                .push_bind(cell.shape.as_str())
                .push_bind(cell.arm.as_str())
                .push_bind(cell.source as i64)
                .push_bind(cell.day)
                .push_bind(sums.n)
                .push_bind(sums.sum)
                .push_bind(sums.sumsq);
        });
        query.push(
            " ON CONFLICT DO UPDATE SET n = n + excluded.n, sum = sum + excluded.sum,
                sumsq = sumsq + excluded.sumsq",
        );
        query.build().execute(&mut **tx).await?;
    }
    if !rows.is_empty() {
        // An index of the empty ones finds them without a look at the others.
        sqlx::query(
            "DELETE FROM buckets INDEXED BY buckets_empty WHERE n = 0 AND sum = 0 AND sumsq = 0",
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The sums of tenants over all days. Where a tenant's cannot be read, nothing else of it is returned.
pub(crate) async fn totals(
    tx: &mut Tx,
    tenants: &[TenantId],
) -> Result<HashMap<TenantId, Result<Vec<(Cell, Sums)>, StoreError>>, StoreError> {
    let mut totals: HashMap<TenantId, Result<Vec<(Cell, Sums)>, StoreError>> = tenants
        .iter()
        .map(|tenant| (tenant.clone(), Ok(Vec::new())))
        .collect();
    let ids: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    // Strings always serialise.
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let mut rows = sqlx::query(
        "SELECT b.shape, b.arm, b.source, iif(b.source = ?2, b.day, 0) AS of_day,
                SUM(b.n), SUM(b.sum), SUM(b.sumsq), b.tenant
            FROM json_each(?1) AS t CROSS JOIN buckets AS b ON b.tenant = t.value
            GROUP BY b.tenant, b.shape, b.arm, b.source, of_day",
    )
    .bind(ids)
    // Budgets are by the day; everything else counts the same whenever it was.
    .bind(Source::Shadow as i64)
    .fetch(&mut **tx);
    while let Some(row) = rows.try_next().await? {
        let Some(total) = totals.get_mut(&tenant_id(row.try_get(7)?)?) else {
            continue;
        };
        match (cell_and_sums(&row), &mut *total) {
            (Ok(cell), Ok(cells)) => cells.push(cell),
            (Err(error), Ok(_)) => *total = Err(error),
            (_, Err(_)) => {}
        }
    }
    Ok(totals)
}

/// Removes sums of days before `day`, `limit` rows at most; what went, as changes.
pub(crate) async fn forget(tx: &mut Tx, day: i64, limit: i64) -> Result<(u64, Deltas), StoreError> {
    let rows = sqlx::query(
        "DELETE FROM buckets WHERE (tenant, shape, arm, source, day) IN (SELECT tenant, shape, arm, source, day
            FROM buckets WHERE day < ?1 LIMIT ?2)
         RETURNING shape, arm, source, day, n, sum, sumsq, tenant",
    )
    .bind(day)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let mut gone = Deltas::new();
    for row in &rows {
        // What cannot be read was never counted.
        if let (Ok(tenant), Ok((cell, sums))) = (tenant_id(row.try_get(7)?), cell_and_sums(row)) {
            *gone.entry(tenant).or_default().entry(cell).or_default() += -sums;
        }
    }
    Ok((rows.len() as u64, gone))
}

/// A tenant's sums, day by day.
#[cfg(test)]
pub(crate) async fn daily(
    store: &Store,
    tenant: &TenantId,
) -> Result<Vec<(Cell, Sums)>, StoreError> {
    let rows =
        sqlx::query("SELECT shape, arm, source, day, n, sum, sumsq FROM buckets WHERE tenant = ?")
            .bind(tenant.as_str())
            .fetch_all(store.read())
            .await?;
    rows.iter().map(cell_and_sums).collect()
}

fn cell_and_sums(row: &SqliteRow) -> Result<(Cell, Sums), StoreError> {
    let cell = Cell {
        shape: row.try_get(0)?,
        arm: row.try_get(1)?,
        source: source(row.try_get(2)?)?,
        day: row.try_get(3)?,
    };
    Ok((
        cell,
        Sums {
            n: row.try_get(4)?,
            sum: row.try_get(5)?,
            sumsq: row.try_get(6)?,
        },
    ))
}

fn source(code: i64) -> Result<Source, StoreError> {
    Source::from_code(code).ok_or_else(|| StoreError::corrupt("source", code))
}

/// One entry of a stored credit.
type Entry = (String, String, i64, i64, [i64; 3]);

/// Credit as text, to be taken back exactly when it changes.
pub(crate) fn encode(credit: &Credit) -> String {
    let entry = |(cell, sums): (&Cell, &Sums)| -> Entry {
        let sums = [sums.n, sums.sum, sums.sumsq];
        (
            cell.shape.clone(),
            cell.arm.clone(),
            cell.source as i64,
            cell.day,
            sums,
        )
    };
    let entries: Vec<Entry> = credit.iter().map(entry).collect();
    // Strings and integers always serialise.
    serde_json::to_string(&entries).unwrap_or_default()
}

/// Reads credit back.
pub(crate) fn decode(text: &str) -> Result<Credit, StoreError> {
    let entries: Vec<Entry> =
        serde_json::from_str(text).map_err(|e| StoreError::corrupt("credit", e))?;
    let cell = |(shape, arm, code, day, [n, sum, sumsq]): Entry| {
        Ok((
            Cell {
                shape,
                arm,
                source: source(code)?,
                day,
            },
            Sums { n, sum, sumsq },
        ))
    };
    entries.into_iter().map(cell).collect()
}

//! The rows of shapes' days: read, added to and written many at a time.

use std::collections::HashMap;

use crate::store::sql::{self, QueryBuilder, Row};
use crate::store::{
    StoreError, Tx,
    deltas::{Deltas, Place},
    packed::{self, Names, Summed},
    statements,
};

/// A shape's day: tenant, shape and day.
type Key<'a> = (&'a str, &'a str, i64);

/// What a row is about to be: its number where there is one already, and its cells.
struct Written<'a> {
    key: Key<'a>,
    id: Option<i64>,
    cells: Vec<u8>,
}

/// Adds the changes to the rows; a shape's day that nothing is left of disappears.
pub(crate) async fn fold(tx: &mut Tx, deltas: &mut Deltas) -> Result<(), StoreError> {
    deltas.merge();
    let mut sums: Vec<(Place, Vec<Summed>)> = deltas
        .places()
        .into_iter()
        .map(|(place, cells)| (place, cells.to_vec()))
        .collect();
    let held = read(tx, deltas, &sums).await?;
    let added = add_held(&mut deltas.names, &mut sums, &held);
    let ranks = deltas.names.ranks();
    let (mut written, mut emptied) = (Vec::new(), Vec::new());
    for (place, (at, cells)) in sums.iter_mut().enumerate() {
        let (key, id) = (key(deltas, at), held.get(&place).map(|(id, _)| *id));
        if let Some(Err(error)) = added.get(place) {
            // Nobody can add to it, and nothing that is stored may stop the intake.
            tracing::error!(%error, tenant = key.0, shape = key.1, day = key.2, "sums are not added to");
            continue;
        }
        packed::settle(cells, &ranks);
        let cells = deltas.names.pack([((at.shape, at.day), cells.as_slice())]);
        match id {
            id if !cells.is_empty() => written.push(Written { key, id, cells }),
            Some(id) => emptied.push(id),
            None => {}
        }
    }
    write(tx, written).await?;
    remove(tx, &emptied).await
}

/// Puts the cells that there are beside what is added to them; which of them cannot be read.
fn add_held(
    names: &mut Names,
    sums: &mut [(Place, Vec<Summed>)],
    held: &HashMap<usize, (i64, Vec<u8>)>,
) -> Vec<Result<(), StoreError>> {
    let add = |(place, (_, cells)): (usize, &mut (Place, Vec<Summed>))| {
        let block = held.get(&place).map_or([].as_slice(), |(_, block)| block);
        names.unpack(block, |_, _, cell| cells.push(cell))
    };
    sums.iter_mut().enumerate().map(add).collect()
}

fn key<'a>(deltas: &'a Deltas, place: &Place) -> Key<'a> {
    let tenant = deltas.tenant(place.tenant);
    let tenant = tenant.map_or("", |tenant| tenant.as_str());
    (tenant, deltas.names.name(place.shape), place.day)
}

/// The rows of those shapes' days that have one, by their place among the changes.
async fn read(
    tx: &mut Tx,
    deltas: &Deltas,
    changes: &[(Place, Vec<Summed>)],
) -> Result<HashMap<usize, (i64, Vec<u8>)>, StoreError> {
    if changes.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = changes.iter().map(|(place, _)| key(deltas, place));
    // Strings and integers always serialise.
    let keys = serde_json::to_string(&keys.collect::<Vec<_>>()).unwrap_or_default();
    let rows = sql::query(
        "SELECT CAST(k.key AS INTEGER), s.id, s.cells FROM json_each(?) AS k CROSS JOIN day_sums AS s
            ON s.tenant = k.value->>0 AND s.shape = k.value->>1 AND s.day = CAST(k.value->>2 AS INTEGER)",
    )
    .bind(keys)
    .fetch_all(&mut **tx)
    .await?;
    let row = |row: &Row| {
        let place: i64 = row.try_get(0)?;
        let place = usize::try_from(place).map_err(|e| StoreError::corrupt("place", e))?;
        Ok((place, (row.try_get(1)?, row.try_get(2)?)))
    };
    rows.iter().map(row).collect()
}

async fn write(tx: &mut Tx, written: Vec<Written<'_>>) -> Result<(), StoreError> {
    let (known, new): (Vec<_>, Vec<_>) = written.into_iter().partition(|row| row.id.is_some());
    for rows in statements(&known) {
        let mut query = QueryBuilder::new("INSERT INTO day_sums (id, tenant, shape, day, cells) ");
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
    for rows in statements(&new) {
        let mut query = QueryBuilder::new("INSERT INTO day_sums (tenant, shape, day, cells) ");
        query.push_values(rows, |mut row, written| {
            let (tenant, shape, day) = written.key;
            row.push_bind(tenant)
                .push_bind(shape)
                .push_bind(day)
                .push_bind(written.cells.as_slice());
        });
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
    sql::query(
        "DELETE FROM day_sums WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
    )
    .bind(ids)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

//! What batches added to the sums, until it is brought into the rows.

use floopy_shared::domain::ids::TenantId;

use super::rows;
use crate::store::sql::{self, QueryBuilder};
use crate::store::{
    StoreError, Tx,
    deltas::{Deltas, Place},
    packed::Summed,
    statements, tenant_id,
};

/// Of the tenants of a batch one in so many is settled, the one with the most changes first: each tenant's rows
/// are then written once for about so many batches, and no batch waits for the rows of all tenants.
const SETTLED_ONE_IN: usize = 64;
/// Changes of a tenant that are worth settling.
const LEAST_CHANGES: i64 = 16;

/// What a batch adds to a tenant's sums.
struct Change<'a> {
    tenant: &'a TenantId,
    cells: Vec<u8>,
}

/// Applies the changes.
pub(crate) async fn apply(tx: &mut Tx, deltas: &mut Deltas) -> Result<(), StoreError> {
    deltas.merge();
    let changes = changes(deltas);
    put(tx, &changes).await?;
    let tenants: Vec<&TenantId> = changes.iter().map(|change| change.tenant).collect();
    let due = due(tx, &tenants).await?;
    settle(tx, &due).await
}

fn changes(deltas: &Deltas) -> Vec<Change<'_>> {
    let places = deltas.places();
    let tenants = places.chunk_by(|(a, _), (b, _)| a.tenant == b.tenant);
    let change = |places: &[(Place, &[Summed])]| {
        let (first, _) = places.first()?;
        let rows = places
            .iter()
            .map(|(place, cells)| ((place.shape, place.day), *cells));
        Some(Change {
            tenant: deltas.tenant(first.tenant)?,
            cells: deltas.names.pack(rows),
        })
    };
    tenants.filter_map(change).collect()
}

async fn put(tx: &mut Tx, changes: &[Change<'_>]) -> Result<(), StoreError> {
    for changes in statements(changes) {
        let mut query = QueryBuilder::new("INSERT INTO sum_changes (tenant, cells) ");
        query.push_values(changes, |mut row, change| {
            row.push_bind(change.tenant.as_str())
                .push_bind(change.cells.as_slice());
        });
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Those of the tenants that have the most changes to be settled.
async fn due(tx: &mut Tx, tenants: &[&TenantId]) -> Result<Vec<TenantId>, StoreError> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let most = tenants.len().div_ceil(SETTLED_ONE_IN);
    let rows = sql::query(
        "SELECT tenant, changes FROM (SELECT t.value AS tenant,
                (SELECT count(*) FROM sum_changes AS c WHERE c.tenant = t.value) AS changes
                FROM json_each(?1) AS t) AS counted
            WHERE changes >= ?2 ORDER BY changes DESC, tenant LIMIT ?3",
    )
    .bind(list(tenants.iter().copied()))
    .bind(LEAST_CHANGES)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| tenant_id(row.try_get(0)?)).collect()
}

/// Brings all changes of these tenants into the rows.
async fn settle(tx: &mut Tx, tenants: &[TenantId]) -> Result<(), StoreError> {
    if tenants.is_empty() {
        return Ok(());
    }
    let tenants = list(tenants);
    let changes = sql::query(
        "SELECT c.tenant, c.cells FROM json_each(?) AS t CROSS JOIN sum_changes AS c ON c.tenant = t.value",
    )
    .bind(&tenants)
    .fetch_all(&mut **tx)
    .await?;
    let mut deltas = Deltas::default();
    for row in &changes {
        let tenant = tenant_id(row.try_get(0)?)?;
        if let Err(error) = deltas.add(&tenant, row.try_get(1)?, |sums| sums) {
            // Nothing that is stored may stop the intake.
            tracing::error!(%error, %tenant, "changes of sums are left out");
        }
    }
    rows::fold(tx, &mut deltas).await?;
    sql::query("DELETE FROM sum_changes WHERE tenant IN (SELECT value FROM json_each(?))")
        .bind(&tenants)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Brings everybody's changes into the rows.
pub(crate) async fn settle_all(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = sql::query("SELECT DISTINCT tenant FROM sum_changes")
        .fetch_all(&mut **tx)
        .await?;
    let tenants: Result<Vec<TenantId>, StoreError> =
        rows.iter().map(|row| tenant_id(row.try_get(0)?)).collect();
    settle(tx, &tenants?).await
}

/// Tenants as one parameter, for `json_each(?)`.
fn list<'a>(tenants: impl IntoIterator<Item = &'a TenantId>) -> String {
    let ids: Vec<&str> = tenants.into_iter().map(TenantId::as_str).collect();
    // Strings always serialise.
    serde_json::to_string(&ids).unwrap_or_default()
}

//! Tenants that were told that the judge disagrees with their people.

use std::collections::BTreeSet;

use floopy_shared::domain::ids::TenantId;

use super::{Store, StoreError, Tx, sql, tenant_id, to_i64};

/// All of them.
pub(crate) async fn all(store: &Store) -> Result<BTreeSet<TenantId>, StoreError> {
    let query = sql::query_scalar::<String>("SELECT tenant FROM judge_disagreements");
    let found = query.fetch_all(store.read()).await?;
    found.iter().map(|tenant| tenant_id(tenant)).collect()
}

/// Notes that a tenant is told; whether it was not before.
pub(crate) async fn put(tx: &mut Tx, tenant: &TenantId, now_ms: u64) -> Result<bool, StoreError> {
    let query = sql::query(
        "INSERT INTO judge_disagreements (tenant, since_ms) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING tenant",
    );
    let query = query.bind(tenant.as_str()).bind(to_i64(now_ms));
    Ok(query.fetch_optional(&mut **tx).await?.is_some())
}

/// The judge agrees again: it may be told anew.
pub(crate) async fn remove(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    let query = sql::query("DELETE FROM judge_disagreements WHERE tenant = ?");
    query.bind(tenant.as_str()).execute(&mut **tx).await?;
    Ok(())
}

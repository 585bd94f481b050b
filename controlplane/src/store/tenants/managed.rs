//! Tenants as an operator manages them.

use floopy_shared::domain::ids::TenantId;

use crate::store::sql::{self, Conn, QueryBuilder, Row};
use crate::store::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};

/// What an operator sees of a tenant, and may change of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Managed {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    /// The configuration has it, and says all of it but its name, whether it is disabled, and its caps.
    pub(crate) is_configured: bool,
    pub(crate) is_disabled: bool,
    pub(crate) plan: Option<String>,
    pub(crate) default_model: Option<String>,
    pub(crate) zero_retention: bool,
    pub(crate) shadow_budget_micro_usd_per_day: Option<u64>,
    pub(crate) caps: Caps,
    pub(crate) created_ms: u64,
}

/// What a tenant's own limits may come to at most; what is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Caps {
    /// Of each API key.
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) micro_usd_per_month: Option<u64>,
}

const COLUMNS: &str = "id, name, configured, disabled, plan, default_model, zero_retention, shadow_budget_micro_usd, \
    most_requests_per_minute, most_micro_usd_per_month, created_ms";

/// Up to `limit` tenants whose ids come after `after`, in their order.
pub(crate) async fn page(
    store: &Store,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Managed>, StoreError> {
    let mut query = QueryBuilder::new("SELECT ");
    query
        .push(COLUMNS)
        .push(" FROM tenants WHERE deleted_ms IS NULL AND id > ")
        .push_bind(after.unwrap_or_default())
        .push(" ORDER BY id LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(store.read()).await?;
    rows.iter().map(managed).collect()
}

/// One tenant.
pub(crate) async fn get(conn: &mut Conn, id: &TenantId) -> Result<Option<Managed>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM tenants WHERE id = ? AND deleted_ms IS NULL");
    let query = sql::query(&text).bind(id.as_str());
    query
        .fetch_optional(conn)
        .await?
        .as_ref()
        .map(managed)
        .transpose()
}

/// Whether there is or was a tenant of this id.
pub(crate) async fn is_taken(tx: &mut Tx, id: &TenantId) -> Result<bool, StoreError> {
    let query = sql::query_scalar("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?)");
    Ok(query.bind(id.as_str()).fetch_one(&mut **tx).await?)
}

/// Whether an id is that of a tenant that was deleted.
pub(crate) async fn is_deleted(tx: &mut Tx, id: &TenantId) -> Result<bool, StoreError> {
    let query = sql::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ? AND deleted_ms IS NOT NULL)",
    );
    Ok(query.bind(id.as_str()).fetch_one(&mut **tx).await?)
}

/// Writes one over whatever was there; what only the configuration can say stays.
pub(crate) async fn put(tx: &mut Tx, tenant: &Managed) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO tenants (id, name, disabled, plan, default_model, zero_retention, shadow_budget_micro_usd,
            most_requests_per_minute, most_micro_usd_per_month, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, disabled = excluded.disabled, plan = excluded.plan,
            default_model = excluded.default_model, zero_retention = excluded.zero_retention,
            shadow_budget_micro_usd = excluded.shadow_budget_micro_usd,
            most_requests_per_minute = excluded.most_requests_per_minute,
            most_micro_usd_per_month = excluded.most_micro_usd_per_month",
    )
    .bind(tenant.id.as_str())
    .bind(&tenant.name)
    .bind(tenant.is_disabled)
    .bind(tenant.plan.as_deref())
    .bind(tenant.default_model.as_deref())
    .bind(tenant.zero_retention)
    .bind(tenant.shadow_budget_micro_usd_per_day.map(to_i64))
    .bind(tenant.caps.requests_per_minute)
    .bind(tenant.caps.micro_usd_per_month.map(to_i64))
    .bind(to_i64(tenant.created_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says that a tenant is no more. Its id stays taken.
pub(crate) async fn remove(tx: &mut Tx, id: &TenantId, now_ms: u64) -> Result<(), StoreError> {
    sql::query("UPDATE tenants SET deleted_ms = ? WHERE id = ?")
        .bind(to_i64(now_ms))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The caps of those that have any.
pub(crate) async fn caps(store: &Store) -> Result<Vec<(TenantId, Caps)>, StoreError> {
    let rows = sql::query(
        "SELECT id, most_requests_per_minute, most_micro_usd_per_month FROM tenants
         WHERE COALESCE(most_requests_per_minute, most_micro_usd_per_month) IS NOT NULL",
    )
    .fetch_all(store.read())
    .await?;
    let read = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, read_caps(row, 1)?));
    rows.iter().map(read).collect()
}

/// How many tenants there are, and how many of them are disabled.
pub(crate) async fn counts(store: &Store) -> Result<(u64, u64), StoreError> {
    let row = sql::query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(disabled), 0) AS INTEGER) FROM tenants WHERE deleted_ms IS NULL",
    )
    .fetch_one(store.read())
    .await?;
    Ok((to_u64(row.try_get(0)?), to_u64(row.try_get(1)?)))
}

/// How many tenants have each plan.
pub(crate) async fn by_plan(store: &Store) -> Result<Vec<(String, u64)>, StoreError> {
    let rows = sql::query(
        "SELECT plan, COUNT(*) FROM tenants WHERE deleted_ms IS NULL AND plan IS NOT NULL GROUP BY plan",
    )
    .fetch_all(store.read())
    .await?;
    let read = |row: &Row| Ok((row.try_get(0)?, to_u64(row.try_get(1)?)));
    rows.iter().map(read).collect()
}

fn read_caps(row: &Row, at: usize) -> Result<Caps, StoreError> {
    let cost: Option<i64> = row.try_get(at + 1)?;
    Ok(Caps {
        requests_per_minute: row.try_get(at)?,
        micro_usd_per_month: cost.map(to_u64),
    })
}

fn managed(row: &Row) -> Result<Managed, StoreError> {
    let budget: Option<i64> = row.try_get(7)?;
    Ok(Managed {
        id: tenant_id(row.try_get(0)?)?,
        name: row.try_get(1)?,
        is_configured: row.try_get(2)?,
        is_disabled: row.try_get(3)?,
        plan: row.try_get(4)?,
        default_model: row.try_get(5)?,
        zero_retention: row.try_get(6)?,
        shadow_budget_micro_usd_per_day: budget.map(to_u64),
        caps: read_caps(row, 8)?,
        created_ms: to_u64(row.try_get(10)?),
    })
}

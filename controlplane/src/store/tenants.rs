//! Tenants, as the configuration has them.

pub(crate) mod managed;

use std::{collections::BTreeMap, sync::Arc};

use floopy_shared::{
    domain::{
        cache::Caching,
        constraints::Constraints,
        firewall::Firewall,
        ids::{CandidateKey, TenantId},
        limits::Limits,
        rule::Routing,
        snapshot::Tenant,
    },
    process::config::{self, Semantic},
};

use super::{Store, StoreError, Tx, keys, record, settings::mcp::WrittenMcp, tenant_id, to_i64};
use crate::store::sql::{self, Conn, Row};

/// What a tenant is besides its keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) id: TenantId,
    pub(crate) zero_retention: bool,
    pub(crate) default_model: Option<CandidateKey>,
    pub(crate) constraints: Constraints,
    pub(crate) shadow_budget_micro_usd_per_day: Option<u64>,
    pub(crate) routing: Routing,
    /// The name of its plan.
    pub(crate) plan: Option<String>,
    /// Without what was flushed.
    pub(crate) caching: Caching,
    pub(crate) firewall: Firewall,
    pub(crate) mcp: WrittenMcp,
}

/// Writes a tenant of the configuration over whatever was there; its keys stay.
pub(crate) async fn put(tx: &mut Tx, profile: &Profile, now_ms: u64) -> Result<(), StoreError> {
    let semantic = serde_json::to_string(&Semantic::from(profile.caching.semantic)).ok();
    let firewall = serde_json::to_string(&config::Firewall::from(&profile.firewall)).ok();
    let mcp = serde_json::to_string(&profile.mcp).ok();
    sql::query(
        "INSERT INTO tenants (id, zero_retention, default_model, constraints, shadow_budget_micro_usd, routing,
            plan, cache_enabled, cache_ttl_s, cache_semantic, firewall, mcp, created_ms, configured)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
         ON CONFLICT (id) DO UPDATE SET zero_retention = excluded.zero_retention, default_model = excluded.default_model,
            constraints = excluded.constraints, shadow_budget_micro_usd = excluded.shadow_budget_micro_usd,
            routing = excluded.routing, plan = excluded.plan, cache_enabled = excluded.cache_enabled,
            cache_ttl_s = excluded.cache_ttl_s, cache_semantic = excluded.cache_semantic,
            firewall = excluded.firewall, mcp = excluded.mcp, configured = 1",
    )
    .bind(profile.id.as_str())
    .bind(profile.zero_retention)
    .bind(profile.default_model.as_ref().map(CandidateKey::as_str))
    .bind(record::encode_constraints(&profile.constraints))
    .bind(profile.shadow_budget_micro_usd_per_day.map(to_i64))
    .bind(record::encode_routing(&profile.routing))
    .bind(profile.plan.as_deref())
    .bind(profile.caching.enabled)
    .bind(profile.caching.ttl_s)
    .bind(semantic.as_deref())
    .bind(firewall.as_deref())
    .bind(mcp.as_deref())
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says that the configuration has none of them, before it is asked which it has.
pub(crate) async fn unconfigure(tx: &mut Tx) -> Result<(), StoreError> {
    sql::query("UPDATE tenants SET configured = 0 WHERE configured <> 0")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes a tenant only where there is none of this id.
pub(crate) async fn ensure(tx: &mut Tx, id: &TenantId, now_ms: u64) -> Result<(), StoreError> {
    sql::query("INSERT INTO tenants (id, zero_retention, created_ms) VALUES (?, 0, ?) ON CONFLICT DO NOTHING")
        .bind(id.as_str())
        .bind(to_i64(now_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The tenants that were sold something, with the names of their plans; those that are gone, too.
pub(crate) async fn with_plans(store: &Store) -> Result<Vec<(TenantId, String)>, StoreError> {
    let rows = sql::query("SELECT id, plan FROM tenants WHERE plan IS NOT NULL");
    let rows = rows.fetch_all(store.read()).await?;
    let sold = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, row.try_get(1)?));
    rows.iter().map(sold).collect()
}

/// Whether there is a tenant of this id.
pub(crate) async fn exists(conn: &mut Conn, id: &TenantId) -> Result<bool, StoreError> {
    Ok(sql::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ? AND deleted_ms IS NULL)",
    )
    .bind(id.as_str())
    .fetch_one(conn)
    .await?)
}

/// How many tenants there are or were.
pub(crate) async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(sql::query_scalar("SELECT COUNT(*) FROM tenants")
        .fetch_one(conn)
        .await?)
}

const COLUMNS: &str =
    "id, zero_retention, default_model, constraints, shadow_budget_micro_usd, routing, disabled,
    cache_enabled, cache_ttl_s, cache_semantic, firewall, mcp";

/// All tenants with their keys, in the order of their ids, as the configuration has them.
pub(crate) async fn all(store: &Store) -> Result<Vec<Tenant>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM tenants WHERE deleted_ms IS NULL ORDER BY id");
    let rows = sql::query(&query).fetch_all(store.read()).await?;
    let mut tenants = BTreeMap::new();
    for row in &rows {
        let tenant = tenant(row)?;
        tenants.insert(tenant.id.clone(), tenant);
    }
    for (id, key) in keys::of_all(store).await? {
        if let Some(tenant) = tenants.get_mut(&id) {
            tenant.keys.push(key);
        }
    }
    Ok(tenants.into_values().collect())
}

/// One tenant with its keys, as the configuration has it; an empty one where there is none.
pub(crate) async fn one(conn: &mut Conn, id: &TenantId) -> Result<Tenant, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM tenants WHERE id = ?");
    let query = sql::query(&query).bind(id.as_str());
    let found = query.fetch_optional(&mut *conn).await?;
    let mut tenant = match &found {
        Some(row) => tenant(row)?,
        None => Tenant::new(id.clone()),
    };
    let keys = keys::list(conn, id).await?;
    tenant.keys = keys.into_iter().map(|listed| listed.key).collect();
    Ok(tenant)
}

fn tenant(row: &Row) -> Result<Tenant, StoreError> {
    let default_model: Option<String> = row.try_get(2)?;
    let constraints: Option<&[u8]> = row.try_get(3)?;
    let budget: Option<i64> = row.try_get(4)?;
    let routing: Option<&[u8]> = row.try_get(5)?;
    let semantic: Option<String> = row.try_get(9)?;
    let semantic = semantic.and_then(|written| serde_json::from_str::<Semantic>(&written).ok());
    let firewall: Option<String> = row.try_get(10)?;
    let firewall =
        firewall.and_then(|written| serde_json::from_str::<config::Firewall>(&written).ok());
    let id = tenant_id(row.try_get(0)?)?;
    Ok(Tenant {
        mcp: written_mcp(row.try_get(11)?)?.to_domain(&id)?.map(Arc::new),
        id,
        keys: Vec::new(),
        default_project: None,
        zero_retention: row.try_get(1)?,
        disabled: row.try_get(6)?,
        default_model: default_model.and_then(|key| CandidateKey::parse(&key).ok()),
        gates: None,
        limits: Limits::default(),
        rates: Arc::default(),
        budgets: Arc::default(),
        implicit: Arc::default(),
        rubric: Arc::default(),
        is_pooled: true,
        plan: None,
        closed: None,
        no_ratings_until_ms: None,
        constraints: constraints
            .map(record::decode_constraints)
            .transpose()?
            .unwrap_or_default(),
        shadow_budget_micro_usd_per_day: budget.and_then(|micro_usd| u64::try_from(micro_usd).ok()),
        routing: routing
            .map(record::decode_routing)
            .transpose()?
            .unwrap_or_default(),
        caching: Caching {
            enabled: row.try_get(7)?,
            ttl_s: row.try_get(8)?,
            semantic: semantic.unwrap_or_default().to_domain(),
            ..Caching::default()
        },
        firewall: firewall.unwrap_or_default().to_domain(),
        // They are not kept here: the configuration has them.
        models: Arc::default(),
    })
}

fn written_mcp(text: Option<&str>) -> Result<WrittenMcp, StoreError> {
    let read = text.map(serde_json::from_str).transpose();
    let read = read.map_err(|e| StoreError::corrupt("tenant's tools", e))?;
    Ok(read.unwrap_or_default())
}

/// The tools that the configuration gave a tenant, with their secrets sealed.
pub(crate) async fn mcp(conn: &mut Conn, id: &TenantId) -> Result<WrittenMcp, StoreError> {
    let found: Option<Option<String>> = sql::query_scalar("SELECT mcp FROM tenants WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?;
    written_mcp(found.flatten().as_deref())
}

/// The names of the plans of those tenants that have one.
pub(crate) async fn plans(store: &Store) -> Result<Vec<(TenantId, String)>, StoreError> {
    let rows = sql::query("SELECT id, plan FROM tenants WHERE plan IS NOT NULL")
        .fetch_all(store.read())
        .await?;
    let read = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, row.try_get(1)?));
    rows.iter().map(read).collect()
}

/// The name of a tenant's plan.
pub(crate) async fn plan(conn: &mut Conn, id: &TenantId) -> Result<Option<String>, StoreError> {
    let found: Option<Option<String>> = sql::query_scalar("SELECT plan FROM tenants WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(found.flatten())
}

/// Whether nothing of this tenant's content may be kept.
pub(crate) async fn zero_retention(conn: &mut Conn, tenant: &TenantId) -> Result<bool, StoreError> {
    let kept: Option<bool> = sql::query_scalar("SELECT zero_retention FROM tenants WHERE id = ?")
        .bind(tenant.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(kept.unwrap_or(false))
}

//! Tenants and the hashes of their keys.

use std::{collections::BTreeMap, sync::Arc};

use floopy_shared::domain::{
    constraints::Constraints,
    ids::{CandidateKey, KeyHash, TenantId},
    rule::Routing,
    snapshot::{ApiKey, Tenant},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{Store, StoreError, Tx, meta, record, tenant_id, to_i64};

/// What a tenant is besides its keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) id: TenantId,
    pub(crate) zero_retention: bool,
    pub(crate) default_model: Option<CandidateKey>,
    pub(crate) constraints: Constraints,
    pub(crate) shadow_budget_micro_usd_per_day: Option<u64>,
    pub(crate) routing: Routing,
}

/// Writes a tenant over whatever was there; its keys stay.
pub(crate) async fn put(tx: &mut Tx, profile: &Profile, now_ms: u64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tenants (id, zero_retention, default_model, constraints, shadow_budget_micro_usd, routing,
            created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET zero_retention = excluded.zero_retention, default_model = excluded.default_model,
            constraints = excluded.constraints, shadow_budget_micro_usd = excluded.shadow_budget_micro_usd,
            routing = excluded.routing",
    )
    .bind(profile.id.as_str())
    .bind(profile.zero_retention)
    .bind(profile.default_model.as_ref().map(CandidateKey::as_str))
    .bind(record::encode_constraints(&profile.constraints))
    .bind(profile.shadow_budget_micro_usd_per_day.map(to_i64))
    .bind(record::encode_routing(&profile.routing))
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes a tenant only where there is none of this id.
pub(crate) async fn ensure(tx: &mut Tx, id: &TenantId, now_ms: u64) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO tenants (id, zero_retention, created_ms) VALUES (?, 0, ?) ON CONFLICT DO NOTHING")
        .bind(id.as_str())
        .bind(to_i64(now_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether there is a tenant of this id.
pub(crate) async fn exists(conn: &mut SqliteConnection, id: &TenantId) -> Result<bool, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?)")
            .bind(id.as_str())
            .fetch_one(conn)
            .await?,
    )
}

/// How many tenants there are.
pub(crate) async fn count(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM tenants")
        .fetch_one(conn)
        .await?)
}

/// Makes a key from the operating system's randomness and stores its hash: the only moment it is known.
pub(crate) async fn mint_key(
    tx: &mut Tx,
    tenant: &TenantId,
    now_ms: u64,
) -> Result<String, StoreError> {
    let mut secret = [0; 32];
    meta::random(&mut secret)?;
    let key = format!("fl_{}", hex::encode(secret));
    put_key(tx, tenant, &key, now_ms).await?;
    Ok(key)
}

/// Stores the hash of a key with all permissions; the tenant that holds it, which is another one where the
/// key was theirs already.
pub(crate) async fn put_key(
    tx: &mut Tx,
    tenant: &TenantId,
    key: &str,
    now_ms: u64,
) -> Result<String, StoreError> {
    let hash = KeyHash::of(key);
    sqlx::query(
        "INSERT INTO api_keys (id, tenant, sha256, can_read, can_write, created_ms) VALUES (?, ?, ?, 1, 1, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(format!("key_{}", hex::encode(&hash.0[..8])))
    .bind(tenant.as_str())
    .bind(hash.0.as_slice())
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    let holder =
        sqlx::query_scalar("SELECT tenant FROM api_keys WHERE sha256 = ?").bind(hash.0.as_slice());
    Ok(holder.fetch_one(&mut **tx).await?)
}

/// Makes `key` the only one that the tenant has from the configuration, or none where it has none there; keys
/// that were minted stay. The tenant that holds the key, which is another one where it was theirs already.
pub(crate) async fn put_configured_key(
    tx: &mut Tx,
    tenant: &TenantId,
    key: Option<&str>,
    now_ms: u64,
) -> Result<Option<String>, StoreError> {
    let holder = match key {
        Some(key) => Some(put_key(tx, tenant, key, now_ms).await?),
        None => None,
    };
    let hash = key
        .map(|key| KeyHash::of(key).0.to_vec())
        .unwrap_or_default();
    sqlx::query("UPDATE api_keys SET configured = 1 WHERE tenant = ? AND sha256 = ?")
        .bind(tenant.as_str())
        .bind(hash.as_slice())
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM api_keys WHERE tenant = ? AND configured = 1 AND sha256 <> ?")
        .bind(tenant.as_str())
        .bind(hash.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(holder)
}

/// All tenants with their keys.
pub(crate) async fn all(store: &Store) -> Result<Vec<Tenant>, StoreError> {
    let query =
        "SELECT id, zero_retention, default_model, constraints, shadow_budget_micro_usd, routing
        FROM tenants ORDER BY id";
    let rows = sqlx::query(query).fetch_all(store.read()).await?;
    let mut tenants = BTreeMap::new();
    for row in &rows {
        let tenant = tenant(row)?;
        tenants.insert(tenant.id.clone(), tenant);
    }
    let rows =
        sqlx::query("SELECT tenant, id, sha256, can_read, can_write FROM api_keys ORDER BY id")
            .fetch_all(store.read())
            .await?;
    for row in &rows {
        let (id, key) = api_key(row)?;
        if let Some(tenant) = tenants.get_mut(&id) {
            tenant.keys.push(key);
        }
    }
    Ok(tenants.into_values().collect())
}

fn tenant(row: &SqliteRow) -> Result<Tenant, StoreError> {
    let default_model: Option<String> = row.try_get(2)?;
    let constraints: Option<&[u8]> = row.try_get(3)?;
    let budget: Option<i64> = row.try_get(4)?;
    let routing: Option<&[u8]> = row.try_get(5)?;
    Ok(Tenant {
        id: tenant_id(row.try_get(0)?)?,
        keys: Vec::new(),
        zero_retention: row.try_get(1)?,
        default_model: default_model.and_then(|key| CandidateKey::parse(&key).ok()),
        constraints: constraints
            .map(record::decode_constraints)
            .transpose()?
            .unwrap_or_default(),
        shadow_budget_micro_usd_per_day: budget.and_then(|micro_usd| u64::try_from(micro_usd).ok()),
        routing: routing
            .map(record::decode_routing)
            .transpose()?
            .unwrap_or_default(),
        // They are not kept here: the configuration has them.
        models: Arc::default(),
    })
}

fn api_key(row: &SqliteRow) -> Result<(TenantId, ApiKey), StoreError> {
    let hash: &[u8] = row.try_get(2)?;
    let hash = hash
        .try_into()
        .map_err(|_| StoreError::corrupt("key", "its hash is not 32 bytes"))?;
    let key = ApiKey {
        id: row.try_get(1)?,
        hash: KeyHash(hash),
        read: row.try_get(3)?,
        write: row.try_get(4)?,
    };
    Ok((tenant_id(row.try_get(0)?)?, key))
}

/// Whose key this is, and whether it may read.
pub(crate) async fn of_key(
    store: &Store,
    hash: &KeyHash,
) -> Result<Option<(TenantId, bool)>, StoreError> {
    let row = sqlx::query("SELECT tenant, can_read FROM api_keys WHERE sha256 = ?")
        .bind(hash.0.as_slice())
        .fetch_optional(store.read())
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((tenant_id(row.try_get(0)?)?, row.try_get(1)?)))
}

/// Whose key this is, and whether it may write.
pub(crate) async fn writer_of_key(
    store: &Store,
    hash: &KeyHash,
) -> Result<Option<(TenantId, bool)>, StoreError> {
    let row = sqlx::query("SELECT tenant, can_write FROM api_keys WHERE sha256 = ?")
        .bind(hash.0.as_slice())
        .fetch_optional(store.read())
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((tenant_id(row.try_get(0)?)?, row.try_get(1)?)))
}

/// Whether nothing of this tenant's content may be kept.
pub(crate) async fn zero_retention(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
) -> Result<bool, StoreError> {
    let kept: Option<bool> = sqlx::query_scalar("SELECT zero_retention FROM tenants WHERE id = ?")
        .bind(tenant.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(kept.unwrap_or(false))
}

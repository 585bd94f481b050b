//! Small facts of the store itself: versions handed out, the key that signs cursors, the proxies seen, and
//! who serves each shape.

use std::collections::BTreeSet;

use floopy_shared::domain::{
    ids::{CandidateKey, KeyHash, TenantId},
    shape::ShapeKey,
};
use rand::TryRngCore;

use super::{Store, StoreError, Tx, to_i64, to_u64};
use crate::learn::rank::Incumbents;
use crate::store::sql::{self, On, Row};

/// Versions up to this one may have been used.
const VERSIONS: &str = "versions_reserved";
/// Signs continuation cursors.
const CURSOR_KEY: &str = "cursor_key";
/// Signs exports: the seed of an Ed25519 key (RFC 8032).
const EXPORT_KEY: &str = "export_key";
/// Secrets of webhooks are made with it.
const WEBHOOK_KEY: &str = "webhook_key";
/// Who may manage tenants.
const OPERATOR: &str = "operator_sha256";
/// Proxies remembered at most; the ones not seen for longest are forgotten.
const MAX_PROXIES: i64 = 256;

/// Versions up to the returned one, which is at least `at_least` plus `more`, are reserved for the caller:
/// after a crash counting goes on above them.
pub(crate) async fn reserve_versions(
    tx: &mut Tx,
    at_least: u64,
    more: u64,
) -> Result<u64, StoreError> {
    let reserved = at_least.saturating_add(more).min(i64::MAX as u64);
    let text = reserved.to_string();
    put(tx, VERSIONS, text.as_bytes()).await?;
    Ok(reserved)
}

/// The highest version that may have been used; `None` in a new store.
pub(crate) async fn reserved_versions(store: &Store) -> Result<Option<u64>, StoreError> {
    let Some(value) = get(store, VERSIONS).await? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&value);
    text.parse()
        .map(Some)
        .map_err(|e| StoreError::corrupt("version counter", e))
}

/// The key that signs cursors; made on first use.
pub(crate) async fn cursor_key(store: &Store) -> Result<Vec<u8>, StoreError> {
    key(store, CURSOR_KEY).await
}

/// The seed of the key that signs exports; made on first use.
pub(crate) async fn export_key(store: &Store) -> Result<Vec<u8>, StoreError> {
    key(store, EXPORT_KEY).await
}

/// The key that secrets of webhooks are made with; made on first use.
pub(crate) async fn webhook_key(store: &Store) -> Result<Vec<u8>, StoreError> {
    key(store, WEBHOOK_KEY).await
}

/// The hash of the operator's key that was made here; `None`: none was.
pub(crate) async fn operator_hash(store: &Store) -> Result<Option<KeyHash>, StoreError> {
    let Some(hash) = get(store, OPERATOR).await? else {
        return Ok(None);
    };
    let hash = hash.try_into();
    let hash = hash.map_err(|_| StoreError::corrupt("operator's key", "not 32 bytes"))?;
    Ok(Some(KeyHash(hash)))
}

/// Keeps the hash of the operator's key.
pub(crate) async fn put_operator_hash(tx: &mut Tx, hash: &KeyHash) -> Result<(), StoreError> {
    put(tx, OPERATOR, &hash.0).await
}

/// Forgets it: another key is configured.
pub(crate) async fn forget_operator_hash(tx: &mut Tx) -> Result<(), StoreError> {
    let query = sql::query("DELETE FROM meta WHERE name = ?").bind(OPERATOR);
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn key(store: &Store, name: &str) -> Result<Vec<u8>, StoreError> {
    if let Some(key) = get(store, name).await? {
        return Ok(key);
    }
    let mut key = vec![0; 32];
    random(&mut key)?;
    let mut tx = store.write().await?;
    put(&mut tx, name, &key).await?;
    tx.commit().await?;
    Ok(key)
}

/// Fills `bytes` from the operating system.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    rand::rngs::OsRng
        .try_fill_bytes(bytes)
        .map_err(|e| StoreError::corrupt("operating system randomness", e))
}

pub(super) async fn get(store: &Store, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sql::query_scalar("SELECT value FROM meta WHERE name = ?").bind(name);
    Ok(query.fetch_optional(store.read()).await?)
}

/// Keeps a fact.
pub(super) async fn put(tx: &mut Tx, name: &str, value: &[u8]) -> Result<(), StoreError> {
    sql::query("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
        .bind(name)
        .bind(value)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Remembers which providers a proxy can reach.
pub(crate) async fn put_proxy(
    tx: &mut Tx,
    node: &str,
    providers: &BTreeSet<String>,
    now_ms: u64,
) -> Result<(), StoreError> {
    let list = providers
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    sql::query(
        "INSERT INTO proxies (node, providers, seen_ms) VALUES (?, ?, ?)
         ON CONFLICT (node) DO UPDATE SET providers = excluded.providers, seen_ms = excluded.seen_ms",
    )
    .bind(node)
    .bind(list)
    .bind(to_i64(now_ms))
    .execute(&mut **tx)
    .await?;
    let forget = "DELETE FROM proxies WHERE node NOT IN
        (SELECT node FROM proxies ORDER BY seen_ms DESC, node LIMIT ?)";
    sql::query(forget)
        .bind(MAX_PROXIES)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Every proxy remembered: its name, the providers it can reach, when it last connected.
pub(crate) async fn proxies(store: &Store) -> Result<Vec<(String, Vec<String>, u64)>, StoreError> {
    let rows = sql::query("SELECT node, providers, seen_ms FROM proxies ORDER BY node")
        .fetch_all(store.read())
        .await?;
    let read = |row: &Row| {
        let (node, providers): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let providers = providers.lines().map(str::to_owned).collect();
        Ok((node, providers, to_u64(row.try_get(2)?)))
    };
    rows.iter().map(read).collect()
}

/// The providers that any known proxy can reach.
pub(crate) async fn providers<'c>(from: impl Into<On<'c>>) -> Result<BTreeSet<String>, StoreError> {
    let lists: Vec<String> = sql::query_scalar("SELECT providers FROM proxies")
        .fetch_all(from)
        .await?;
    let names = lists
        .iter()
        .flat_map(|list| list.lines())
        .map(str::to_owned);
    Ok(names.collect())
}

/// Who served each shape of a tenant when that was last written.
pub(crate) async fn incumbents(store: &Store, tenant: &TenantId) -> Result<Incumbents, StoreError> {
    let rows = sql::query("SELECT shape, candidate FROM incumbents WHERE tenant = ?")
        .bind(tenant.as_str())
        .fetch_all(store.read())
        .await?;
    let pair = |row: &Row| -> Result<Option<_>, sqlx::Error> {
        let (shape, candidate): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(ShapeKey::named(&shape).zip(CandidateKey::parse(&candidate).ok()))
    };
    let pairs: Vec<_> = rows.iter().map(pair).collect::<Result<_, _>>()?;
    Ok(pairs.into_iter().flatten().collect())
}

/// Replaces who serves each shape of a tenant.
pub(crate) async fn put_incumbents(
    tx: &mut Tx,
    tenant: &TenantId,
    incumbents: &Incumbents,
) -> Result<(), StoreError> {
    sql::query("DELETE FROM incumbents WHERE tenant = ?")
        .bind(tenant.as_str())
        .execute(&mut **tx)
        .await?;
    for (shape, candidate) in incumbents {
        sql::query("INSERT INTO incumbents (tenant, shape, candidate) VALUES (?, ?, ?)")
            .bind(tenant.as_str())
            .bind(shape.as_str())
            .bind(candidate.as_str())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

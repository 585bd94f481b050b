//! API keys: their hashes, what they may do, and what their calls are held to.

use floopy_shared::domain::{
    ids::{KeyHash, TenantId},
    snapshot::{ApiKey, Environment, KeyScope},
};
use uuid::Uuid;

use super::{Store, StoreError, Tx, meta, tenant_id, to_i64, to_u64};
use crate::role::Role;
use crate::store::sql::{self, Conn, Row};

/// Last characters of a key that are kept, so that people can tell theirs apart.
const HINT_CHARS: usize = 4;

/// A key as its owner sees it. Its rule is an id here, which a name is made of once the rules are known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) key: ApiKey,
    pub(crate) role: Role,
    pub(crate) name: String,
    /// The last characters; empty where it is older than hints.
    pub(crate) hint: String,
    pub(crate) created_ms: u64,
    /// Comes from the configuration and goes with it.
    pub(crate) is_configured: bool,
}

/// What a new key should be. Its rule is an id here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) scope: KeyScope,
    pub(crate) default_project: Option<Uuid>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            name: String::new(),
            role: Role::Owner,
            read: true,
            write: true,
            scope: KeyScope::default(),
            default_project: None,
        }
    }
}

/// Who asks: the tenant, and which of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) tenant: TenantId,
    /// The key's id, or that of somebody who is signed in.
    pub(crate) key: String,
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) role: Role,
    /// The operator switched its tenant off.
    pub(crate) is_disabled: bool,
    /// It is held to a project, an environment, a rate or a rule.
    pub(crate) is_scoped: bool,
}

impl Holder {
    /// As it stands in the audit log.
    pub(crate) fn actor(&self) -> String {
        let kind = if self.key.starts_with("user_") {
            "user"
        } else {
            "key"
        };
        format!("{kind}:{}", self.key)
    }
}

const COLUMNS: &str = "id, sha256, can_read, can_write, project, environment, requests_per_minute, rule, name, \
    hint, created_ms, configured, tenant, role, default_project";

/// Makes a key from the operating system's randomness and stores its hash: the only moment it is known.
pub(crate) async fn mint(
    tx: &mut Tx,
    tenant: &TenantId,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<String, StoreError> {
    let mut secret = [0; 32];
    meta::random(&mut secret)?;
    let key = format!("fl_{}", hex::encode(secret));
    put(tx, (tenant, wanted), &key, now_ms).await?;
    Ok(key)
}

/// The id of a key.
pub(crate) fn id_of(key: &str) -> String {
    format!("key_{}", hex::encode(&KeyHash::of(key).0[..8]))
}

/// Stores the hash of a key; the tenant that holds it, which is another one where the key was theirs already.
async fn put(
    tx: &mut Tx,
    (tenant, wanted): (&TenantId, &Wanted),
    key: &str,
    now_ms: u64,
) -> Result<String, StoreError> {
    let hash = KeyHash::of(key);
    let scope = &wanted.scope;
    let hint = key.char_indices().rev().nth(HINT_CHARS - 1);
    sql::query(
        "INSERT INTO api_keys (id, tenant, sha256, can_read, can_write, created_ms, name, hint, project,
            environment, requests_per_minute, rule, role, default_project)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(id_of(key))
    .bind(tenant.as_str())
    .bind(hash.0.as_slice())
    .bind(wanted.read)
    .bind(wanted.write)
    .bind(to_i64(now_ms))
    .bind(&wanted.name)
    .bind(hint.map_or("", |(at, _)| &key[at..]))
    .bind(scope.project.map(|id| id.to_string()))
    .bind(scope.environment.map(Environment::as_str))
    .bind(scope.requests_per_minute)
    .bind(scope.rule.as_deref())
    .bind(wanted.role.as_str())
    .bind(wanted.default_project.map(|id| id.to_string()))
    .execute(&mut **tx)
    .await?;
    let holder =
        sql::query_scalar("SELECT tenant FROM api_keys WHERE sha256 = ?").bind(hash.0.as_slice());
    Ok(holder.fetch_one(&mut **tx).await?)
}

/// Makes `key` the only one that the tenant has from the configuration, or none where it has none there; keys
/// that were minted stay. The tenant that holds the key, which is another one where it was theirs already.
pub(crate) async fn put_configured(
    tx: &mut Tx,
    tenant: &TenantId,
    key: Option<&str>,
    now_ms: u64,
) -> Result<Option<String>, StoreError> {
    let holder = match key {
        Some(key) => Some(put(tx, (tenant, &Wanted::default()), key, now_ms).await?),
        None => None,
    };
    let hash = key
        .map(|key| KeyHash::of(key).0.to_vec())
        .unwrap_or_default();
    sql::query("UPDATE api_keys SET configured = 1 WHERE tenant = ? AND sha256 = ?")
        .bind(tenant.as_str())
        .bind(hash.as_slice())
        .execute(&mut **tx)
        .await?;
    sql::query("DELETE FROM api_keys WHERE tenant = ? AND configured = 1 AND sha256 <> ?")
        .bind(tenant.as_str())
        .bind(hash.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(holder)
}

/// The keys that the configuration brought to tenants that it does not have now.
pub(crate) async fn configured_of_others(
    tx: &mut Tx,
) -> Result<Vec<(TenantId, String)>, StoreError> {
    let rows = sql::query(
        "SELECT k.tenant, k.id FROM api_keys AS k JOIN tenants AS t ON t.id = k.tenant
            WHERE k.configured = 1 AND t.configured = 0",
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    let found = |row: &Row| Ok((tenant_id(row.try_get(0)?)?, row.try_get(1)?));
    rows.iter().map(found).collect()
}

/// The keys of all tenants.
pub(crate) async fn of_all(store: &Store) -> Result<Vec<(TenantId, ApiKey)>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM api_keys ORDER BY id");
    let rows = sql::query(&text).fetch_all(store.read()).await?;
    let owned = |row: &Row| Ok((tenant_id(row.try_get(12)?)?, listed(row)?.key));
    rows.iter().map(owned).collect()
}

/// A tenant's keys, the oldest first.
pub(crate) async fn list(conn: &mut Conn, tenant: &TenantId) -> Result<Vec<Listed>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM api_keys WHERE tenant = ? ORDER BY created_ms, id");
    let rows = sql::query(&text).bind(tenant.as_str()).fetch_all(conn);
    rows.await?.iter().map(listed).collect()
}

/// Takes a key away.
pub(crate) async fn delete(tx: &mut Tx, tenant: &TenantId, id: &str) -> Result<(), StoreError> {
    sql::query("DELETE FROM api_keys WHERE tenant = ? AND id = ?")
        .bind(tenant.as_str())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes all keys of a tenant away.
pub(crate) async fn delete_all(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    sql::query("DELETE FROM api_keys WHERE tenant = ?")
        .bind(tenant.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whose key this is.
pub(crate) async fn holder(conn: &mut Conn, hash: &KeyHash) -> Result<Option<Holder>, StoreError> {
    let row = sql::query(
        "SELECT k.tenant, k.id, can_read, can_write,
            (project IS NOT NULL OR environment IS NOT NULL OR requests_per_minute IS NOT NULL OR rule IS NOT NULL), role, t.disabled
         FROM api_keys k JOIN tenants t ON t.id = k.tenant WHERE sha256 = ?",
    )
    .bind(hash.0.as_slice())
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Holder {
        tenant: tenant_id(row.try_get(0)?)?,
        key: row.try_get(1)?,
        read: row.try_get(2)?,
        write: row.try_get(3)?,
        is_scoped: row.try_get(4)?,
        role: role(row.try_get(5)?)?,
        is_disabled: row.try_get(6)?,
    }))
}

fn role(name: &str) -> Result<Role, StoreError> {
    Role::parse(name).ok_or_else(|| StoreError::corrupt("role", name))
}

fn project(id: Option<&str>) -> Result<Option<Uuid>, StoreError> {
    id.map(|id| Uuid::try_parse(id).map_err(|e| StoreError::corrupt("project", e)))
        .transpose()
}

fn listed(row: &Row) -> Result<Listed, StoreError> {
    let hash: &[u8] = row.try_get(1)?;
    let hash = hash
        .try_into()
        .map_err(|_| StoreError::corrupt("key", "its hash is not 32 bytes"))?;
    let environment: Option<&str> = row.try_get(5)?;
    let key = ApiKey {
        id: row.try_get(0)?,
        hash: KeyHash(hash),
        read: row.try_get(2)?,
        write: row.try_get(3)?,
        scope: KeyScope {
            project: project(row.try_get(4)?)?,
            environment: environment.and_then(Environment::parse),
            requests_per_minute: row.try_get(6)?,
            rule: row.try_get(7)?,
            // Keys of evaluations are never stored.
            evaluation: false,
        },
        default_project: project(row.try_get(14)?)?,
    };
    Ok(Listed {
        key,
        role: role(row.try_get(13)?)?,
        name: row.try_get(8)?,
        hint: row.try_get(9)?,
        created_ms: to_u64(row.try_get(10)?),
        is_configured: row.try_get(11)?,
    })
}

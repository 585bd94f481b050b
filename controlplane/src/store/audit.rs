//! Who changed what, and when: rows that are only ever added, with hashes of what was and what is.

use floopy_shared::domain::ids::TenantId;
use sha2::{Digest, Sha256};

use super::{Store, StoreError, Tx, to_i64, to_u64};
use crate::store::sql::{self, QueryBuilder, Row};

/// A change as it is told to be written down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    /// `None`: all of them.
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) at_ms: u64,
    /// Such as `key:key_0123`.
    pub(crate) actor: &'a str,
    /// What the actor was when it did it.
    pub(crate) role: &'a str,
    pub(crate) action: Action,
    /// Such as `constraints/limits`.
    pub(crate) resource: &'a str,
    pub(crate) before: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
    pub(crate) request_id: &'a str,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A change as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    /// Whom it concerns; empty: everybody.
    pub(crate) tenant: String,
    pub(crate) at_ms: u64,
    pub(crate) actor: String,
    /// `None`: older than roles.
    pub(crate) role: Option<String>,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) before_sha256: Option<String>,
    pub(crate) after_sha256: Option<String>,
    pub(crate) request_id: String,
}

/// Which changes are asked for; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    pub(crate) tenant: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) action: Option<String>,
    /// What the resource begins with.
    pub(crate) resource: Option<String>,
    pub(crate) from_ms: Option<u64>,
    pub(crate) to_ms: Option<u64>,
}

/// Writes a change down, in the transaction that makes it.
pub(crate) async fn add(tx: &mut Tx, change: &Change<'_>) -> Result<(), StoreError> {
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    sql::query(
        "INSERT INTO audit (tenant, at_ms, actor, action, resource, before_sha256, after_sha256, request_id,
            role) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(change.tenant.map_or("", TenantId::as_str))
    .bind(to_i64(change.at_ms))
    .bind(change.actor)
    .bind(change.action.as_str())
    .bind(change.resource)
    .bind(change.before.map(hash))
    .bind(change.after.map(hash))
    .bind(change.request_id)
    .bind(change.role)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Up to `limit` changes before `before`, the newest first.
pub(crate) async fn page(
    store: &Store,
    filter: &Filter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT seq, tenant, at_ms, actor, role, action, resource, before_sha256, after_sha256, request_id
         FROM audit WHERE seq < ",
    );
    query.push_bind(before.map_or(i64::MAX, to_i64));
    let exact = [
        (" AND tenant = ", &filter.tenant),
        (" AND actor = ", &filter.actor),
        (" AND action = ", &filter.action),
    ];
    for (column, wanted) in exact {
        if let Some(wanted) = wanted {
            query.push(column).push_bind(wanted.as_str());
        }
    }
    if let Some(begins) = &filter.resource {
        query
            .push(" AND substr(resource, 1, length(")
            .push_bind(begins.as_str());
        query.push(")) = ").push_bind(begins.as_str());
    }
    if let Some(from_ms) = filter.from_ms {
        query.push(" AND at_ms >= ").push_bind(to_i64(from_ms));
    }
    if let Some(to_ms) = filter.to_ms {
        query.push(" AND at_ms <= ").push_bind(to_i64(to_ms));
    }
    query
        .push(" ORDER BY seq DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(store.read()).await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    Ok(Entry {
        seq: to_u64(row.try_get(0)?),
        tenant: row.try_get(1)?,
        at_ms: to_u64(row.try_get(2)?),
        actor: row.try_get(3)?,
        role: row.try_get(4)?,
        action: row.try_get(5)?,
        resource: row.try_get(6)?,
        before_sha256: row.try_get(7)?,
        after_sha256: row.try_get(8)?,
        request_id: row.try_get(9)?,
    })
}

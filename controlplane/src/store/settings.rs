//! What tenants set for themselves: documents by kind and id, small and few.

pub(crate) mod mcp;

use floopy_shared::domain::ids::TenantId;

use super::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Of the cache: what is set, and what was flushed.
    Cache,
    /// One per tenant and group, named by the group.
    Constraints,
    Experiment,
    /// What was known of users when an experiment began, by its id.
    ExperimentUsers,
    /// What is done about attacks: one per tenant.
    Firewall,
    /// How far calling tools goes: one per tenant.
    McpAgent,
    /// A server of tools, by its own id.
    McpServer,
    /// Who serves a kind of task whatever is learned.
    Pin,
    /// Whether a tenant is in the pool: one per tenant.
    Pool,
    Project,
    /// How who serves changes: one per tenant.
    Promotion,
    /// A promotion that is to be taken back, until it is.
    Rollback,
    Rule,
    Webhook,
    /// A stored prompt, without its versions.
    Prompt,
    /// One version of a prompt: what it says, and who said it.
    PromptVersion,
}

impl Kind {
    /// As it is stored.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Constraints => "constraints",
            Self::Experiment => "experiment",
            Self::ExperimentUsers => "experiment_users",
            Self::Firewall => "firewall",
            Self::McpAgent => "mcp_agent",
            Self::McpServer => "mcp_server",
            Self::Pin => "pin",
            Self::Pool => "pool",
            Self::Project => "project",
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
            Self::Rule => "rule",
            Self::Webhook => "webhook",
            Self::Prompt => "prompt",
            Self::PromptVersion => "prompt_version",
        }
    }
}

/// A document of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) created_ms: u64,
    pub(crate) changed_ms: u64,
}

pub(super) const COLUMNS: &str = "id, body, created_ms, changed_ms";

/// The document, if there is one.
pub(crate) async fn get(
    conn: &mut Conn,
    (tenant, kind): (&TenantId, Kind),
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM settings WHERE tenant = ? AND kind = ? AND id = ?");
    let query = sql::query(&text).bind(tenant.as_str()).bind(kind.as_str());
    let row = query.bind(id).fetch_optional(conn).await?;
    row.as_ref().map(document).transpose()
}

/// All documents of a kind, the oldest first.
pub(crate) async fn list(
    conn: &mut Conn,
    tenant: &TenantId,
    kind: Kind,
) -> Result<Vec<Document>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM settings WHERE tenant = ? AND kind = ? ORDER BY created_ms, id"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(kind.as_str());
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(document).collect()
}

/// The documents of a kind of all tenants, the oldest first.
pub(crate) async fn of_all(
    store: &Store,
    kind: Kind,
) -> Result<Vec<(TenantId, Document)>, StoreError> {
    let text = text_of_all();
    let query = sql::query(&text).bind(kind.as_str());
    let rows = query.fetch_all(store.read()).await?;
    rows.iter().map(owned).collect()
}

/// The same within a change.
pub(crate) async fn of_everybody(
    conn: &mut Conn,
    kind: Kind,
) -> Result<Vec<(TenantId, Document)>, StoreError> {
    let text = text_of_all();
    let query = sql::query(&text).bind(kind.as_str());
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(owned).collect()
}

fn text_of_all() -> String {
    format!("SELECT {COLUMNS}, tenant FROM settings WHERE kind = ? ORDER BY tenant, created_ms, id")
}

fn owned(row: &Row) -> Result<(TenantId, Document), StoreError> {
    Ok((tenant_id(row.try_get(4)?)?, document(row)?))
}

/// Writes a document over whatever was there.
pub(crate) async fn put(
    tx: &mut Tx,
    (tenant, kind): (&TenantId, Kind),
    document: &Document,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO settings (tenant, kind, id, body, created_ms, changed_ms) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, kind, id) DO UPDATE SET body = excluded.body, changed_ms = excluded.changed_ms",
    )
    .bind(tenant.as_str())
    .bind(kind.as_str())
    .bind(&document.id)
    .bind(&document.body)
    .bind(to_i64(document.created_ms))
    .bind(to_i64(document.changed_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a document away.
pub(crate) async fn delete(
    tx: &mut Tx,
    (tenant, kind): (&TenantId, Kind),
    id: &str,
) -> Result<(), StoreError> {
    sql::query("DELETE FROM settings WHERE tenant = ? AND kind = ? AND id = ?")
        .bind(tenant.as_str())
        .bind(kind.as_str())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) fn document(row: &Row) -> Result<Document, StoreError> {
    Ok(Document {
        id: row.try_get(0)?,
        body: row.try_get(1)?,
        created_ms: to_u64(row.try_get(2)?),
        changed_ms: to_u64(row.try_get(3)?),
    })
}

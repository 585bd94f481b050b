//! Stored prompts among the settings: pages of them, and how much there is.

use floopy_shared::domain::{ids::TenantId, prompt::OVERHEAD_BYTES};

use super::{
    StoreError, Tx,
    settings::{COLUMNS, Document, document},
    to_i64, to_u64,
};
use crate::store::sql::{self, Conn};

/// How many prompts a tenant has.
pub(crate) async fn count(conn: &mut Conn, tenant: &TenantId) -> Result<u64, StoreError> {
    let query = "SELECT COUNT(*) FROM settings WHERE tenant = ? AND kind = 'prompt'";
    let count: i64 = sql::query_scalar(query)
        .bind(tenant.as_str())
        .fetch_one(conn)
        .await?;
    Ok(to_u64(count))
}

/// How much room all versions of all prompts of a tenant take.
pub(crate) async fn room(conn: &mut Conn, tenant: &TenantId) -> Result<u64, StoreError> {
    let query = "SELECT CAST(COALESCE(SUM(CAST(json_extract(body, '$.bytes') AS INTEGER) + ?2 * (1
            + json_array_length(body, '$.content.messages')
            + (SELECT COUNT(*) FROM json_each(body, '$.content.variables')))), 0) AS INTEGER)
        FROM settings WHERE tenant = ?1 AND kind = 'prompt_version'";
    let bytes: i64 = sql::query_scalar(query)
        .bind(tenant.as_str())
        .bind(to_i64(OVERHEAD_BYTES as u64))
        .fetch_one(conn)
        .await?;
    Ok(to_u64(bytes))
}

/// The id of the prompt of this name, if there is one.
pub(crate) async fn named(
    conn: &mut Conn,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let query = "SELECT id FROM settings
        WHERE tenant = ? AND kind = 'prompt' AND json_extract(body, '$.name') = ?";
    let query = sql::query_scalar(query).bind(tenant.as_str()).bind(name);
    Ok(query.fetch_optional(conn).await?)
}

/// Up to `limit` prompts made before `before`, the newest first.
pub(crate) async fn page(
    conn: &mut Conn,
    tenant: &TenantId,
    before: Option<(u64, String)>,
    limit: u32,
) -> Result<Vec<Document>, StoreError> {
    let (created_ms, id) = before.map_or((i64::MAX, String::new()), |(ms, id)| (to_i64(ms), id));
    let text = format!(
        "SELECT {COLUMNS} FROM settings
         WHERE tenant = ? AND kind = 'prompt' AND (created_ms, id) < (?, ?)
         ORDER BY created_ms DESC, id DESC LIMIT ?"
    );
    let query = sql::query(&text).bind(tenant.as_str()).bind(created_ms);
    let rows = query.bind(id).bind(i64::from(limit)).fetch_all(conn);
    rows.await?.iter().map(document).collect()
}

/// Up to `limit` versions of a prompt below this document's id, the newest first.
pub(crate) async fn versions(
    conn: &mut Conn,
    (tenant, prompt): (&TenantId, &str),
    below: &str,
    limit: u32,
) -> Result<Vec<Document>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM settings
         WHERE tenant = ? AND kind = 'prompt_version' AND id > ? AND id < ? ORDER BY id DESC LIMIT ?"
    );
    let query = sql::query(&text).bind(tenant.as_str());
    let query = query.bind(format!("{prompt}/")).bind(below);
    let rows = query.bind(i64::from(limit)).fetch_all(conn).await?;
    rows.iter().map(document).collect()
}

/// Takes all versions of a prompt away.
pub(crate) async fn delete_versions(
    tx: &mut Tx,
    tenant: &TenantId,
    prompt: &str,
) -> Result<(), StoreError> {
    let query = "DELETE FROM settings
        WHERE tenant = ? AND kind = 'prompt_version' AND id > ? AND id < ?";
    sql::query(query)
        .bind(tenant.as_str())
        .bind(format!("{prompt}/"))
        // What comes after the slash.
        .bind(format!("{prompt}0"))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

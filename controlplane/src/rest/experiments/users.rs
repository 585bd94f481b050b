//! What was known of a tenant's users when an experiment began: kept with it, so that every look takes the same from
//! sessions.

use floopy_shared::domain::ids::TenantId;
use serde_json::json;

use crate::{
    learn::experiment::Earlier,
    store::{
        StoreError, Tx, experiments,
        settings::{self, Document, Kind},
        sql::Conn,
    },
};

/// What is known by now.
pub(super) async fn earlier(
    conn: &mut Conn,
    tenant: &TenantId,
    now_ms: u64,
) -> Result<Option<Earlier>, StoreError> {
    let past = experiments::history(conn, tenant, now_ms).await?;
    // Of tens of thousands of calls it takes longer than other requests should wait.
    let earlier = tokio::task::spawn_blocking(move || Earlier::of(&past)).await;
    earlier.map_err(|e| StoreError::corrupt("history", e))
}

/// Keeps it with an experiment.
pub(super) async fn keep(
    tx: &mut Tx,
    (tenant, experiment): (&TenantId, &Document),
    earlier: &Earlier,
) -> Result<(), StoreError> {
    let document = Document {
        body: json!(earlier).to_string(),
        ..experiment.clone()
    };
    settings::put(tx, (tenant, Kind::ExperimentUsers), &document).await
}

/// What was kept.
pub(super) async fn kept(
    conn: &mut Conn,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<Earlier>, StoreError> {
    let found = settings::get(conn, (tenant, Kind::ExperimentUsers), id).await?;
    let read = |document: Document| serde_json::from_str(&document.body);
    let read = found.map(read).transpose();
    read.map_err(|e| StoreError::corrupt("experiment's users", e))
}

//! Tools that a tenant's models may call: what it set itself, on top of what the configuration has.

use std::sync::Arc;

use floopy_shared::{
    domain::{mcp::Mcp, snapshot::Tenant},
    process::config::McpAgent,
};

use super::read;
use crate::store::{
    StoreError,
    settings::{Document, mcp::WrittenServer},
};

/// Puts a server in the place of the configuration's of the same id.
pub(super) fn serve(tenant: &mut Tenant, document: &Document) -> Result<(), StoreError> {
    let written: WrittenServer = read(document)?;
    let server = written.to_domain(&tenant.id, &document.id)?;
    set(tenant).put(server);
    Ok(())
}

/// Says how far calling tools goes.
pub(super) fn limit(tenant: &mut Tenant, document: &Document) -> Result<(), StoreError> {
    set(tenant).agent = read::<McpAgent>(document)?.to_domain();
    Ok(())
}

fn set(tenant: &mut Tenant) -> &mut Mcp {
    Arc::make_mut(tenant.mcp.get_or_insert_default())
}

//! Secrets of servers of tools, sealed with the newest key.

use floopy_shared::domain::{credential::open, ids::TenantId};
use serde_json::{Value, json};

use super::super::changing::Changing;
use crate::{
    rest::{error::ApiError, providers::no_key},
    store::{
        audit::Action,
        settings::{
            self, Document, Kind,
            mcp::{self, Held, WrittenAuth, WrittenServer},
        },
    },
};

/// What came of it.
pub(super) struct Rotated {
    pub(super) total: usize,
    /// Whose was sealed anew, once for each.
    pub(super) tenants: Vec<TenantId>,
    /// What cannot be opened, and why.
    pub(super) failed: Vec<Value>,
}

/// Seals those anew that are sealed with another key.
pub(super) async fn rotate(changing: &mut Changing<'_>) -> Result<Rotated, ApiError> {
    let newest = changing.api.keys.newest().ok_or_else(no_key)?.id();
    let all = mcp::held(&mut changing.tx).await?;
    let mut rotated = Rotated {
        total: all.len(),
        tenants: Vec::new(),
        failed: Vec::new(),
    };
    for held in all {
        if held.sealed.key() == Some(newest) {
            continue;
        }
        let tenant = held.tenant.clone();
        match reseal(changing, held).await? {
            None => rotated.tenants.push(tenant),
            Some(failed) => rotated.failed.push(failed),
        }
    }
    Ok(rotated)
}

/// Why it cannot be, if it cannot.
async fn reseal(changing: &mut Changing<'_>, held: Held) -> Result<Option<Value>, ApiError> {
    let keys = &changing.api.keys;
    let newest = keys.newest().ok_or_else(no_key)?;
    let credential = match open(keys, &held.sealed) {
        Ok(credential) => credential,
        Err(error) => {
            return Ok(Some(json!({
                "tenant": held.tenant.as_str(), "provider": held.sealed.id.provider(), "reason": error.to_string(),
            })));
        }
    };
    let place = (&held.tenant, &held.id, held.auth.revision + 1);
    let auth = WrittenAuth::seal(newest, place, &credential, held.auth.header)?;
    let server = WrittenServer {
        auth: Some(auth),
        ..held.server
    };
    let after = Document {
        body: json!(server).to_string(),
        changed_ms: changing.now_ms,
        ..held.document.clone()
    };
    settings::put(&mut changing.tx, (&held.tenant, Kind::McpServer), &after).await?;
    let resource = format!("mcp_server/{}", held.id);
    let states = (held.document.body.as_str(), after.body.as_str());
    let what = (Action::Update, resource.as_str());
    changing
        .audit(&held.tenant, what, Some(states.0), Some(states.1))
        .await?;
    Ok(None)
}

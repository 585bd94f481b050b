//! `/v1/operator/providers`: what providers are shown for everybody, and for each tenant; and the keys that seal it.

mod tools;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::{
    credential::{Allowed, CredentialId, KeyId, open},
    ids::TenantId,
};
use serde_json::{Value, json};

use super::{changing::Changing, tenants::find};
use crate::{
    rest::{
        Api,
        body::JsonObject,
        error::ApiError,
        providers::{self, change, gone, named, no_key, resource, sealed, trace, unknown},
        settings::whole_list,
    },
    store::{
        StoreError,
        audit::Action,
        credentials::{self, Kept},
        settings::mcp,
    },
};

/// Everybody's.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    listed(&api, None).await
}

/// A tenant's.
pub(crate) async fn list_of(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let tenant = find(&api, &id).await?.id;
    listed(&api, Some(&tenant)).await
}

async fn listed(api: &Api, tenant: Option<&TenantId>) -> Result<Json<Value>, ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let found = credentials::list(&mut conn, tenant).await?;
    Ok(Json(whole_list(found.iter().map(describe).collect())))
}

/// Sets one for everybody.
pub(crate) async fn put(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let changing = Changing::begin(&api, &headers).await?;
    set(changing, named(None, &name)?, fields).await
}

/// Sets one for a tenant.
pub(crate) async fn put_of(
    State(api): State<Api>,
    Path((tenant, name)): Path<(String, String)>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let mut changing = Changing::begin(&api, &headers).await?;
    let tenant = changing.tenant(&tenant).await?.id;
    set(changing, named(Some(tenant), &name)?, fields).await
}

async fn set(
    mut changing: Changing<'_>,
    id: CredentialId,
    fields: serde_json::Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    let (api, now_ms) = (changing.api, changing.now_ms);
    let wanted = (&id, fields, Allowed::Addresses);
    let change = change(api, &mut changing.tx, wanted, now_ms).await?;
    let (was, is) = (change.was(), trace(&change.after));
    let what = (change.action(), resource(&id));
    changing
        .audit(id.tenant(), (what.0, &what.1), was.as_deref(), Some(&is))
        .await?;
    changing.commit_credentials().await?;
    Ok(Json(describe(&change.after)))
}

/// Takes everybody's away.
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let changing = Changing::begin(&api, &headers).await?;
    remove(changing, None, &name).await
}

/// Takes a tenant's away.
pub(crate) async fn delete_of(
    State(api): State<Api>,
    Path((tenant, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut changing = Changing::begin(&api, &headers).await?;
    let tenant = changing.tenant(&tenant).await?.id;
    remove(changing, Some(tenant), &name).await
}

async fn remove(
    mut changing: Changing<'_>,
    tenant: Option<TenantId>,
    name: &str,
) -> Result<Json<Value>, ApiError> {
    let id = CredentialId::new(tenant, name).map_err(|_| unknown())?;
    let before = credentials::get(&mut changing.tx, &id).await?;
    let was = trace(&before.ok_or_else(unknown)?);
    credentials::delete(&mut changing.tx, &id).await?;
    let what = (Action::Delete, resource(&id));
    changing
        .audit(id.tenant(), (what.0, &what.1), Some(&was), None)
        .await?;
    changing.commit_credentials().await?;
    Ok(Json(gone(name)))
}

/// The keys that are configured here, and how many credentials each has sealed.
pub(crate) async fn keys(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let all = credentials::all(&mut conn).await?;
    let tools = mcp::held(&mut conn).await?;
    let tools = tools.iter().map(|held| held.sealed.key());
    let all = all.iter().map(|kept| kept.sealed.key()).chain(tools);
    Ok(Json(key_list(&api, all)))
}

fn key_list(api: &Api, all: impl Iterator<Item = Option<KeyId>>) -> Value {
    let mut sealed: BTreeMap<String, usize> = BTreeMap::new();
    for key in all {
        *sealed.entry(named_key(key)).or_default() += 1;
    }
    let newest = api.keys.newest().map(|key| key.id());
    let mut told = Vec::new();
    for id in api.keys.ids() {
        let count = sealed.remove(&id.to_string()).unwrap_or_default();
        told.push(key(&id.to_string(), count, (true, newest == Some(id))));
    }
    told.extend(
        sealed
            .iter()
            .map(|(id, count)| key(id, *count, (false, false))),
    );
    whole_list(told)
}

fn key(id: &str, count: usize, (is_configured, is_newest): (bool, bool)) -> Value {
    json!({
        "id": id, "object": "credentials_key", "configured": is_configured, "newest": is_newest, "credentials": count,
    })
}

/// Seals everything with the newest key that is sealed with another one.
pub(crate) async fn rotate(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let newest = api.keys.newest().ok_or_else(no_key)?.id();
    let mut changing = Changing::begin(&api, &headers).await?;
    let all = credentials::all(&mut changing.tx).await?;
    let mut total = all.len();
    let (mut resealed, mut failed) = (0, Vec::new());
    for mut kept in all {
        if kept.sealed.key() == Some(newest) {
            continue;
        }
        let id = kept.sealed.id.clone();
        let opened = match open(&api.keys, &kept.sealed) {
            Ok(opened) => opened,
            Err(error) => {
                failed.push(json!({
                    "tenant": id.tenant().map(ToString::to_string), "provider": id.provider(),
                    "reason": error.to_string(),
                }));
                continue;
            }
        };
        let was = trace(&kept);
        kept.sealed = sealed(&api.keys, (&id, kept.sealed.revision + 1), &opened)?;
        credentials::put(&mut changing.tx, &kept).await?;
        let what = (Action::Update, resource(&id));
        let is = trace(&kept);
        changing
            .audit(id.tenant(), (what.0, &what.1), Some(&was), Some(&is))
            .await?;
        resealed += 1;
    }
    let of_tools = tools::rotate(&mut changing).await?;
    total += of_tools.total;
    resealed += of_tools.tenants.len();
    failed.extend(of_tools.failed);
    changing.commit_credentials().await?;
    for tenant in of_tools.tenants {
        api.dirty.mark_settings(tenant);
    }
    Ok(Json(json!({
        "object": "rotation", "key_id": newest.to_string(), "total": total, "resealed": resealed, "failed": failed,
    })))
}

/// As its tenant sees it, with what concerns whoever runs Floopy.
fn describe(kept: &Kept) -> Value {
    let mut told = providers::describe(kept);
    let tenant = kept.sealed.id.tenant();
    told["tenant"] = json!(tenant.map(ToString::to_string));
    told["key_id"] = json!(key_of(kept));
    told["revision"] = json!(kept.sealed.revision);
    told
}

fn key_of(kept: &Kept) -> String {
    named_key(kept.sealed.key())
}

fn named_key(key: Option<KeyId>) -> String {
    key.map(|key| key.to_string()).unwrap_or_default()
}

//! `/v1/operator/tenants/{id}/keys`: any tenant's API keys.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde_json::{Value, json};

use super::{changing::Changing, tenants::find};
use crate::{
    rest::{
        Api,
        body::{self, JsonObject},
        error::ApiError,
        keys::{Asking, Written, describe, mint, wanted},
        settings::whole_list,
    },
    role::Role,
    store::{StoreError, audit::Action, keys},
};

/// All of a tenant's keys, none of them readable.
pub(crate) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let tenant = find(&api, &id).await?;
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let found = keys::list(&mut conn, &tenant.id).await?;
    Ok(Json(whole_list(found.iter().map(describe).collect())))
}

/// Makes one of any role, which is told this once.
pub(crate) async fn create(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let written: Written = body::read(Value::Object(fields), "")?;
    let mut changing = Changing::begin(&api, &headers).await?;
    let tenant = changing.tenant(&id).await?.id;
    let asking = Asking {
        read: true,
        role: Role::Owner,
    };
    let wanted = wanted(&mut changing.tx, &tenant, written, asking).await?;
    let now_ms = changing.now_ms;
    let (key, mut told) = mint(&mut changing.tx, &tenant, &wanted, now_ms).await?;
    let resource = format!("key/{}", keys::id_of(&key));
    let after = told.to_string();
    changing
        .audit(&tenant, (Action::Create, &resource), None, Some(&after))
        .await?;
    changing.commit(tenant).await?;
    told["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(told)))
}

/// Ends any, even the last.
pub(crate) async fn revoke(
    State(api): State<Api>,
    Path((id, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut changing = Changing::begin(&api, &headers).await?;
    let tenant = changing.tenant(&id).await?;
    let listed = keys::list(&mut changing.tx, &tenant.id).await?;
    let found = listed.iter().find(|listed| listed.key.id == key);
    let found = found.ok_or_else(|| ApiError::not_found("no such API key"))?;
    if found.is_configured && tenant.is_configured {
        let message = format!("id {key} is a key of the configuration, and ended there");
        return Err(ApiError::invalid_field("configured", "id", message));
    }
    keys::delete(&mut changing.tx, &tenant.id, &key).await?;
    let before = describe(found).to_string();
    let resource = format!("key/{key}");
    changing
        .audit(&tenant.id, (Action::Delete, &resource), Some(&before), None)
        .await?;
    changing.commit(tenant.id).await?;
    Ok(Json(
        json!({"id": key, "object": "api_key", "deleted": true}),
    ))
}

//! `/v1/operator/tenants`: those of the configuration, and those that are made here.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::ids::TenantId;
use serde_json::{Map, Value, json};

use super::{
    changing::{Changing, unknown},
    form::{Written, describe},
};
use crate::{
    rest::{
        Api,
        body::JsonObject,
        cursor::{Owner, foreign},
        error::ApiError,
        keys::{describe as describe_key, mint},
        query::{self, Pairs},
        settings::check_default_model,
    },
    settings as written,
    store::{
        StoreError,
        audit::Action,
        credentials,
        keys::{self, Wanted},
        people,
        settings::{self, Kind},
        tenants::managed::{self, Caps, Managed},
        webhooks,
    },
};

/// What a cursor of the list is bound to.
const LIST: &str = "operator/tenants";
/// What the first key of a tenant is called.
const FIRST_KEY: &str = "first";

/// A page of tenants, by their ids.
pub(crate) async fn list(State(api): State<Api>, pairs: Pairs) -> Result<Json<Value>, ApiError> {
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    let opened = |cursor: &str| {
        let id = api.cursor_key.open_bytes(Owner::Operator, LIST, cursor);
        let id = id.and_then(|id| String::from_utf8(id).ok());
        id.ok_or_else(|| foreign(cursor))
    };
    let after = page.cursor.as_deref().map(opened).transpose()?;
    let mut found = managed::page(&api.store, after.as_deref(), page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        let id = last.id.as_str().as_bytes().to_vec();
        api.cursor_key.seal_bytes(Owner::Operator, LIST, id)
    });
    let items = found.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

/// One of them.
pub(crate) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(describe(&find(&api, &id).await?)?))
}

/// The tenant of this id.
pub(super) async fn find(api: &Api, id: &str) -> Result<Managed, ApiError> {
    let id = TenantId::new(id).map_err(|_| unknown())?;
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    managed::get(&mut conn, &id).await?.ok_or_else(unknown)
}

/// Makes one, and a key of it, which is told this once.
pub(crate) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(mut fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let id = new_id(&mut fields)?;
    let wanted = Written::read(fields)?;
    let mut changing = Changing::begin(&api, &headers).await?;
    if managed::is_taken(&mut changing.tx, &id).await? {
        let message = format!("id {id} is taken by a tenant that there is or was");
        return Err(ApiError::invalid_field("id_taken", "id", message));
    }
    let mut tenant = nobody(id.clone(), changing.now_ms);
    wanted.apply_to(&mut tenant, &api)?;
    managed::put(&mut changing.tx, &tenant).await?;
    let mut told = describe(&tenant)?;
    let after = told.to_string();
    let resource = format!("tenant/{id}");
    changing
        .audit(&id, (Action::Create, &resource), None, Some(&after))
        .await?;
    let first = Wanted {
        name: FIRST_KEY.to_owned(),
        ..Wanted::default()
    };
    let now_ms = changing.now_ms;
    let (key, made) = mint(&mut changing.tx, &id, &first, now_ms).await?;
    let resource = format!("key/{}", keys::id_of(&key));
    let after = made.to_string();
    changing
        .audit(&id, (Action::Create, &resource), None, Some(&after))
        .await?;
    changing.commit(id).await?;
    told["key_id"] = json!(keys::id_of(&key));
    told["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(told)))
}

fn nobody(id: TenantId, now_ms: u64) -> Managed {
    Managed {
        id,
        name: String::new(),
        is_configured: false,
        is_disabled: false,
        plan: None,
        default_model: None,
        zero_retention: false,
        shadow_budget_micro_usd_per_day: None,
        caps: Caps::default(),
        created_ms: now_ms,
    }
}

fn new_id(fields: &mut Map<String, Value>) -> Result<TenantId, ApiError> {
    let id = fields.remove("id");
    let id = match &id {
        Some(Value::String(id)) => id,
        Some(other) => {
            let message = format!("id is {other}, it must be a string");
            return Err(ApiError::invalid_body("id", message));
        }
        None => return Err(ApiError::invalid_body("id", "id is missing")),
    };
    TenantId::new(id).map_err(|e| ApiError::invalid_body("id", e.to_string()))
}

/// Changes what the body mentions.
pub(crate) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let moves_baseline = fields.contains_key("default_model");
    let wanted = Written::read(fields)?;
    let mut changing = Changing::begin(&api, &headers).await?;
    let mut tenant = changing.tenant(&id).await?;
    let before = describe(&tenant)?;
    wanted.apply_to(&mut tenant, &api)?;
    let after = describe(&tenant)?;
    if before == after {
        return Ok(Json(after));
    }
    managed::put(&mut changing.tx, &tenant).await?;
    if moves_baseline {
        let whole = written::tenant(&mut changing.tx, &tenant.id).await?;
        check_default_model(&whole)?;
    }
    let resource = format!("tenant/{}", tenant.id);
    let (was, is) = (before.to_string(), after.to_string());
    changing
        .audit(
            &tenant.id,
            (Action::Update, &resource),
            Some(&was),
            Some(&is),
        )
        .await?;
    changing.commit(tenant.id).await?;
    Ok(Json(after))
}

/// Ends one: its keys are no more, nothing is sent to its webhooks, and the proxies forget it. What is kept of its
/// calls goes as it ages.
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut changing = Changing::begin(&api, &headers).await?;
    let tenant = changing.tenant(&id).await?;
    if tenant.is_configured {
        let message = format!(
            "tenant {id} is of the configuration, and goes after it was taken out there; enabled = false switches it \
             off at once"
        );
        return Err(ApiError::invalid_field("configured", "id", message));
    }
    let now_ms = changing.now_ms;
    let tx = &mut changing.tx;
    let mut ended = Vec::new();
    for webhook in settings::list(tx, &tenant.id, Kind::Webhook).await? {
        webhooks::remove(tx, (&tenant.id, &webhook.id)).await?;
        settings::delete(tx, (&tenant.id, Kind::Webhook), &webhook.id).await?;
        let resource = format!("{}/{}", Kind::Webhook.as_str(), webhook.id);
        ended.push((resource, webhook.body));
    }
    for key in keys::list(tx, &tenant.id).await? {
        ended.push((
            format!("key/{}", key.key.id),
            describe_key(&key).to_string(),
        ));
    }
    keys::delete_all(tx, &tenant.id).await?;
    people::delete_all(tx, &tenant.id).await?;
    credentials::delete_all(tx, &tenant.id).await?;
    changing.api.dirty.mark_credentials();
    let tx = &mut changing.tx;
    managed::remove(tx, &tenant.id, now_ms).await?;
    for (resource, before) in &ended {
        let deleted = (Action::Delete, resource.as_str());
        changing
            .audit(&tenant.id, deleted, Some(before), None)
            .await?;
    }
    let before = describe(&tenant)?.to_string();
    let resource = format!("tenant/{id}");
    changing
        .audit(&tenant.id, (Action::Delete, &resource), Some(&before), None)
        .await?;
    changing.commit(tenant.id).await?;
    Ok(Json(json!({"id": id, "object": "tenant", "deleted": true})))
}

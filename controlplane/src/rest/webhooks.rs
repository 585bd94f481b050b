//! `/v1/webhooks`: whom a tenant wants told, of what. A secret is told when it is made, and never again.

mod deliveries;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::ids::TenantId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use self::deliveries::{list as list_deliveries, redeliver, test};
use super::{
    Api,
    body::{self, JsonObject},
    error::{ApiError, brief},
    reading,
    settings::{Editing, whole_list, with_times},
    view::moment,
};
use crate::store::sql::Conn;
use crate::{
    settings::webhooks::{Previous, WrittenWebhook},
    store::{
        StoreError,
        settings::{self, Document, Kind},
        webhooks,
    },
    webhooks::{Event, PREVIOUS_SECRET_MS, check_url, new_salt},
};

/// More than anybody needs; each event is sent to all of them.
const MAX_WEBHOOKS: usize = 20;
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// A webhook as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    url: String,
    events: Vec<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// What a webhook should be, checked.
struct Wanted {
    url: String,
    events: Vec<Event>,
    description: Option<String>,
    is_active: bool,
}

fn read(api: &Api, mut fields: Map<String, Value>) -> Result<Wanted, ApiError> {
    // What GET tells beside them may come back.
    for told in [
        "id",
        "created_at",
        "updated_at",
        "previous_secret_valid_until",
    ] {
        fields.remove(told);
    }
    let asked: Asked = body::read(Value::Object(fields), "")?;
    if let Err(why) = check_url(&asked.url, &api.webhooks.networks) {
        let message = format!("url is {:?}: {why}", brief(&asked.url));
        return Err(ApiError::invalid_body("url", message));
    }
    let description = asked.description.as_deref().unwrap_or_default();
    let chars = description.chars().count();
    if chars > MAX_DESCRIPTION_CHARS {
        let message =
            format!("description has {chars} characters, it may have {MAX_DESCRIPTION_CHARS}");
        return Err(ApiError::invalid_body("description", message));
    }
    Ok(Wanted {
        events: read_events(&asked.events)?,
        url: asked.url,
        description: asked.description,
        is_active: asked.active,
    })
}

fn read_events(names: &[String]) -> Result<Vec<Event>, ApiError> {
    let mut events = Vec::new();
    for name in names {
        let event = Event::parse(name).ok_or_else(|| {
            let known = Event::ALL.map(Event::as_str).join(", ");
            let message = format!("events has {:?}, each must be one of {known}", brief(name));
            ApiError::invalid_body("events", message)
        })?;
        events.push(event);
    }
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        let message =
            "events is [], which tells nothing; to tell nothing for now, set active to false";
        return Err(ApiError::invalid_body("events", message));
    }
    Ok(events)
}

fn describe(document: &Document, now_ms: u64) -> Result<Value, StoreError> {
    let webhook = WrittenWebhook::read(document)?;
    let previous = webhook
        .previous
        .filter(|previous| now_ms < previous.until_ms);
    let fields = json!({
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "active": webhook.is_active,
        "previous_secret_valid_until": previous.and_then(|previous| moment(previous.until_ms)),
    });
    Ok(with_times(fields, document))
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Document, ApiError> {
    let found = settings::get(conn, (tenant, Kind::Webhook), id).await?;
    found.ok_or_else(|| ApiError::not_found("no such webhook"))
}

/// All of them.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let now_ms = api.clock.now_ms();
    let found = settings::list(&mut conn, &tenant, Kind::Webhook).await?;
    let items = found.iter().map(|document| describe(document, now_ms));
    Ok(Json(whole_list(items.collect::<Result<_, _>>()?)))
}

/// One.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let document = find(&mut conn, &tenant, &id).await?;
    Ok(Json(describe(&document, api.clock.now_ms())?))
}

/// Makes one, and tells its secret.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = read(&api, fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let count = settings::list(&mut editing.tx, &tenant, Kind::Webhook)
        .await?
        .len();
    if count >= MAX_WEBHOOKS {
        let message = format!("there are {count} webhooks, which is as many as there may be");
        return Err(ApiError::invalid_body("url", message));
    }
    let webhook = wanted.with_secret(new_salt()?, None);
    let document = editing.create(Kind::Webhook, &json!(webhook)).await?;
    let mut answer = describe(&document, editing.now_ms)?;
    answer["secret"] = json!(api.webhooks.signing.secret(&document.id, &webhook.salt));
    editing.commit().await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

impl Wanted {
    fn with_secret(self, salt: String, previous: Option<Previous>) -> WrittenWebhook {
        WrittenWebhook {
            url: self.url,
            events: self.events,
            description: self.description,
            is_active: self.is_active,
            salt,
            previous,
        }
    }
}

/// Replaces all of one but its secret.
pub(super) async fn put(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let wanted = read(&api, fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    replace(editing, &before, wanted).await
}

/// Replaces the fields that are named.
pub(super) async fn patch(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    let Value::Object(mut all) = describe(&before, editing.now_ms)? else {
        return Err(ApiError::internal());
    };
    all.extend(fields);
    let wanted = read(&api, all)?;
    replace(editing, &before, wanted).await
}

async fn replace(
    mut editing: Editing<'_>,
    before: &Document,
    wanted: Wanted,
) -> Result<Json<Value>, ApiError> {
    let WrittenWebhook { salt, previous, .. } = WrittenWebhook::read(before)?;
    let webhook = wanted.with_secret(salt, previous);
    let place = (before.id.as_str(), Some(before));
    let document = editing
        .replace(Kind::Webhook, place, &json!(webhook))
        .await?;
    let answer = describe(&document, editing.now_ms)?;
    editing.commit().await?;
    Ok(Json(answer))
}

/// Makes a new secret and tells it; the one before signs for a day more.
pub(super) async fn rotate(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    let mut webhook = WrittenWebhook::read(&before)?;
    webhook.previous = Some(Previous {
        salt: std::mem::replace(&mut webhook.salt, new_salt()?),
        until_ms: editing.now_ms + PREVIOUS_SECRET_MS,
    });
    let place = (before.id.as_str(), Some(&before));
    let document = editing
        .replace(Kind::Webhook, place, &json!(webhook))
        .await?;
    let mut answer = describe(&document, editing.now_ms)?;
    answer["secret"] = json!(api.webhooks.signing.secret(&document.id, &webhook.salt));
    editing.commit().await?;
    Ok(Json(answer))
}

/// Takes one away, with what was to be sent to it.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = find(&mut editing.tx, &tenant, &id).await?;
    webhooks::remove(&mut editing.tx, (&tenant, &id)).await?;
    editing.delete(Kind::Webhook, &document).await?;
    editing.commit().await?;
    Ok(Json(
        json!({"id": id, "object": "webhook", "deleted": true}),
    ))
}

//! `/v1/keys`: a tenant's API keys. A key is told once, when it is made.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::snapshot::{Environment, KeyScope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    reading, rules,
    settings::{Editing, whole_list},
    view::moment,
};
use crate::store::{
    audit::Action,
    keys::{self, Listed, Wanted},
    settings::{self, Kind},
};

/// More than people keep apart; a page holds them all.
const MAX_KEYS: usize = 1_000;
const MAX_NAME_CHARS: usize = 100;

/// A key as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default = "yes")]
    read_permission: bool,
    #[serde(default = "yes")]
    write_permission: bool,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    requests_per_minute: Option<u32>,
    #[serde(default)]
    routing_rule_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// All keys, none of them readable.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = keys::list(&mut conn, &tenant).await?;
    Ok(Json(whole_list(found.iter().map(describe).collect())))
}

/// Makes one.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let written: Written = body::read(Value::Object(fields), "")?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let wanted = wanted(&mut editing, written).await?;
    let tenant = editing.tenant();
    let count = keys::list(&mut editing.tx, &tenant).await?.len();
    if count >= MAX_KEYS {
        let message = format!("there are {count} keys, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    let now_ms = editing.now_ms;
    let key = keys::mint(&mut editing.tx, &tenant, &wanted, now_ms).await?;
    let id = keys::id_of(&key);
    let made = keys::list(&mut editing.tx, &tenant).await?;
    let mut body = made
        .iter()
        .find(|listed| listed.key.id == id)
        .map(describe)
        .ok_or_else(ApiError::internal)?;
    let resource = format!("key/{id}");
    let after = body.to_string();
    editing
        .audit((Action::Create, &resource), None, Some(&after))
        .await?;
    editing.commit().await?;
    body["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(body)))
}

/// Ends one: no proxy takes it from about a second later.
pub(super) async fn revoke(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let listed = keys::list(&mut editing.tx, &tenant).await?;
    let found = listed.iter().find(|listed| listed.key.id == id);
    let found = found.ok_or_else(|| ApiError::not_found("no such API key"))?;
    if found.is_configured {
        let message = format!("id {id} is a key of the configuration, and ended there");
        return Err(ApiError::invalid_body("id", message));
    }
    // One that may not read can make none that may.
    let can_manage = |listed: &&Listed| {
        let key = &listed.key;
        key.write && (key.read || !found.key.read) && key.scope == KeyScope::default()
    };
    if !listed
        .iter()
        .filter(|other| other.key.id != id)
        .any(|other| can_manage(&other))
    {
        let message =
            format!("id {id} is the last key that can make others; make another one first");
        return Err(ApiError::invalid_body("id", message));
    }
    keys::delete(&mut editing.tx, &tenant, &id).await?;
    let before = describe(found).to_string();
    let resource = format!("key/{id}");
    editing
        .audit((Action::Delete, &resource), Some(&before), None)
        .await?;
    editing.commit().await?;
    Ok(Json(
        json!({"id": id, "object": "api_key", "deleted": true}),
    ))
}

/// What is asked for, if it all exists and the asking key may do as much itself.
async fn wanted(editing: &mut Editing<'_>, written: Written) -> Result<Wanted, ApiError> {
    let name = written.name.trim().to_owned();
    let chars = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) {
        let message = format!("name has {chars} characters, it must have 1 to {MAX_NAME_CHARS}");
        return Err(ApiError::invalid_body("name", message));
    }
    if !written.read_permission && !written.write_permission {
        let message =
            "read_permission and write_permission are both false; a key must be good for something";
        return Err(ApiError::invalid_body("read_permission", message));
    }
    if written.read_permission && !editing.holder.read {
        let message = "read_permission is true, and the key that asks may not read itself";
        return Err(ApiError::invalid_body("read_permission", message));
    }
    if written.requests_per_minute == Some(0) {
        let message = "requests_per_minute is 0, which lets nothing pass; null is no limit";
        return Err(ApiError::invalid_body("requests_per_minute", message));
    }
    let environment = written.environment.map(environment).transpose()?;
    let tenant = editing.tenant();
    let project = match written.project_id {
        None => None,
        Some(id) => {
            let found = settings::get(&mut editing.tx, (&tenant, Kind::Project), &id).await?;
            let project = found.and_then(|found| found.id.parse().ok());
            Some(project.ok_or_else(|| unknown("project_id", &id))?)
        }
    };
    if let Some(id) = &written.routing_rule_id {
        let known = rules::all(&mut editing.tx, &tenant).await?;
        // Rules that come with an experiment go with it, too.
        let named = |rule: &Value| rule["id"] == id.as_str() && rule["source"] != "experiment";
        if !known.iter().any(named) {
            return Err(unknown("routing_rule_id", id));
        }
    }
    Ok(Wanted {
        name,
        read: written.read_permission,
        write: written.write_permission,
        scope: KeyScope {
            project,
            environment,
            requests_per_minute: written.requests_per_minute,
            rule: written.routing_rule_id,
            evaluation: false,
        },
    })
}

fn environment(name: String) -> Result<Environment, ApiError> {
    Environment::parse(&name).ok_or_else(|| {
        let known = Environment::ALL.map(Environment::as_str).join(", ");
        let message = format!("environment is {name:?}, it must be one of {known}");
        ApiError::invalid_body("environment", message)
    })
}

fn unknown(field: &str, id: &str) -> ApiError {
    ApiError::invalid_body(field, format!("{field} is {id:?}, which is not known"))
}

fn describe(listed: &Listed) -> Value {
    let (key, scope) = (&listed.key, &listed.key.scope);
    json!({
        "id": key.id,
        "name": listed.name,
        "hint": listed.hint,
        "read_permission": key.read,
        "write_permission": key.write,
        "project_id": scope.project,
        "environment": scope.environment.map(Environment::as_str),
        "requests_per_minute": scope.requests_per_minute,
        "routing_rule_id": scope.rule,
        "source": if listed.is_configured { "configuration" } else { "api" },
        "created_at": moment(listed.created_ms),
    })
}

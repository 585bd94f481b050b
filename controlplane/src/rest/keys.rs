//! `/v1/keys`: a tenant's API keys. A key is told once, when it is made.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{
    ids::TenantId,
    snapshot::{Environment, KeyScope},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api,
    body::{self, JsonObject},
    error::{ApiError, brief},
    reading, rules,
    settings::{Editing, whole_list},
    view::moment,
};
use crate::{
    role::Role,
    store::{
        Tx,
        audit::Action,
        keys::{self, Listed, Wanted},
        settings::{self, Kind},
    },
};

/// More than people keep apart; a page holds them all.
const MAX_KEYS: usize = 1_000;
const MAX_NAME_CHARS: usize = 100;

/// A key as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    /// As much as the key can use and the one that asks may give, where it is missing.
    #[serde(default)]
    role: Option<String>,
    #[serde(default = "yes")]
    read_permission: bool,
    #[serde(default)]
    write_permission: Option<bool>,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    default_project_id: Option<String>,
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
    let tenant = editing.tenant();
    let asking = Asking {
        read: editing.holder.read,
        role: editing.holder.role,
    };
    let wanted = wanted(&mut editing.tx, &tenant, written, asking).await?;
    let now_ms = editing.now_ms;
    let (key, mut body) = mint(&mut editing.tx, &tenant, &wanted, now_ms).await?;
    let resource = format!("key/{}", keys::id_of(&key));
    let after = body.to_string();
    editing
        .audit((Action::Create, &resource), None, Some(&after))
        .await?;
    editing.commit().await?;
    body["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(body)))
}

/// Makes a key; what is told of it, and itself.
pub(super) async fn mint(
    tx: &mut Tx,
    tenant: &TenantId,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<(String, Value), ApiError> {
    let count = keys::list(tx, tenant).await?.len();
    if count >= MAX_KEYS {
        let message = format!("there are {count} keys, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    let key = keys::mint(tx, tenant, wanted, now_ms).await?;
    let id = keys::id_of(&key);
    let made = keys::list(tx, tenant).await?;
    let made = made.iter().find(|listed| listed.key.id == id).map(describe);
    Ok((key, made.ok_or_else(ApiError::internal)?))
}

/// What the one who asks for a key may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    pub(super) read: bool,
    pub(super) role: Role,
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
    if found.role > editing.holder.role {
        return Err(ApiError::role_required(found.role, editing.holder.role));
    }
    if !listed.iter().any(|other| can_replace(other, found)) {
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

/// Whether another key can make one like this. One that may not read can make none that may.
fn can_replace(other: &Listed, found: &Listed) -> bool {
    let key = &other.key;
    key.id != found.key.id
        && key.write
        && (key.read || !found.key.read)
        && key.scope == KeyScope::default()
        && other.role >= Role::Admin.max(found.role)
}

/// What is asked for, if it all exists and the asking key may do as much itself.
pub(super) async fn wanted(
    tx: &mut Tx,
    tenant: &TenantId,
    written: Written,
    asking: Asking,
) -> Result<Wanted, ApiError> {
    let role = written.role.as_deref().map(parse_role).transpose()?;
    let write = written
        .write_permission
        .unwrap_or(role != Some(Role::ReadOnly));
    let name = read_name(&written.name)?;
    if !written.read_permission && !write {
        let message =
            "read_permission and write_permission are both false; a key must be good for something";
        return Err(ApiError::invalid_body("read_permission", message));
    }
    if written.read_permission && !asking.read {
        let message = "read_permission is true, and the key that asks may not read itself";
        return Err(ApiError::invalid_body("read_permission", message));
    }
    let read = written.read_permission;
    let default_project = default_project(tx, tenant, &written).await?;
    let scope = scope(tx, tenant, written).await?;
    let most = asking.role;
    let role = role.unwrap_or_else(|| Role::of_key(write, &scope, most));
    check_role(role, write, &scope)?;
    if role > most {
        return Err(ApiError::role_required(role, most));
    }
    Ok(Wanted {
        name,
        role,
        read,
        write,
        scope,
        default_project,
    })
}

fn read_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let chars = name.chars().count();
    if (1..=MAX_NAME_CHARS).contains(&chars) {
        return Ok(name.to_owned());
    }
    let message = format!("name has {chars} characters, it must have 1 to {MAX_NAME_CHARS}");
    Err(ApiError::invalid_body("name", message))
}

pub(super) fn parse_role(name: &str) -> Result<Role, ApiError> {
    Role::parse(name).ok_or_else(|| {
        let (name, known) = (brief(name), Role::names());
        let message = format!("role is {name:?}, it must be one of {known}");
        ApiError::invalid_body("role", message)
    })
}

/// Refuses roles that the rest of the key contradicts.
fn check_role(role: Role, write: bool, scope: &KeyScope) -> Result<(), ApiError> {
    let name = role.as_str();
    let why = match role {
        Role::ReadOnly if write => "write_permission is true",
        Role::Member | Role::Admin | Role::Owner if !write => "write_permission is false",
        Role::Admin | Role::Owner if *scope != KeyScope::default() => {
            "the key is held to a project, an environment, a rate or a rule, which is at most a member"
        }
        Role::ReadOnly | Role::Member | Role::Admin | Role::Owner => return Ok(()),
    };
    Err(ApiError::invalid_body(
        "role",
        format!("role is {name:?}, and {why}"),
    ))
}

/// The project that a field names, if it exists.
async fn project(
    tx: &mut Tx,
    tenant: &TenantId,
    (field, id): (&str, Option<&str>),
) -> Result<Option<Uuid>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let found = settings::get(tx, (tenant, Kind::Project), id).await?;
    let project = found.and_then(|found| found.id.parse().ok());
    Ok(Some(project.ok_or_else(|| unknown(field, id))?))
}

/// What calls are counted for that name no project, if it exists.
async fn default_project(
    tx: &mut Tx,
    tenant: &TenantId,
    written: &Written,
) -> Result<Option<Uuid>, ApiError> {
    const FIELD: &str = "default_project_id";
    let default = written.default_project_id.as_deref();
    if let (Some(default), Some(_)) = (default, &written.project_id) {
        let message = format!(
            "{FIELD} is {:?}, but project_id holds all calls to one project; leave one of them out",
            brief(default)
        );
        return Err(ApiError::invalid_body(FIELD, message));
    }
    project(tx, tenant, (FIELD, default)).await
}

/// What the key is held to, if it exists.
async fn scope(tx: &mut Tx, tenant: &TenantId, written: Written) -> Result<KeyScope, ApiError> {
    if written.requests_per_minute == Some(0) {
        let message = "requests_per_minute is 0, which lets nothing pass; null is no limit";
        return Err(ApiError::invalid_body("requests_per_minute", message));
    }
    let environment = written.environment.map(environment).transpose()?;
    let named = ("project_id", written.project_id.as_deref());
    let project = project(tx, tenant, named).await?;
    if let Some(id) = &written.routing_rule_id {
        let known = rules::all(tx, tenant).await?;
        // Rules that come with an experiment go with it, too.
        let named = |rule: &Value| rule["id"] == id.as_str() && rule["source"] != "experiment";
        if !known.iter().any(named) {
            return Err(unknown("routing_rule_id", id));
        }
    }
    Ok(KeyScope {
        project,
        environment,
        requests_per_minute: written.requests_per_minute,
        rule: written.routing_rule_id,
        evaluation: false,
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

/// A key as it is told.
pub(crate) fn describe(listed: &Listed) -> Value {
    let (key, scope) = (&listed.key, &listed.key.scope);
    json!({
        "id": key.id,
        "name": listed.name,
        "hint": listed.hint,
        "role": listed.role.as_str(),
        "read_permission": key.read,
        "write_permission": key.write,
        "project_id": scope.project,
        "default_project_id": key.default_project,
        "environment": scope.environment.map(Environment::as_str),
        "requests_per_minute": scope.requests_per_minute,
        "routing_rule_id": scope.rule,
        "source": if listed.is_configured { "configuration" } else { "api" },
        "created_at": moment(listed.created_ms),
    })
}

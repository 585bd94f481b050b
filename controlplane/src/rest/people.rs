//! `/dashboard/users`: people of a tenant who may sign in to the dashboard, each with a role as keys have.

mod attempts;
pub(super) mod change;
pub(super) mod oidc;
mod password;
pub(super) mod sign_in;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::{attempts::Attempts, oidc::Oidc, password::Passwords};
use super::{
    Api,
    body::{self, JsonObject},
    error::{ApiError, brief},
    keys::parse_role,
    reading,
    settings::{Editing, whole_list},
    view::moment,
    writer,
};
use crate::{
    config::Dashboard,
    store::{
        StoreError,
        audit::Action,
        people::{self, Account, Person},
    },
};

/// More than people keep apart; a page holds them all.
const MAX_PEOPLE: usize = 1_000;
/// Of an address by mail (RFC 5321).
const MAX_EMAIL: usize = 254;

/// What sign-in needs while the process runs.
#[derive(Debug, Default)]
pub(crate) struct People {
    attempts: Attempts,
    passwords: Passwords,
    oidc: Option<Oidc>,
}

impl People {
    /// As configured.
    pub(crate) fn new(config: &Dashboard) -> Self {
        Self {
            oidc: config.oidc.as_ref().map(Oidc::new),
            ..Self::default()
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    email: String,
    password: String,
    /// As much as the one that asks may do, where it is missing.
    #[serde(default)]
    role: Option<String>,
}

/// Everybody.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = people::list(&mut conn, &tenant).await?;
    Ok(Json(whole_list(found.iter().map(describe).collect())))
}

/// Takes somebody in, with at most the role of who asks.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let written: Written = body::read(Value::Object(fields), "")?;
    let email = read_email(&written.email)?;
    let role = written.role.as_deref().map(parse_role).transpose()?;
    // Who may not ask is told so before a password costs time; asked again below, where it counts.
    may_ask(&api, &headers).await?;
    let password = api.people.passwords.keep(written.password).await?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let most = editing.holder.role;
    let role = role.unwrap_or(most);
    if role > most {
        return Err(ApiError::role_required(role, most));
    }
    let tenant = editing.tenant();
    let known = people::list(&mut editing.tx, &tenant).await?;
    if known.iter().any(|person| person.email == email) {
        let message = format!("email is {email:?}, which has an account already");
        return Err(ApiError::invalid_body("email", message));
    }
    if known.len() >= MAX_PEOPLE {
        let message = format!("there are {MAX_PEOPLE} people, which is as many as there may be");
        return Err(ApiError::invalid_body("email", message));
    }
    let person = Person {
        id: format!("user_{}", Uuid::new_v4().simple()),
        tenant,
        email,
        role,
        created_ms: editing.now_ms,
    };
    let told = describe(&person);
    let (resource, after) = (format!("user/{}", person.id), told.to_string());
    people::put(&mut editing.tx, &Account { person, password }).await?;
    editing
        .audit((Action::Create, &resource), None, Some(&after))
        .await?;
    editing.commit_content().await?;
    Ok((StatusCode::CREATED, Json(told)))
}

async fn may_ask(api: &Api, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let asking = writer(&mut conn, headers).await?;
    if asking.is_scoped {
        return Err(ApiError::scoped_key());
    }
    Ok(())
}

/// Takes somebody out, who is signed out everywhere at once.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let known = people::list(&mut editing.tx, &tenant).await?;
    let found = known.iter().find(|person| person.id == id);
    let found = found.ok_or_else(|| ApiError::not_found("no such user"))?;
    if found.role > editing.holder.role {
        return Err(ApiError::role_required(found.role, editing.holder.role));
    }
    people::delete(&mut editing.tx, &id).await?;
    let before = describe(found).to_string();
    let resource = format!("user/{id}");
    editing
        .audit((Action::Delete, &resource), Some(&before), None)
        .await?;
    editing.commit_content().await?;
    Ok(Json(json!({"id": id, "object": "user", "deleted": true})))
}

/// An address as it is kept: it is told apart in lower case.
fn read_email(email: &str) -> Result<String, ApiError> {
    let email = email.trim().to_lowercase();
    let is_plain = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let parts = email.split_once('@');
    let has_both = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if is_plain && has_both && email.len() <= MAX_EMAIL {
        return Ok(email);
    }
    let message = format!("email is {:?}, which is no address", brief(&email));
    Err(ApiError::invalid_body("email", message))
}

/// Somebody as they are told.
fn describe(person: &Person) -> Value {
    json!({
        "id": person.id,
        "object": "user",
        "email": person.email,
        "role": person.role.as_str(),
        "created_at": moment(person.created_ms),
    })
}

//! `/v1/prompts`: messages that calls name instead of sending them, and all that they ever said.

pub(super) mod diff;
mod read;
pub(super) mod versions;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{
    ids::{RequestId, TenantId},
    prompt::{MAX_PROMPTS, MAX_TENANT_BYTES, OVERHEAD_BYTES},
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::read::{Saved, save};
use super::{
    Api,
    body::JsonObject,
    error::ApiError,
    query::{self, Pairs},
    reading,
    settings::{Editing, with_times},
};
use crate::store::sql::Conn;
use crate::{
    settings::prompts::{WrittenPrompt, WrittenVersion, version_id},
    store::{
        StoreError,
        list::Position,
        prompts,
        settings::{self, Document, Kind},
    },
};

/// What a cursor of the list is bound to besides the tenant.
const LIST: &str = "prompts";

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Document, ApiError> {
    let found = settings::get(conn, (tenant, Kind::Prompt), id).await?;
    found.ok_or_else(|| ApiError::not_found("no such prompt"))
}

async fn find_version(
    conn: &mut Conn,
    tenant: &TenantId,
    (id, number): (&str, u32),
) -> Result<Document, ApiError> {
    let id = version_id(id, number);
    let found = settings::get(conn, (tenant, Kind::PromptVersion), &id).await?;
    found.ok_or_else(|| ApiError::not_found("no such version of this prompt"))
}

fn describe(document: &Document) -> Result<Value, StoreError> {
    let prompt = WrittenPrompt::read(document)?;
    let fields = json!({
        "name": prompt.name, "description": prompt.description, "latest_version": prompt.latest,
    });
    Ok(with_times(fields, document))
}

/// With what its newest version says.
fn describe_whole(prompt: &Document, latest: &Document) -> Result<Value, StoreError> {
    let mut described = describe(prompt)?;
    described["latest"] = versions::describe(latest)?;
    Ok(described)
}

/// Refuses a name that another prompt has: people could not tell them apart.
async fn check_name(editing: &mut Editing<'_>, id: &str, name: &str) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    match prompts::named(&mut editing.tx, &tenant, name).await? {
        Some(other) if other != id => {
            let message = format!("name {name:?} is that of prompt {other}");
            Err(ApiError::invalid_body("name", message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Writes a version, if every proxy has room for it.
async fn add_version(
    editing: &mut Editing<'_>,
    (id, number): (&str, u32),
    saved: Saved,
    restored_from: Option<u32>,
) -> Result<Document, ApiError> {
    let tenant = editing.tenant();
    let held = prompts::room(&mut editing.tx, &tenant).await?;
    let all = held.saturating_add(saved.content.room(saved.bytes) as u64);
    if all > MAX_TENANT_BYTES as u64 {
        let message = format!(
            "with this version all versions of all prompts would take {all} bytes, {OVERHEAD_BYTES} for each version, \
             message and variable besides their text, they may take {MAX_TENANT_BYTES}: delete prompts or versions that nobody names any more"
        );
        return Err(ApiError::invalid_body("messages", message));
    }
    let version = WrittenVersion {
        content: saved.content,
        author: editing.holder.key.clone(),
        note: saved.note,
        restored_from,
        bytes: saved.bytes,
    };
    let place = version_id(id, number);
    editing
        .replace(Kind::PromptVersion, (&place, None), &json!(version))
        .await
}

/// A page of prompts, without what they say.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    let before = api
        .cursor_key
        .begins((&tenant, LIST), page.cursor.as_deref())?;
    let before = before.map(|at| (at.created_ms, at.request.to_string()));
    let mut found = prompts::page(&mut conn, &tenant, before, page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let last = found.last().filter(|_| has_more);
    let next = last.and_then(|last| {
        let position = Position {
            created_ms: last.created_ms,
            request: RequestId(Uuid::try_parse(&last.id).ok()?),
        };
        Some(api.cursor_key.seal(&tenant, LIST, position))
    });
    let items = found.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

/// Makes one, with its first version.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(mut fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (name, description) = read::names(&mut fields)?;
    let saved = save(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let count = prompts::count(&mut editing.tx, &tenant).await?;
    if count >= MAX_PROMPTS as u64 {
        let message = format!("there are {count} prompts, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    check_name(&mut editing, "", &name).await?;
    let latest = 1;
    let prompt = WrittenPrompt {
        name,
        description,
        latest,
    };
    let prompt = editing.create(Kind::Prompt, &json!(prompt)).await?;
    let version = add_version(&mut editing, (&prompt.id, latest), saved, None).await?;
    editing.commit_prompts().await?;
    Ok((
        StatusCode::CREATED,
        Json(describe_whole(&prompt, &version)?),
    ))
}

/// One, with its newest version.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let prompt = find(&mut conn, &tenant, &id).await?;
    let number = WrittenPrompt::read(&prompt)?.latest;
    let latest = find_version(&mut conn, &tenant, (&id, number)).await?;
    Ok(Json(describe_whole(&prompt, &latest)?))
}

/// Replaces its name and its description, and saves a version where it says something else.
pub(super) async fn replace(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(mut fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let (name, description) = read::names(&mut fields)?;
    let saved = save(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    check_name(&mut editing, &id, &name).await?;
    let number = WrittenPrompt::read(&before)?.latest;
    let mut latest = find_version(&mut editing.tx, &tenant, (&id, number)).await?;
    let mut prompt = WrittenPrompt {
        name,
        description,
        latest: number,
    };
    if WrittenVersion::read(&latest)?.content != saved.content {
        prompt.latest = number + 1;
        latest = add_version(&mut editing, (&id, prompt.latest), saved, None).await?;
    }
    let place = (id.as_str(), Some(&before));
    let prompt = editing.replace(Kind::Prompt, place, &json!(prompt)).await?;
    editing.commit_prompts().await?;
    Ok(Json(describe_whole(&prompt, &latest)?))
}

/// Takes one away, with all its versions.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let prompt = find(&mut editing.tx, &tenant, &id).await?;
    prompts::delete_versions(&mut editing.tx, &tenant, &id).await?;
    editing.delete(Kind::Prompt, &prompt).await?;
    editing.commit_prompts().await?;
    Ok(Json(json!({"id": id, "object": "prompt", "deleted": true})))
}

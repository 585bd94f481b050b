//! `/v1/prompts/{id}/versions`: what a prompt said, and who said it.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::ids::{RequestId, TenantId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    add_version, find, find_version,
    read::{Saved, save},
};
use crate::{
    rest::{
        Api,
        body::{JsonObject, MaybeObject},
        error::ApiError,
        query::{self, Pairs},
        reading,
        settings::Editing,
        view::moment,
    },
    settings::prompts::{WrittenPrompt, WrittenVersion, version_id, version_of},
    store::{
        StoreError,
        list::Position,
        prompts,
        settings::{Document, Kind},
    },
};

/// A version with what it says.
pub(super) fn describe(document: &Document) -> Result<Value, StoreError> {
    let version = WrittenVersion::read(document)?;
    let mut described = json!(version.content);
    let about = about(document, &version)?;
    if let (Value::Object(described), Value::Object(about)) = (&mut described, about) {
        described.extend(about);
    }
    Ok(described)
}

fn about(document: &Document, version: &WrittenVersion) -> Result<Value, StoreError> {
    let (prompt, number) = version_of(document)?;
    Ok(json!({
        "prompt_id": prompt,
        "version": number,
        "author": version.author,
        "note": version.note,
        "restored_from": version.restored_from,
        "bytes": version.bytes,
        "created_at": moment(document.created_ms),
    }))
}

/// The number in a path.
pub(super) fn number(text: &str) -> Result<u32, ApiError> {
    query::whole(text).ok_or_else(|| ApiError::not_found("no such version of this prompt"))
}

/// A page of versions, the newest first, without what they say.
pub(in crate::rest) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    find(&mut conn, &tenant, &id).await?;
    let list = format!("prompts/{id}/versions");
    let at = api
        .cursor_key
        .begins((&tenant, &list), page.cursor.as_deref())?;
    // The number of a version is its place.
    let below = at.map_or(u64::MAX, |at| at.created_ms);
    let below = u32::try_from(below).unwrap_or(u32::MAX);
    let place = (&tenant, id.as_str());
    let mut found =
        prompts::versions(&mut conn, place, &version_id(&id, below), page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = match found.last().filter(|_| has_more) {
        None => None,
        Some(last) => {
            let position = Position {
                created_ms: u64::from(version_of(last)?.1),
                request: RequestId(Uuid::nil()),
            };
            Some(api.cursor_key.seal(&tenant, &list, position))
        }
    };
    let item = |document: &Document| about(document, &WrittenVersion::read(document)?);
    let items = found.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

/// One.
pub(in crate::rest) async fn one(
    State(api): State<Api>,
    Path((id, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    find(&mut conn, &tenant, &id).await?;
    let found = find_version(&mut conn, &tenant, (&id, number(&version)?)).await?;
    Ok(Json(describe(&found)?))
}

/// Saves one.
pub(in crate::rest) async fn create(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let saved = save(fields)?;
    let editing = Editing::begin(&api, &headers).await?;
    next(editing, &id, async |_, _| Ok((saved, None))).await
}

/// Saves anew what an older one said.
pub(in crate::rest) async fn restore(
    State(api): State<Api>,
    Path((id, version)): Path<(String, String)>,
    headers: HeaderMap,
    MaybeObject(mut fields): MaybeObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let note = read_note(&mut fields)?;
    let number = number(&version)?;
    let editing = Editing::begin(&api, &headers).await?;
    next(editing, &id, async |editing, tenant| {
        let old = find_version(&mut editing.tx, tenant, (&id, number)).await?;
        let WrittenVersion { content, bytes, .. } = WrittenVersion::read(&old)?;
        let saved = Saved {
            content,
            note,
            bytes,
        };
        Ok((saved, Some(number)))
    })
    .await
}

/// The only thing that may be said of a version that says what another did.
fn read_note(fields: &mut Map<String, Value>) -> Result<Option<String>, ApiError> {
    let note = super::read::note(fields)?;
    match fields.keys().next() {
        None => Ok(note),
        Some(key) => {
            let message = format!("{key:?} is not known here: send note, or nothing");
            Err(ApiError::invalid_body(key, message))
        }
    }
}

/// Writes the next version of a prompt.
async fn next(
    mut editing: Editing<'_>,
    id: &str,
    what: impl AsyncFnOnce(&mut Editing<'_>, &TenantId) -> Result<(Saved, Option<u32>), ApiError>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, id).await?;
    let (saved, restored_from) = what(&mut editing, &tenant).await?;
    let mut prompt = WrittenPrompt::read(&before)?;
    prompt.latest += 1;
    let place = (id, prompt.latest);
    let version = add_version(&mut editing, place, saved, restored_from).await?;
    let place = (id, Some(&before));
    editing.replace(Kind::Prompt, place, &json!(prompt)).await?;
    editing.commit_prompts().await?;
    Ok((StatusCode::CREATED, Json(describe(&version)?)))
}

/// Takes one away that is not the newest.
pub(in crate::rest) async fn remove(
    State(api): State<Api>,
    Path((id, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let number = number(&version)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let prompt = find(&mut editing.tx, &tenant, &id).await?;
    if WrittenPrompt::read(&prompt)?.latest == number {
        let message =
            format!("version {number} is the newest, which calls get: save another one first");
        return Err(ApiError::invalid_body("version", message));
    }
    let document = find_version(&mut editing.tx, &tenant, (&id, number)).await?;
    editing.delete(Kind::PromptVersion, &document).await?;
    editing.commit_prompts().await?;
    let deleted = json!({
        "prompt_id": id, "version": number, "object": "prompt_version", "deleted": true,
    });
    Ok(Json(deleted))
}

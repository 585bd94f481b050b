//! `/v1/projects`: what calls are counted for.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{ids::TenantId, snapshot::ApiKey};
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    reading,
    settings::{Editing, whole_list, with_times},
};
use crate::{
    settings::projects::WrittenProject,
    store::{
        StoreError,
        settings::{self, Document, Kind},
        sql::Conn,
    },
};

/// More than people keep apart; a page holds them all.
const MAX_PROJECTS: usize = 1_000;
const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// Reads a project as it is written.
fn read(fields: serde_json::Map<String, Value>) -> Result<WrittenProject, ApiError> {
    let mut written: WrittenProject = body::read(Value::Object(fields), "")?;
    written.name = written.name.trim().to_owned();
    let chars = written.name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) {
        let message = format!("name has {chars} characters, it must have 1 to {MAX_NAME_CHARS}");
        return Err(ApiError::invalid_body("name", message));
    }
    let chars = written
        .description
        .as_deref()
        .map_or(0, |text| text.chars().count());
    if chars > MAX_DESCRIPTION_CHARS {
        let message =
            format!("description has {chars} characters, it may have {MAX_DESCRIPTION_CHARS}");
        return Err(ApiError::invalid_body("description", message));
    }
    Ok(written)
}

fn describe(document: &Document) -> Result<Value, StoreError> {
    let written = WrittenProject::read(document)?;
    Ok(with_times(json!(written), document))
}

fn unknown() -> ApiError {
    ApiError::not_found("no such project")
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Document, ApiError> {
    let found = settings::get(conn, (tenant, Kind::Project), id).await?;
    found.ok_or_else(unknown)
}

/// Refuses a name that another project of the tenant has: people could not tell them apart. Takes from the others that
/// they are the default, where this one is.
async fn stand_beside(
    editing: &mut Editing<'_>,
    id: &str,
    written: &WrittenProject,
) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    for document in settings::list(&mut editing.tx, &tenant, Kind::Project).await? {
        if document.id == id {
            continue;
        }
        let mut other = WrittenProject::read(&document)?;
        if other.name == written.name {
            let message = format!("name {:?} is that of project {}", other.name, document.id);
            return Err(ApiError::invalid_body("name", message));
        }
        if other.is_default && written.is_default {
            other.is_default = false;
            let place = (document.id.as_str(), Some(&document));
            let other = json!(other);
            editing.replace(Kind::Project, place, &other).await?;
        }
    }
    Ok(())
}

/// All projects.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = settings::list(&mut conn, &tenant, Kind::Project).await?;
    let items = found.iter().map(describe).collect::<Result<_, _>>()?;
    Ok(Json(whole_list(items)))
}

/// Makes one.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let written = read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let count = settings::list(&mut editing.tx, &tenant, Kind::Project)
        .await?
        .len();
    if count >= MAX_PROJECTS {
        let message = format!("there are {count} projects, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    editing
        .check_plan(("projects", count), |plan| plan.projects)
        .await?;
    stand_beside(&mut editing, "", &written).await?;
    let document = editing.create(Kind::Project, &json!(written)).await?;
    editing.commit().await?;
    Ok((StatusCode::CREATED, Json(describe(&document)?)))
}

/// One.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    Ok(Json(describe(&find(&mut conn, &tenant, &id).await?)?))
}

/// Replaces one.
pub(super) async fn put(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let written = read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    stand_beside(&mut editing, &id, &written).await?;
    let place = (id.as_str(), Some(&before));
    let document = editing
        .replace(Kind::Project, place, &json!(written))
        .await?;
    editing.commit().await?;
    Ok(Json(describe(&document)?))
}

/// Takes one away that no key names.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = find(&mut editing.tx, &tenant, &id).await?;
    let is_its = |key: &ApiKey| {
        let named = [key.scope.project, key.default_project];
        named.iter().flatten().any(|named| named.to_string() == id)
    };
    let what = (Kind::Project, "project");
    editing.delete_unnamed(what, &document, is_its).await
}

//! `/v1/projects`: what calls are counted for.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{ids::TenantId, snapshot::KeyScope};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    reading,
    settings::{Editing, whole_list, with_times},
};
use crate::store::sql::Conn;
use crate::store::{
    StoreError,
    settings::{self, Document, Kind},
};

/// More than people keep apart; a page holds them all.
const MAX_PROJECTS: usize = 1_000;
const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// A project as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    description: Option<String>,
}

impl Written {
    fn read(fields: serde_json::Map<String, Value>) -> Result<Self, ApiError> {
        let mut written: Self = body::read(Value::Object(fields), "")?;
        written.name = written.name.trim().to_owned();
        let chars = written.name.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&chars) {
            let message =
                format!("name has {chars} characters, it must have 1 to {MAX_NAME_CHARS}");
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
}

fn describe(document: &Document) -> Result<Value, StoreError> {
    let written: Value =
        serde_json::from_str(&document.body).map_err(|e| StoreError::corrupt("project", e))?;
    Ok(with_times(written, document))
}

fn unknown() -> ApiError {
    ApiError::not_found("no such project")
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Document, ApiError> {
    let found = settings::get(conn, (tenant, Kind::Project), id).await?;
    found.ok_or_else(unknown)
}

/// Refuses a name that another project of the tenant has: people could not tell them apart.
async fn check_name(editing: &mut Editing<'_>, id: &str, name: &str) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    for other in settings::list(&mut editing.tx, &tenant, Kind::Project).await? {
        if other.id != id && describe(&other)?["name"] == name {
            let message = format!("name {name:?} is that of project {}", other.id);
            return Err(ApiError::invalid_body("name", message));
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
    let written = Written::read(fields)?;
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
    check_name(&mut editing, "", &written.name).await?;
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
    let written = Written::read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    check_name(&mut editing, &id, &written.name).await?;
    let place = (id.as_str(), Some(&before));
    let document = editing
        .replace(Kind::Project, place, &json!(written))
        .await?;
    editing.commit().await?;
    Ok(Json(describe(&document)?))
}

/// Takes one away that no key is held to.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let document = find(&mut editing.tx, &tenant, &id).await?;
    let is_its = |scope: &KeyScope| {
        scope
            .project
            .is_some_and(|project| project.to_string() == id)
    };
    let what = (Kind::Project, "project");
    editing.delete_unheld(what, &document, is_its).await
}

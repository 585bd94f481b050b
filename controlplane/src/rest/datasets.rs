//! `/v1/datasets`: what evaluations ask, uploaded once and read by many of them.

pub(super) mod rows;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::ids::{RequestId, TenantId};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api,
    body::{self, SmallObject},
    error::{ApiError, brief},
    query::{self, Pairs},
    reading,
    settings::Editing,
    view::moment,
};
use crate::store::sql::Conn;
use crate::store::{
    StoreError,
    audit::Action,
    datasets::{self, Dataset},
    evaluations::{self, End},
    list::Position,
    tenants,
};

/// What a cursor of the list is bound to besides the tenant.
const LIST: &str = "datasets";
/// Of a body: what the proxy passes on for this path, which is also what is remembered of questions.
const MAX_BODY_BYTES: usize = 16 << 20;
/// More than anybody can tell apart.
const MAX_DATASETS: u64 = 100;
/// Of one data set: days of asking.
const MAX_ROWS: u64 = 50_000;
/// Of all rows of a tenant.
const MAX_TENANT_BYTES: u64 = 1 << 30;
const MAX_NAME_CHARS: usize = 200;
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// A data set as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    rows: Vec<Value>,
}

const UNKNOWN: &str = "no such data set";

/// One of a tenant's by its id as it stands in a path.
pub(super) async fn find(
    conn: &mut Conn,
    tenant: &TenantId,
    id: &str,
) -> Result<Dataset, ApiError> {
    let found = look_up(conn, tenant, id).await?;
    found.ok_or_else(|| ApiError::not_found(UNKNOWN))
}

/// The same by the `dataset_id` of a body.
pub(super) async fn find_named(
    conn: &mut Conn,
    tenant: &TenantId,
    id: &str,
) -> Result<Dataset, ApiError> {
    let found = look_up(conn, tenant, id).await?;
    found.ok_or_else(|| ApiError::unknown_named("dataset_id", UNKNOWN))
}

/// What is no id is nobody's.
async fn look_up(
    conn: &mut Conn,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<Dataset>, StoreError> {
    match Uuid::try_parse(id) {
        Ok(id) => datasets::get(conn, tenant, id).await,
        Err(_) => Ok(None),
    }
}

/// Refuses content of a tenant that keeps none. `param`: the field that has it, or `body`.
pub(super) async fn may_keep(
    conn: &mut Conn,
    tenant: &TenantId,
    param: &str,
) -> Result<(), ApiError> {
    if !tenants::zero_retention(conn, tenant).await? {
        return Ok(());
    }
    let message = "nothing of this organisation's content is kept, and data sets and results of evaluations are content";
    Err(ApiError::invalid_body(param, message))
}

fn describe(dataset: &Dataset) -> Value {
    json!({
        "id": dataset.id,
        "name": dataset.name,
        "description": dataset.description,
        "row_count": dataset.row_count,
        "bytes": dataset.bytes,
        "created_at": moment(dataset.created_ms),
        "updated_at": moment(dataset.changed_ms),
    })
}

/// A page of them, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let (before, limit) = asked_page(&api, &tenant, (LIST, pairs))?;
    let found = datasets::page(&mut conn, &tenant, before, limit + 1).await?;
    let place = |dataset: &Dataset| (dataset.created_ms, dataset.id);
    Ok(Json(told_page(
        &api,
        &tenant,
        (LIST, limit),
        (found, place, describe),
    )))
}

/// Where a page begins and how long it is.
pub(super) fn asked_page(
    api: &Api,
    tenant: &TenantId,
    (list, pairs): (&str, Pairs),
) -> Result<(Option<(u64, Uuid)>, u32), ApiError> {
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    let begins = api
        .cursor_key
        .begins((tenant, list), page.cursor.as_deref())?;
    let place = begins.map(|at| (at.created_ms, at.request.0));
    Ok((place, page.limit))
}

/// A page of what was found, which is one more than the page has if there are more. `place`: where one stands in the
/// list, `describe`: how it is told.
pub(super) fn told_page<T>(
    api: &Api,
    tenant: &TenantId,
    (list, limit): (&str, u32),
    (mut found, place, describe): (Vec<T>, impl Fn(&T) -> (u64, Uuid), impl Fn(&T) -> Value),
) -> Value {
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        let (created_ms, id) = place(last);
        let position = Position {
            created_ms,
            request: RequestId(id),
        };
        api.cursor_key.seal(tenant, list, position)
    });
    let items: Vec<Value> = found.iter().map(describe).collect();
    json!({"items": items, "next_cursor": next, "has_more": has_more})
}

/// One, without its rows.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    Ok(Json(describe(&find(&mut conn, &tenant, &id).await?)))
}

/// Makes one, with the rows that come along.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    SmallObject(fields): SmallObject<MAX_BODY_BYTES>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked: Asked = body::read(Value::Object(fields), "")?;
    check_text(&asked)?;
    let new = rows::read_list(asked.rows)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let param = if new.is_empty() { "body" } else { "rows" };
    may_keep(&mut editing.tx, &tenant, param).await?;
    let count = datasets::held(&mut editing.tx, &tenant).await?.datasets;
    if count >= MAX_DATASETS {
        let message = format!("there are {count} data sets, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    let dataset = Dataset {
        id: Uuid::new_v4(),
        name: asked.name.trim().to_owned(),
        description: asked.description,
        row_count: 0,
        bytes: 0,
        created_ms: editing.now_ms,
        changed_ms: editing.now_ms,
    };
    datasets::put(&mut editing.tx, &tenant, &dataset).await?;
    rows::add(&mut editing, &dataset, new).await?;
    let made = find(&mut editing.tx, &tenant, &dataset.id.to_string()).await?;
    let described = describe(&made);
    let resource = format!("dataset/{}", made.id);
    let after = described.to_string();
    editing
        .audit((Action::Create, &resource), None, Some(&after))
        .await?;
    editing.commit_content().await?;
    Ok((StatusCode::CREATED, Json(described)))
}

fn check_text(asked: &Asked) -> Result<(), ApiError> {
    let chars = asked.name.trim().chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) {
        let message = format!(
            "name is {:?}, it must have 1 to {MAX_NAME_CHARS} characters",
            brief(&asked.name)
        );
        return Err(ApiError::invalid_body("name", message));
    }
    let description = asked.description.as_deref().unwrap_or_default();
    let chars = description.chars().count();
    if chars > MAX_DESCRIPTION_CHARS {
        let message =
            format!("description has {chars} characters, it may have {MAX_DESCRIPTION_CHARS}");
        return Err(ApiError::invalid_body("description", message));
    }
    Ok(())
}

/// Takes one away with its rows. What asks it at the moment has failed; what was answered stays.
pub(super) async fn remove(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let dataset = find(&mut editing.tx, &tenant, &id).await?;
    let end = End::Failed {
        reason: "dataset_deleted",
        message: "the data set was deleted while it was asked",
    };
    for run in evaluations::active_of(&mut editing.tx, dataset.id).await? {
        evaluations::finish(&mut editing.tx, run, end, editing.now_ms).await?;
    }
    datasets::delete(&mut editing.tx, dataset.id).await?;
    let resource = format!("dataset/{}", dataset.id);
    let before = describe(&dataset).to_string();
    editing
        .audit((Action::Delete, &resource), Some(&before), None)
        .await?;
    editing.commit_content().await?;
    api.evaluations.changed.notify_one();
    Ok(Json(
        json!({"id": dataset.id, "object": "dataset", "deleted": true}),
    ))
}

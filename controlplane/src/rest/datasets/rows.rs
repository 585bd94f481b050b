//! `/v1/datasets/{id}/rows`: appended as JSON Lines or as a list, read page by page.

use std::collections::HashMap;

use axum::{
    Json,
    body::to_bytes,
    extract::{Path, Request, State},
    http::HeaderMap,
};
use floopy_shared::process::json as strict;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    MAX_BODY_BYTES, MAX_ROWS, MAX_TENANT_BYTES, Pairs, asked_page, find, may_keep, told_page,
};
use crate::{
    evaluations::WrittenRow,
    rest::{
        Api, body,
        error::{ApiError, brief},
        reading,
        settings::Editing,
        view::moment,
    },
    store::{
        StoreError,
        audit::Action,
        datasets::{self, Dataset, NewRow, StoredRow},
    },
};

/// Of one row: a long conversation.
const MAX_ROW_BYTES: usize = 256 << 10;
/// Of one body.
const MAX_ROWS_AT_ONCE: usize = 10_000;
/// Of a row's id.
const MAX_ID_BYTES: usize = 128;

/// A row with where it stood, for what is wrong with it.
struct Placed {
    row: NewRow,
    at: String,
}

/// Rows that were read, none of them twice.
pub(super) struct NewRows(Vec<Placed>);

impl NewRows {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What became of rows.
pub(super) struct Added {
    added: usize,
    duplicates: usize,
}

/// Rows of a list.
pub(super) fn read_list(rows: Vec<Value>) -> Result<NewRows, ApiError> {
    let placed = rows.into_iter().enumerate();
    read(placed.map(|(at, row)| (row, format!("rows[{at}]"), String::new())))
}

/// Rows of a body: a list, or one row in each line.
fn read_body(body: &[u8]) -> Result<NewRows, ApiError> {
    let not_json = |why: String| ApiError::invalid_body("body", why);
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        let read = strict::read(body).map_err(|e| body::not_json(&e))?;
        return read_list(read.as_array().cloned().unwrap_or_default());
    }
    let text = std::str::from_utf8(body).map_err(|e| not_json(format!("the body: {e}")))?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let mut rows = Vec::new();
    for (place, (line, text)) in lines.enumerate() {
        let (at, line) = (format!("rows[{place}]"), format!("line {}: ", line + 1));
        let row = strict::read(text.as_bytes()).map_err(|e| {
            let message = match e.field() {
                None => format!("{line}{at} is {e}"),
                Some(_) => format!("{line}{at}: {e}"),
            };
            ApiError::invalid_body(&at, message)
        })?;
        rows.push((row, at, line));
    }
    read(rows.into_iter())
}

fn read(rows: impl Iterator<Item = (Value, String, String)>) -> Result<NewRows, ApiError> {
    let mut read: Vec<Placed> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (value, at, line) in rows {
        if read.len() >= MAX_ROWS_AT_ONCE {
            let message = format!("rows are more than {MAX_ROWS_AT_ONCE}; append them in parts");
            return Err(ApiError::invalid_body("rows", message));
        }
        let row = read_row(value, &at, &line)?;
        if let Some(before) = known.get(&row.id) {
            same(&read[*before].row, &row, &at)?;
            continue;
        }
        known.insert(row.id.clone(), read.len());
        read.push(Placed { row, at });
    }
    Ok(NewRows(read))
}

fn read_row(value: Value, at: &str, line: &str) -> Result<NewRow, ApiError> {
    if !value.is_object() {
        let message = format!("{line}{at} is not an object");
        return Err(ApiError::invalid_body(at, message));
    }
    let mut row: WrittenRow = body::read(value, at).map_err(|error| error.after(line))?;
    if let Some((field, why)) = row.problem() {
        let param = format!("{at}.{field}");
        return Err(ApiError::invalid_body(
            &param,
            format!("{line}{param} {why}"),
        ));
    }
    let id = row.id.take();
    // What was read from JSON always serialises.
    let body = serde_json::to_string(&row).unwrap_or_default();
    if body.len() > MAX_ROW_BYTES {
        let bytes = body.len();
        let message = format!("{line}{at} has {bytes} bytes, a row may have {MAX_ROW_BYTES}");
        return Err(ApiError::invalid_body(at, message));
    }
    let id = match id {
        None => named_by_content(&body),
        Some(id) if (1..=MAX_ID_BYTES).contains(&id.len()) => id,
        Some(id) => {
            let param = format!("{at}.id");
            let message = format!(
                "{line}{param} is {:?}, it must have 1 to {MAX_ID_BYTES} bytes",
                brief(&id)
            );
            return Err(ApiError::invalid_body(&param, message));
        }
    };
    Ok(NewRow { id, body })
}

/// A row without an id is named by what it says: sent twice, it is one.
fn named_by_content(body: &str) -> String {
    format!("row_{}", hex::encode(&Sha256::digest(body)[..12]))
}

fn same(before: &NewRow, row: &NewRow, at: &str) -> Result<(), ApiError> {
    if before.body == row.body {
        return Ok(());
    }
    let param = format!("{at}.id");
    let message = format!(
        "{param} is {:?}, which another row of this data set has",
        brief(&row.id)
    );
    Err(ApiError::invalid_body(&param, message))
}

/// Adds rows that are not there yet, if there is room for them.
pub(super) async fn add(
    editing: &mut Editing<'_>,
    dataset: &Dataset,
    NewRows(rows): NewRows,
) -> Result<Added, ApiError> {
    let count = rows.len();
    let ids: Vec<&str> = rows.iter().map(|placed| placed.row.id.as_str()).collect();
    let known = datasets::known(&mut editing.tx, dataset.id, &ids).await?;
    let known: HashMap<&str, &NewRow> = known.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut new = Vec::with_capacity(count);
    for Placed { row, at } in rows {
        match known.get(row.id.as_str()) {
            Some(before) => same(before, &row, &at)?,
            None => new.push(row),
        }
    }
    let all = dataset.row_count + new.len() as u64;
    if all > MAX_ROWS {
        let message = format!("with these rows the data set has {all}, it may have {MAX_ROWS}");
        return Err(ApiError::invalid_body("rows", message));
    }
    let tenant = editing.tenant();
    let held = datasets::held(&mut editing.tx, &tenant).await?.bytes;
    let bytes: usize = new.iter().map(|row| row.body.len()).sum();
    let all = held + bytes as u64;
    if all > MAX_TENANT_BYTES {
        let message = format!(
            "with these rows all data sets have {all} bytes, they may have {MAX_TENANT_BYTES}"
        );
        return Err(ApiError::invalid_body("rows", message));
    }
    datasets::add(&mut editing.tx, dataset.id, &new, editing.now_ms).await?;
    Ok(Added {
        added: new.len(),
        duplicates: count - new.len(),
    })
}

/// Appends rows.
pub(in crate::rest) async fn append(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
    let bytes = bytes.map_err(|_| ApiError::body_too_large(MAX_BODY_BYTES))?;
    let rows = read_body(&bytes)?;
    if rows.is_empty() {
        let message = "rows is empty: send a list of rows, or one row in each line";
        return Err(ApiError::invalid_body("rows", message));
    }
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let dataset = find(&mut editing.tx, &tenant, &id).await?;
    may_keep(&mut editing.tx, &tenant, "rows").await?;
    let added = add(&mut editing, &dataset, rows).await?;
    let after = find(&mut editing.tx, &tenant, &id).await?;
    let told = json!({
        "id": dataset.id, "added": added.added, "duplicates": added.duplicates,
        "row_count": after.row_count, "bytes": after.bytes,
    });
    let resource = format!("dataset/{}/rows", dataset.id);
    let (before, now) = (super::describe(&dataset), super::describe(&after));
    let (before, now) = (before.to_string(), now.to_string());
    editing
        .audit((Action::Update, &resource), Some(&before), Some(&now))
        .await?;
    editing.commit_content().await?;
    Ok(Json(told))
}

/// A page of rows, in the order in which they came.
pub(in crate::rest) async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let dataset = find(&mut conn, &tenant, &id).await?;
    let list = format!("dataset/{}/rows", dataset.id);
    let (after, limit) = asked_page(&api, &tenant, (&list, pairs))?;
    let after = after.map_or(0, |(seq, _)| seq);
    let found = datasets::rows(&mut conn, dataset.id, after, limit + 1).await?;
    let told: Result<Vec<(u64, Value)>, StoreError> = found.iter().map(describe).collect();
    let place = |row: &(u64, Value)| (row.0, Uuid::nil());
    let page = (told?, place, |row: &(u64, Value)| row.1.clone());
    Ok(Json(told_page(&api, &tenant, (&list, limit), page)))
}

fn describe(row: &StoredRow) -> Result<(u64, Value), StoreError> {
    let mut told: Value =
        serde_json::from_str(&row.body).map_err(|e| StoreError::corrupt("row", e))?;
    told["id"] = json!(row.id);
    told["created_at"] = json!(moment(row.created_ms));
    Ok((row.seq, told))
}

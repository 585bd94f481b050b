//! `GET /v1/audit`: who changed what, the newest first.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::{
    Api,
    error::ApiError,
    query::{self, Pairs},
    reader,
    view::moment,
};
use crate::store::{
    audit::{self, Entry, Filter},
    list::Position,
};

/// What a cursor of this list is bound to besides the tenant.
const LIST: &str = "audit";

/// A page of changes.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let tenant = reader(&api, &headers).await?;
    let pairs = pairs.read()?;
    let page = query::page(pairs)?;
    let before = api
        .cursor_key
        .begins((&tenant, LIST), page.cursor.as_deref())?;
    let before = before.map(|at| at.created_ms);
    let filter = Filter {
        tenant: Some(tenant.to_string()),
        ..Filter::default()
    };
    let mut found = audit::page(&api.store, &filter, before, page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        let position = Position::numbered(last.seq);
        api.cursor_key.seal(&tenant, LIST, position)
    });
    let items: Vec<Value> = found.iter().map(describe).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

/// A change as it is told. What was done without a request, as at the start, has no id of one.
pub(super) fn describe(entry: &Entry) -> Value {
    let request_id = Some(&entry.request_id).filter(|id| !id.is_empty());
    json!({
        "id": entry.seq,
        "at": moment(entry.at_ms),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "resource": entry.resource,
        "before_sha256": entry.before_sha256,
        "after_sha256": entry.after_sha256,
        "request_id": request_id,
    })
}

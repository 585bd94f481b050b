//! `GET /v1/operator/audit`: who changed what, over all tenants, the newest first.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    rest::{
        Api,
        audit::describe,
        cursor::Owner,
        error::{ApiError, brief},
        query::{self, Page, Pairs},
    },
    store::{
        audit::{self, Filter},
        list::Position,
    },
};

const KEYS: [&str; 8] = [
    "tenant", "actor", "action", "resource", "from", "to", "limit", "cursor",
];

/// A page of changes.
pub(crate) async fn list(State(api): State<Api>, pairs: Pairs) -> Result<Json<Value>, ApiError> {
    let pairs = pairs.read()?;
    let bound = query::bound("operator/audit", &pairs);
    let (filter, page) = read(pairs)?;
    let place = (Owner::Operator, bound.as_str());
    let before = api.cursor_key.begins(place, page.cursor.as_deref())?;
    let before = before.map(|at| at.created_ms);
    let mut found = audit::page(&api.store, &filter, before, page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        let position = Position::numbered(last.seq);
        api.cursor_key.seal(Owner::Operator, &bound, position)
    });
    let told = |entry: &audit::Entry| {
        let mut told = describe(entry);
        told["tenant"] = json!(Some(&entry.tenant).filter(|tenant| !tenant.is_empty()));
        told
    };
    let items: Vec<Value> = found.iter().map(told).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

fn read(pairs: Vec<(String, String)>) -> Result<(Filter, Page), ApiError> {
    let (mut filter, mut page) = (Filter::default(), Page::default());
    for (key, value) in pairs {
        match key.as_str() {
            known if KEYS.contains(&known) && value.is_empty() => {}
            "tenant" => filter.tenant = Some(value),
            "actor" => filter.actor = Some(value),
            "action" => filter.action = Some(action(value)?),
            "resource" => filter.resource = Some(value),
            "from" => filter.from_ms = Some(query::moment(&key, &value)?),
            "to" => filter.to_ms = Some(query::moment(&key, &value)?),
            "limit" => page.limit = query::limit(&key, &value)?,
            "cursor" => page.cursor = Some(value),
            _ => return Err(query::unknown(&key, &KEYS)),
        }
    }
    Ok((filter, page))
}

fn action(value: String) -> Result<String, ApiError> {
    let known = ["create", "update", "delete"];
    if known.contains(&value.as_str()) {
        return Ok(value);
    }
    let (value, known) = (brief(&value), known.join(", "));
    let message = format!("action is {value:?}, it must be one of {known}");
    Err(ApiError::invalid_query("action", message))
}

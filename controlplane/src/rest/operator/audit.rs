//! `GET /v1/operator/audit`: who changed what, over all tenants, the newest first.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    rest::{
        Api,
        audit::describe,
        error::{ApiError, brief},
        query::{self, Pairs},
    },
    store::audit::{self, Filter},
};

const KEYS: [&str; 8] = [
    "tenant", "actor", "action", "resource", "from", "to", "limit", "cursor",
];

/// A page of changes.
pub(crate) async fn list(State(api): State<Api>, pairs: Pairs) -> Result<Json<Value>, ApiError> {
    let pairs = pairs.read()?;
    let (filter, limit, before) = read(pairs)?;
    let mut found = audit::page(&api.store, &filter, before, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more);
    let next = next.map(|last| last.seq.to_string());
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

fn read(pairs: Vec<(String, String)>) -> Result<(Filter, u32, Option<u64>), ApiError> {
    let (mut filter, mut limit, mut before) = (Filter::default(), query::LIMIT.0, None);
    for (key, value) in pairs {
        match key.as_str() {
            known if KEYS.contains(&known) && value.is_empty() => {}
            "tenant" => filter.tenant = Some(value),
            "actor" => filter.actor = Some(value),
            "action" => filter.action = Some(action(value)?),
            "resource" => filter.resource = Some(value),
            "from" => filter.from_ms = Some(query::moment(&key, &value)?),
            "to" => filter.to_ms = Some(query::moment(&key, &value)?),
            "limit" => limit = query::limit(&key, &value)?,
            "cursor" => before = Some(cursor(&value)?),
            _ => return Err(query::unknown(&key, &KEYS)),
        }
    }
    Ok((filter, limit, before))
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

fn cursor(value: &str) -> Result<u64, ApiError> {
    value.parse().map_err(|_| {
        let message = format!("cursor {:?} is not one of this list", brief(value));
        ApiError::invalid_query("cursor", message)
    })
}

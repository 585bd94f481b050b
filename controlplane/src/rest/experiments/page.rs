//! `GET /v1/experiments`: a page of them, the newest first.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::domain::ids::RequestId;
use serde_json::{Value, json};

use super::{
    super::{
        Api,
        error::{ApiError, brief},
        query::{LIMIT, Pairs, limit, moment, unknown},
        reading,
    },
    Stored, all,
};
use crate::{
    settings::experiments::Status,
    store::{StoreError, list::Position},
};

const KEYS: [&str; 6] = ["status", "from", "to", "limit", "cursor", "shape"];

/// A checked query.
#[derive(Default)]
struct Listed {
    status: Option<Status>,
    /// Inclusive, milliseconds since the epoch.
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    limit: u32,
    cursor: Option<String>,
    /// The documentation's form: the items without anything around them.
    is_array: bool,
    /// What a cursor is bound to.
    fingerprint: String,
}

impl Listed {
    /// Empty values count as absent: some clients send them.
    fn read(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut listed = Self {
            limit: LIMIT.0,
            ..Self::default()
        };
        let mut bound = vec!["experiments".to_owned()];
        for (key, value) in pairs {
            if !KEYS.contains(&key.as_str()) {
                return Err(unknown(&key, &KEYS));
            }
            if value.is_empty() {
                continue;
            }
            listed.take(&key, &value)?;
            if matches!(key.as_str(), "status" | "from" | "to") {
                bound.push(format!("{key}={value}"));
            }
        }
        bound.sort_unstable();
        listed.fingerprint = bound.join("&");
        Ok(listed)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), ApiError> {
        match key {
            "status" => self.status = Some(status(value)?),
            "from" => self.from_ms = Some(moment(key, value)?),
            "to" => self.to_ms = Some(moment(key, value)?),
            "limit" => self.limit = limit(key, value)?,
            "cursor" => self.cursor = Some(value.to_owned()),
            "shape" if value == "array" => self.is_array = true,
            "shape" if value == "page" => self.is_array = false,
            "shape" => {
                let message = format!("shape is {:?}, it must be page or array", brief(value));
                return Err(ApiError::invalid_query(key, message));
            }
            _ => return Err(unknown(key, &KEYS)),
        }
        Ok(())
    }

    fn wants(&self, stored: &Stored) -> bool {
        let created = stored.document.created_ms;
        self.status
            .is_none_or(|status| stored.written.status == status)
            && self.from_ms.is_none_or(|from| created >= from)
            && self.to_ms.is_none_or(|to| created <= to)
    }
}

fn status(value: &str) -> Result<Status, ApiError> {
    let known = Status::ALL.into_iter().find(|s| s.as_str() == value);
    known.ok_or_else(|| {
        let names = Status::ALL.map(Status::as_str).join(", ");
        let message = format!("status is {:?}, it must be one of {names}", brief(value));
        ApiError::invalid_query("status", message)
    })
}

/// Where an experiment stands in the list.
fn place(stored: &Stored) -> Result<(u64, RequestId), StoreError> {
    let id = stored.document.id.parse();
    let id = id.map_err(|e| StoreError::corrupt("experiment's id", e))?;
    Ok((stored.document.created_ms, RequestId(id)))
}

/// A page.
pub(in super::super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let listed = Listed::read(pairs)?;
    let after = match &listed.cursor {
        None => None,
        Some(cursor) => {
            let opened = api.cursor_key.open(&tenant, &listed.fingerprint, cursor);
            let position = opened.ok_or_else(|| {
                let message = format!("cursor {:?} is not one of this query", brief(cursor));
                ApiError::invalid_query("cursor", message)
            })?;
            Some((position.created_ms, position.request))
        }
    };
    let mut found = Vec::new();
    for stored in all(&mut conn, &tenant).await? {
        let place = place(&stored)?;
        if listed.wants(&stored) && after.is_none_or(|after| place < after) {
            found.push((place, stored));
        }
    }
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let has_more = found.len() > listed.limit as usize;
    found.truncate(listed.limit as usize);
    let next = found
        .last()
        .filter(|_| has_more)
        .map(|((created_ms, request), _)| {
            let position = Position {
                created_ms: *created_ms,
                request: *request,
            };
            api.cursor_key.seal(&tenant, &listed.fingerprint, position)
        });
    let items = found.iter().map(|(_, stored)| stored.describe(&tenant));
    let items: Vec<Value> = items.collect();
    Ok(Json(if listed.is_array {
        json!(items)
    } else {
        json!({"items": items, "next_cursor": next, "has_more": has_more})
    }))
}

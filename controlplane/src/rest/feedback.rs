//! `GET /v1/feedback`: the ratings that were given, the newest first, and what became of each.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::domain::{
    event::RatingScore,
    ids::{RequestId, SessionId},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api,
    error::{ApiError, brief},
    query::{self, LIMIT, Pairs},
    reading,
    view::moment,
};
use crate::store::ratings::{
    Kind,
    listed::{self, Fate, Filter, Listed},
};

const KEYS: [&str; 6] = ["session_id", "request_id", "from", "to", "limit", "cursor"];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    filter: Filter,
    limit: u32,
    cursor: Option<String>,
    /// Everything but limit and cursor, in a fixed order: what a cursor is bound to.
    fingerprint: String,
}

/// A page of ratings.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let asked = parse(pairs)?;
    let after = match &asked.cursor {
        None => None,
        Some(cursor) => {
            let position = api.cursor_key.open(&tenant, &asked.fingerprint, cursor);
            Some(position.ok_or_else(|| {
                let message = format!("cursor {:?} is not one of this query", brief(cursor));
                ApiError::invalid_query("cursor", message)
            })?)
        }
    };
    let slice = (after, asked.limit + 1);
    let mut found = listed::page(&mut conn, &tenant, &asked.filter, slice).await?;
    let has_more = found.len() > asked.limit as usize;
    found.truncate(asked.limit as usize);
    let next = found.last().filter(|_| has_more).map(|last| {
        api.cursor_key
            .seal(&tenant, &asked.fingerprint, last.position())
    });
    let items: Vec<Value> = found.iter().map(describe).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

fn parse(pairs: Vec<(String, String)>) -> Result<Asked, ApiError> {
    let mut asked = Asked {
        filter: Filter::default(),
        limit: LIMIT.0,
        cursor: None,
        fingerprint: String::new(),
    };
    let mut bound = vec!["feedback".to_owned()];
    for (key, value) in pairs {
        if !KEYS.contains(&key.as_str()) {
            return Err(query::unknown(&key, &KEYS));
        }
        if value.is_empty() {
            continue;
        }
        take(&mut asked, &key, &value)?;
        if !matches!(key.as_str(), "limit" | "cursor") {
            bound.push(format!("{key}={value}"));
        }
    }
    bound.sort_unstable();
    asked.fingerprint = bound.join("&");
    if let (Some(from), Some(to)) = (asked.filter.from_ms, asked.filter.to_ms)
        && from > to
    {
        let (from, to) = (query::text(from), query::text(to));
        let message = format!("from is {from}, to is {to}: from is after to");
        return Err(ApiError::invalid_query("from", message));
    }
    Ok(asked)
}

fn take(asked: &mut Asked, key: &str, value: &str) -> Result<(), ApiError> {
    let filter = &mut asked.filter;
    match key {
        "session_id" => filter.session = Some(session(key, value)?),
        "request_id" => filter.request = Some(request(key, value)?),
        "from" => filter.from_ms = Some(query::moment(key, value)?),
        "to" => filter.to_ms = Some(query::moment(key, value)?),
        "limit" => asked.limit = query::limit(key, value)?,
        "cursor" => asked.cursor = Some(value.to_owned()),
        _ => return Err(query::unknown(key, &KEYS)),
    }
    Ok(())
}

fn session(key: &str, value: &str) -> Result<SessionId, ApiError> {
    SessionId::new(value).map_err(|_| {
        let shown = brief(value);
        let message =
            format!("{key} is {shown:?}, it must be 1 to 256 bytes without control characters");
        ApiError::invalid_query(key, message)
    })
}

fn request(key: &str, value: &str) -> Result<RequestId, ApiError> {
    Uuid::try_parse(value).map(RequestId).map_err(|_| {
        let shown = brief(value);
        let message = format!("{key} is {shown:?}, it must be the x-request-id of a reply, a UUID");
        ApiError::invalid_query(key, message)
    })
}

fn describe(listed: &Listed) -> Value {
    let rating = &listed.rating;
    let (session, request) = match listed.kind {
        Kind::Session => (Some(&listed.name), None),
        Kind::Request => (None, Some(&listed.name)),
    };
    let status = match listed.fate {
        Fate::Counts => "counts",
        Fate::Waiting => "waiting",
        Fate::Duplicate => "duplicate",
    };
    json!({
        "session_id": session,
        "request_id": request,
        "means_session_id": listed.session.as_ref().map(SessionId::as_str),
        "score": rating.score.map(RatingScore::value),
        "useful": rating.useful,
        "revised": rating.revise,
        "rated_at": moment(rating.rated_ms),
        "status": status,
    })
}

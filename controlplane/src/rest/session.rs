//! `/v1/session/{session_id}`: a conversation told again, and forgotten.

mod rebuild;

use std::{borrow::Cow, collections::HashSet};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use floopy_shared::domain::ids::{CandidateKey, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use self::rebuild::{Conversation, Said, rebuild};
use super::{Api, error::ApiError, reading, settings::Editing, view::moment};
use crate::store::{
    StoreError,
    audit::Action,
    contents::{self, StoredSession, StoredTurn, deleted},
};

fn unknown() -> ApiError {
    ApiError::not_found("no such session")
}

pub(super) async fn nameless() -> ApiError {
    ApiError::invalid_query("session_id", "session_id is empty")
}

/// The id in a path, trimmed.
fn read_id(path: Result<Path<String>, PathRejection>) -> Result<SessionId, ApiError> {
    let Ok(Path(id)) = path else {
        let message = "session_id is not valid UTF-8";
        return Err(ApiError::invalid_query("session_id", message));
    };
    SessionId::new(&id).map_err(|e| ApiError::invalid_query("session_id", e.to_string()))
}

/// The conversation, ready to be gone on with.
pub(super) async fn tell(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let id = read_id(path)?;
    let found = contents::get(&mut conn, &tenant, id.as_str()).await?;
    Ok(describe(&id, &found.ok_or_else(unknown)?)?)
}

/// Of the messages that are told: what proxies pass on, less the turns.
const MAX_TOLD_BYTES: usize = 12 << 20;

/// A session as callers read it.
#[derive(Serialize)]
struct Told<'a> {
    session_id: &'a str,
    messages: Vec<&'a RawValue>,
    turn_count: usize,
    turns: Vec<Value>,
    truncated: bool,
}

#[derive(Deserialize, Default)]
struct Spoken<'a> {
    #[serde(borrow, default)]
    role: Cow<'a, str>,
}

fn role(message: &RawValue) -> Cow<'_, str> {
    let read: Spoken<'_> = serde_json::from_str(message.get()).unwrap_or_default();
    read.role
}

fn describe(id: &SessionId, session: &StoredSession) -> Result<Response, StoreError> {
    let message = |number: &u64| session.messages.get(number).map(|message| &**message);
    // Each is read once, however many calls begin with it.
    let systems: HashSet<u64> = session
        .messages
        .iter()
        .filter(|(_, message)| matches!(&*role(message), "system" | "developer"))
        .map(|(number, _)| *number)
        .collect();
    let is_system = |number| systems.contains(&number);
    let Conversation { system, spoken } = rebuild(session.turns.iter().map(said), is_system);
    let read = |numbers: &[u64]| {
        let read: Option<Vec<&RawValue>> = numbers.iter().map(message).collect();
        read.ok_or_else(|| StoreError::corrupt("session", "a message is missing"))
    };
    let (mut messages, spoken) = (read(&system)?, read(&spoken)?);
    let newest = newest(&spoken);
    messages.extend_from_slice(newest);
    let is_cut = session.is_cut || newest.len() < spoken.len();
    let told = Told {
        session_id: id.as_str(),
        messages,
        turn_count: session.turns.len(),
        turns: session.turns.iter().map(describe_turn).collect(),
        truncated: is_cut || session.turns.iter().any(|turn| turn.truncated),
    };
    Ok(Json(told).into_response())
}

/// As many of the newest messages as are told at once: the same one may be said a thousand times. They begin with a
/// user's.
fn newest<'a, 'm>(spoken: &'a [&'m RawValue]) -> &'a [&'m RawValue] {
    let mut room = MAX_TOLD_BYTES;
    let fits = |message: &&&RawValue| {
        let left = room.checked_sub(message.get().len());
        room = left.unwrap_or_default();
        left.is_some()
    };
    let kept = spoken.iter().rev().take_while(fits).count();
    if kept == spoken.len() {
        return spoken;
    }
    let newest = &spoken[spoken.len() - kept..];
    let first = newest.iter().position(|message| role(message) == "user");
    &newest[first.unwrap_or(kept)..]
}

fn said(turn: &StoredTurn) -> Said<'_> {
    match turn.messages.split_last() {
        Some((reply, messages)) if turn.has_reply => Said {
            messages,
            reply: Some(*reply),
        },
        Some(_) | None => Said {
            messages: &turn.messages,
            reply: None,
        },
    }
}

fn describe_turn(turn: &StoredTurn) -> Value {
    let key = CandidateKey::parse(&turn.candidate).ok();
    json!({
        "request_id": turn.request.to_string(),
        "created_at": moment(turn.created_ms),
        "model": key.as_ref().map_or("", CandidateKey::model),
        "provider": key.as_ref().map_or("", CandidateKey::provider),
        "truncated": turn.truncated,
    })
}

/// Deletes what was said, for good.
pub(super) async fn forget(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let id = read_id(path)?;
    let tenant = editing.tenant();
    let now_ms = editing.now_ms;
    let place = (&tenant, id.as_str());
    let turns = deleted::delete(&mut editing.tx, place, now_ms).await?;
    if turns == 0 {
        // What is on its way to where nothing is yet must not come to stay.
        editing.commit_content().await?;
        api.queue.forget_now().await;
        return Err(unknown());
    }
    let resource = format!("session/{id}");
    editing
        .audit((Action::Delete, &resource), None, None)
        .await?;
    editing.commit_content().await?;
    api.queue.forget_now().await;
    Ok(Json(json!({
        "id": id.as_str(), "object": "session", "deleted": true, "turn_count": turns,
    })))
}

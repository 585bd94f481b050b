//! `GET /v1/prompts/{id}/diff`: what changed from one version to another, line by line.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::ids::TenantId;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::find;
use crate::store::sql::Conn;
use crate::{
    rest::{
        Api,
        error::{ApiError, brief},
        query::{self, Pairs},
        reading,
    },
    settings::prompts::{Content, WrittenPrompt, WrittenVersion, version_id, version_of},
    store::{
        prompts,
        settings::{self, Kind},
    },
};

/// After this a diff need not be the shortest: a version has up to 64 KiB, and nobody else is answered meanwhile.
const PATIENCE: Duration = Duration::from_millis(50);

/// Lines around what changed.
const CONTEXT_LINES: usize = 3;

/// Compares two versions; without numbers the newest with the one before it, which is none of the first.
pub(in crate::rest) async fn between(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let prompt = find(&mut conn, &tenant, &id).await?;
    let (from, to) = numbers(&pairs)?;
    let to = match to {
        Some(to) => to,
        None => WrittenPrompt::read(&prompt)?.latest,
    };
    let place = (&tenant, id.as_str());
    let new = content(&mut conn, place, ("to", to)).await?;
    let (from, old) = match from {
        Some(from) => {
            let old = content(&mut conn, place, ("from", from)).await?;
            (Some(from), old)
        }
        None => before(&mut conn, place, to).await?,
    };
    Ok(Json(describe(&id, (from, &old), (to, &new))))
}

/// What the version says that a field of the query names.
async fn content(
    conn: &mut Conn,
    (tenant, id): (&TenantId, &str),
    (field, number): (&str, u32),
) -> Result<Content, ApiError> {
    let at = version_id(id, number);
    let found = settings::get(conn, (tenant, Kind::PromptVersion), &at).await?;
    let found = found.ok_or_else(|| {
        let message = format!("{field} is {number}, this prompt has no such version");
        ApiError::unknown_named(field, message)
    })?;
    Ok(WrittenVersion::read(&found)?.content)
}

/// The newest version below a number: those between may have been deleted. Nothing, where there is none.
async fn before(
    conn: &mut Conn,
    place: (&TenantId, &str),
    number: u32,
) -> Result<(Option<u32>, Content), ApiError> {
    let below = version_id(place.1, number);
    let found = prompts::versions(conn, place, &below, 1).await?;
    let Some(version) = found.first() else {
        return Ok((None, Content::default()));
    };
    let content = WrittenVersion::read(version)?.content;
    Ok((Some(version_of(version)?.1), content))
}

/// The numbers that are asked for.
fn numbers(pairs: &[(String, String)]) -> Result<(Option<u32>, Option<u32>), ApiError> {
    let (mut from, mut to) = (None, None);
    for (key, value) in pairs {
        let number = match key.as_str() {
            "from" => &mut from,
            "to" => &mut to,
            _ => {
                let key = brief(key);
                let message = format!("{key:?} is not a key of this query; known are from, to");
                return Err(ApiError::invalid_query(&key, message));
            }
        };
        if value.is_empty() {
            continue;
        }
        *number = Some(query::whole(value).ok_or_else(|| {
            let message = format!("{key} is {:?}, it must be a version", brief(value));
            ApiError::invalid_query(key, message)
        })?);
    }
    Ok((from, to))
}

fn describe(id: &str, (from, old): (Option<u32>, &Content), (to, new): (u32, &Content)) -> Value {
    let (before, after) = (text(old), text(new));
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(&before, &after);
    let unified = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&header(from), &header(Some(to)))
        .to_string();
    let line = |change: similar::Change<&str>| {
        let op = match change.tag() {
            ChangeTag::Equal => "equal",
            ChangeTag::Delete => "delete",
            ChangeTag::Insert => "insert",
        };
        json!({"op": op, "line": change.value().trim_end_matches('\n')})
    };
    let lines: Vec<Value> = diff.iter_all_changes().map(line).collect();
    json!({
        "prompt_id": id, "from": from, "to": to, "lines": lines, "unified": unified,
        "variables": variables(old, new),
    })
}

fn header(number: Option<u32>) -> String {
    number.map_or_else(
        || "no version".to_owned(),
        |number| format!("version {number}"),
    )
}

/// Each message under its role.
fn text(content: &Content) -> String {
    let messages = content.messages.iter();
    messages
        .map(|message| format!("[{}]\n{}\n", message.role, message.content))
        .collect()
}

fn variables(old: &Content, new: &Content) -> Value {
    let (old, new) = (&old.variables, &new.variables);
    let added: Vec<&String> = new.keys().filter(|name| !old.contains_key(*name)).collect();
    let removed: Vec<&String> = old.keys().filter(|name| !new.contains_key(*name)).collect();
    let differs =
        |(name, variable): &(&String, _)| old.get(*name).is_some_and(|old| old != *variable);
    let changed: Vec<&String> = new.iter().filter(differs).map(|(name, _)| name).collect();
    json!({"added": added, "removed": removed, "changed": changed})
}

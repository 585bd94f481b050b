//! `GET /v1/prompts/{id}/diff`: what changed from one version to another, line by line.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::HeaderMap,
};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{find, find_version};
use crate::{
    rest::{
        Api,
        error::{ApiError, brief},
        reading,
    },
    settings::prompts::{Content, WrittenPrompt, WrittenVersion},
};

/// After this a diff need not be the shortest: a version has up to 64 KiB, and nobody else is answered meanwhile.
const PATIENCE: Duration = Duration::from_millis(50);

/// Lines around what changed.
const CONTEXT_LINES: usize = 3;

/// Compares two versions; without numbers the newest with the one before it.
pub(super) async fn between(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let Query(pairs) = pairs.map_err(|e| ApiError::invalid_query("query", e.to_string()))?;
    let prompt = find(&mut conn, &tenant, &id).await?;
    let latest = WrittenPrompt::read(&prompt)?.latest;
    let (from, to) = numbers(&pairs, latest)?;
    let mut content = async |number| {
        let found = find_version(&mut conn, &tenant, (&id, number)).await?;
        Ok::<_, ApiError>(WrittenVersion::read(&found)?.content)
    };
    let (old, new) = (content(from).await?, content(to).await?);
    Ok(Json(describe(&id, (from, &old), (to, &new))))
}

fn numbers(pairs: &[(String, String)], latest: u32) -> Result<(u32, u32), ApiError> {
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
        *number = Some(value.parse().map_err(|_| {
            let message = format!("{key} is {:?}, it must be a version", brief(value));
            ApiError::invalid_query(key, message)
        })?);
    }
    let to = to.unwrap_or(latest);
    Ok((from.unwrap_or_else(|| to.saturating_sub(1)), to))
}

fn describe(id: &str, (from, old): (u32, &Content), (to, new): (u32, &Content)) -> Value {
    let (before, after) = (text(old), text(new));
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(&before, &after);
    let unified = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("version {from}"), &format!("version {to}"))
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

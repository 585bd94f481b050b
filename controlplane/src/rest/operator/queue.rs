//! `/v1/operator/queue`: what waits to be judged, and what no judge could score.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use floopy_shared::domain::{
    event::ScoringJob,
    ids::{RequestId, TenantId},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::changing::Changing;
use crate::{
    queue::{Dead, Depth, Place, Status, Which},
    rest::{
        Api,
        body::JsonObject,
        cursor::Owner,
        error::{ApiError, brief},
        query::{self, Page, Pairs},
        view::moment,
    },
    store::{audit::Action, list::Position},
};

/// What a list can be asked for with.
const KEYS: [&str; 3] = ["tenant", "limit", "cursor"];
/// What a change names: one of these.
const NAMED: [&str; 3] = ["id", "tenant", "all"];

/// How much waits, of all and of each tenant.
pub(crate) async fn status(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let status = api.queue.status().await?;
    let now_ms = api.clock.now_ms();
    let Status {
        waiting,
        in_flight,
        dead,
        oldest_ms,
        tenants,
    } = status;
    let tenant = |depth: &Depth| {
        json!({
            "tenant": depth.tenant, "waiting": depth.waiting, "in_flight": depth.in_flight, "dead": depth.dead,
            "oldest_age_seconds": age(depth.oldest_ms, now_ms),
        })
    };
    let tenants: Vec<Value> = tenants.iter().map(tenant).collect();
    Ok(Json(json!({
        "object": "queue", "waiting": waiting, "in_flight": in_flight, "dead": dead,
        "oldest_age_seconds": age(oldest_ms, now_ms), "tenants": tenants,
    })))
}

/// Whole seconds since.
fn age(at_ms: Option<u64>, now_ms: u64) -> Option<u64> {
    at_ms.map(|at_ms| now_ms.saturating_sub(at_ms) / 1_000)
}

/// A page of the dead, the newest first.
pub(crate) async fn dead(State(api): State<Api>, pairs: Pairs) -> Result<Json<Value>, ApiError> {
    let pairs = pairs.read()?;
    let bound = query::bound("operator/queue/dead", &pairs);
    let (mut tenant, mut page) = (None, Page::default());
    for (key, value) in pairs {
        match key.as_str() {
            known if KEYS.contains(&known) && value.is_empty() => {}
            "tenant" => tenant = Some(read_tenant(&value)?),
            "limit" => page.limit = query::limit(&key, &value)?,
            "cursor" => page.cursor = Some(value),
            _ => return Err(query::unknown(&key, &KEYS)),
        }
    }
    let list = (Owner::Operator, bound.as_str());
    let after = api.cursor_key.begins(list, page.cursor.as_deref())?;
    let after = after.map(|at| Place {
        dead_ms: at.created_ms,
        request: at.request,
    });
    let limit = page.limit as usize;
    let mut found = api
        .queue
        .dead(tenant.as_ref(), after, page.limit + 1)
        .await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| {
        let position = Position {
            created_ms: last.dead_ms,
            request: last.request,
        };
        api.cursor_key.seal(Owner::Operator, &bound, position)
    });
    let items: Vec<Value> = found.iter().map(describe).collect();
    Ok(Json(
        json!({"items": items, "next_cursor": next, "has_more": has_more}),
    ))
}

fn read_tenant(value: &str) -> Result<TenantId, ApiError> {
    TenantId::new(value).map_err(|e| ApiError::invalid_query("tenant", e.to_string()))
}

/// What is known of one of the dead. What was said stays untold.
pub(crate) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let request = Uuid::try_parse(&id).map_err(|_| unknown())?;
    let found = api.queue.dead_one(RequestId(request)).await?;
    let (dead, job) = found.ok_or_else(unknown)?;
    let mut told = describe(&dead);
    told["job"] = job.as_ref().map_or(Value::Null, describe_job);
    Ok(Json(told))
}

fn describe(dead: &Dead) -> Value {
    json!({
        "id": dead.request.to_string(), "object": "dead_reply", "tenant": dead.tenant,
        "queued_at": moment(dead.queued_ms), "dead_at": moment(dead.dead_ms), "deliveries": dead.deliveries,
        "error": dead.error, "bytes": dead.bytes,
    })
}

fn describe_job(job: &ScoringJob) -> Value {
    json!({
        "model": job.candidate.to_string(), "session_id": job.session_id.as_ref().map(ToString::to_string),
        "prompt_bytes": job.prompt.len(), "reply_bytes": job.reply.len(), "truncated": job.truncated,
        "json_expected": job.json_expected, "tool_calls": job.calls.len(),
    })
}

fn unknown() -> ApiError {
    ApiError::not_found("no such dead reply")
}

/// Has dead replies handed to judges again.
pub(crate) async fn retry(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let (which, before) = named(&api, &fields).await?;
    let mut changing = Changing::begin(&api, &headers).await?;
    let retried = api.queue.retry(&mut changing.tx, &which).await?;
    let told = json!({"object": "queue_change", "retried": retried});
    let change = (Action::Update, &which, before);
    write_down(&mut changing, change, &told).await?;
    changing.commit_queue().await?;
    Ok(Json(told))
}

/// Drops dead replies for good.
pub(crate) async fn drop_dead(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let (which, before) = named(&api, &fields).await?;
    let mut changing = Changing::begin(&api, &headers).await?;
    let dropped = api.queue.drop_dead(&mut changing.tx, &which).await?;
    let told = json!({"object": "queue_change", "dropped": dropped});
    let change = (Action::Delete, &which, before);
    write_down(&mut changing, change, &told).await?;
    changing.commit_queue().await?;
    Ok(Json(told))
}

/// Which of the dead are named, and the one that is, if one is.
async fn named(api: &Api, fields: &Map<String, Value>) -> Result<(Which, Option<Dead>), ApiError> {
    let which = which(fields)?;
    let Which::One(request) = &which else {
        return Ok((which, None));
    };
    let (dead, _) = api.queue.dead_one(*request).await?.ok_or_else(unknown)?;
    Ok((which, Some(dead)))
}

fn which(fields: &Map<String, Value>) -> Result<Which, ApiError> {
    if let Some(key) = fields.keys().find(|key| !NAMED.contains(&key.as_str())) {
        let message = format!(
            "unknown field {:?}, expected one of {}",
            brief(key),
            NAMED.join(", ")
        );
        return Err(ApiError::invalid_body(key, message));
    }
    let mut given = fields.iter();
    let (Some((key, value)), None) = (given.next(), given.next()) else {
        let count = fields.len();
        let message = format!("{count} of id, tenant and all are given, it must be exactly one");
        return Err(ApiError::invalid_body("id", message));
    };
    let refused = |expected: &str| {
        let value = brief(&value.to_string());
        ApiError::invalid_body(key, format!("{key} is {value}, it must be {expected}"))
    };
    match (key.as_str(), value) {
        ("id", Value::String(id)) => {
            let id = Uuid::try_parse(id).map_err(|_| refused("the UUID of a dead reply"))?;
            Ok(Which::One(RequestId(id)))
        }
        ("tenant", Value::String(id)) => {
            let tenant = TenantId::new(id);
            tenant
                .map(Which::Of)
                .map_err(|_| refused("the id of a tenant"))
        }
        ("all", Value::Bool(true)) => Ok(Which::All),
        ("all", _) => Err(refused("true")),
        (_, _) => Err(refused("a string")),
    }
}

/// What was done, in the audit: of one reply what it was, of several how many they were.
async fn write_down(
    changing: &mut Changing<'_>,
    (action, which, before): (Action, &Which, Option<Dead>),
    told: &Value,
) -> Result<(), ApiError> {
    let of_dead = before
        .as_ref()
        .and_then(|dead| TenantId::new(&dead.tenant).ok());
    let (tenant, resource) = match which {
        Which::One(request) => (of_dead, format!("dead_reply/{request}")),
        Which::Of(tenant) => (Some(tenant.clone()), "dead_replies".to_owned()),
        Which::All => (None, "dead_replies".to_owned()),
    };
    let before = before.as_ref().map(|dead| describe(dead).to_string());
    let after = told.to_string();
    changing
        .audit(
            tenant.as_ref(),
            (action, &resource),
            before.as_deref(),
            Some(&after),
        )
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_exactly_one_thing() {
        let read = |body: Value| which(body.as_object().expect("an object"));
        assert_eq!(read(json!({"all": true})).expect("valid"), Which::All);
        let refusals = [
            (json!({}), "0 of id, tenant and all"),
            (json!({"id": "x", "all": true}), "2 of id, tenant and all"),
            (json!({"id": "x"}), "id is \"x\", it must be the UUID"),
            (json!({"id": 7}), "id is 7, it must be a string"),
            (
                json!({"tenant": "a b"}),
                "tenant is \"a b\", it must be the id",
            ),
            (json!({"all": false}), "all is false, it must be true"),
            (json!({"everything": true}), "unknown field \"everything\""),
        ];
        for (body, said) in refusals {
            let error = read(body.clone()).expect_err("refused").to_text();
            assert!(error.contains(said), "{body}: {error}");
        }
    }
}

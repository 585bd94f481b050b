//! `/v1/promotions`: how candidates come to serve, step by step, and how they are taken back or pinned.

mod page;
mod pins;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::ids::{CandidateKey, TenantId};
use serde_json::{Value, json};

pub(super) use self::{
    page::list,
    pins::{list as list_pins, pin, unpin},
};
use super::{
    Api,
    body::{self, JsonObject},
    decisions::strict_id,
    error::ApiError,
    reading,
    settings::Editing,
    view::moment,
};
use crate::{
    learn::promotion::{PROMOTION, Promotion, Reading, Stage, Step},
    settings::promotions::{self as wanted, SETTINGS, WrittenMode, WrittenRollback},
    store::{
        promotions,
        settings::{self, Kind},
        sql::Conn,
    },
};

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Promotion, ApiError> {
    let unknown = || ApiError::not_found("no such promotion");
    let id = strict_id(id).ok_or_else(unknown)?;
    let found = promotions::get(conn, tenant, id.0).await?;
    found.ok_or_else(unknown)
}

/// One, with every step.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let promotion = find(&mut conn, &tenant, &id).await?;
    Ok(Json(describe_whole(&promotion)))
}

/// Has one taken back; one that ended stays as it is. It takes about a second.
pub(super) async fn roll_back(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let promotion = find(&mut editing.tx, &tenant, &id).await?;
    if !promotion.stage.is_open() {
        return Ok((StatusCode::OK, Json(describe_whole(&promotion))));
    }
    let id = promotion.id.to_string();
    let asked = settings::get(&mut editing.tx, (&tenant, Kind::Rollback), &id).await?;
    let body = json!(WrittenRollback {
        by: editing.holder.actor(),
    });
    // Whoever asked first is who asked.
    if asked.is_none() {
        editing.replace(Kind::Rollback, (&id, None), &body).await?;
    }
    editing.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(describe_whole(&promotion))))
}

/// Whether there are steps.
pub(super) async fn mode(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let found = settings::get(&mut conn, (&tenant, Kind::Promotion), SETTINGS).await?;
    let own = found.as_ref().map(wanted::mode).transpose()?.flatten();
    Ok(Json(describe_mode(&api, WrittenMode { mode: own })))
}

/// Sets it; without a mode the deployment's holds.
pub(super) async fn set_mode(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let asked: WrittenMode = body::read(Value::Object(fields), "")?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let place = (&editing.tenant(), Kind::Promotion);
    let before = settings::get(&mut editing.tx, place, SETTINGS).await?;
    let place = (SETTINGS, before.as_ref());
    editing
        .replace(Kind::Promotion, place, &json!(asked))
        .await?;
    editing.commit().await?;
    Ok(Json(describe_mode(&api, asked)))
}

fn describe_mode(api: &Api, asked: WrittenMode) -> Value {
    let holds = asked.mode.unwrap_or(api.in_force.now().policy.promotions);
    json!({
        "object": "promotion_settings",
        "mode": holds.as_str(),
        "source": if asked.mode.is_some() { "own" } else { "default" },
    })
}

fn named(key: &CandidateKey) -> Value {
    json!({"provider": key.provider(), "model": key.model()})
}

/// Without its steps.
fn describe(promotion: &Promotion) -> Value {
    let is_open = promotion.stage.is_open();
    let live = promotion.trace.iter().any(|step| step.to == Stage::Live);
    let back = live && promotion.stage == Stage::RolledBack;
    // Who serves without it, and with it as far as it got.
    let (before, after) = (&promotion.replaces, &promotion.candidate);
    let diff = if back {
        json!({"from": named(after), "to": named(before)})
    } else {
        json!({"from": named(before), "to": named(after)})
    };
    json!({
        "object": "promotion",
        "id": promotion.id.to_string(),
        "task_shape": promotion.shape.as_str(),
        "candidate": named(&promotion.candidate),
        "replaces": named(&promotion.replaces),
        "stage": promotion.stage.as_str(),
        "diff": {"serves": diff},
        "reason": promotion.trace.last().map(|step| step.reason.as_str()),
        "began_at": moment(promotion.began_ms),
        "changed_at": moment(promotion.changed_ms),
        "ended_at": (!is_open).then(|| moment(promotion.changed_ms)),
        "next_step": {
            "capital": promotion.guards.capital(),
            "bound": PROMOTION,
            "scores": promotion.guards.step_scores(),
        },
        "guards": guards(&promotion.guards.readings()),
    })
}

fn describe_whole(promotion: &Promotion) -> Value {
    let mut told = describe(promotion);
    let steps: Vec<Value> = promotion.trace.iter().map(describe_step).collect();
    told["trace"] = json!(steps);
    told
}

fn describe_step(step: &Step) -> Value {
    json!({
        "at": moment(step.at_ms),
        "from": step.from.map(Stage::as_str),
        "to": step.to.as_str(),
        "reason": step.reason,
        "by": step.by,
        "capital": step.capital,
        "guards": guards(&step.readings),
    })
}

fn guards(readings: &[Reading]) -> Value {
    json!(readings)
}

//! `/v1/pool`: whether a tenant shares what it learns with others, and what exactly left it.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::domain::{ids::TenantId, plan::Feature, snapshot::Tenant};
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    plan, reading,
    settings::Editing,
    view::moment,
};
use crate::{
    learn::pool::{BOUND, Privacy, WINDOW_DAYS, advantage, epsilon},
    settings::{
        self as written,
        pool::{MEMBERSHIP, Membership},
    },
    store::{
        StoreError,
        pool::{self, Gift},
        settings::{self, Kind},
        sql::Conn,
    },
};

const DAY_MS: u64 = 86_400_000;

/// Everything that left the tenant, release by release, and what that may have told of it.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let tenant = written::tenant(&mut conn, &id).await?;
    let gifts = gifts(&api, &mut conn, &id).await?;
    Ok(Json(describe(&api, &tenant, &gifts)))
}

/// Joins or leaves.
pub(super) async fn put(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let set: Membership = body::read(Value::Object(fields), "")?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = editing.current().await?;
    if before.is_pooled && !set.member {
        plan::require(&api, &mut editing.tx, &tenant, Feature::PoolOptOut).await?;
        pool::empty(&mut editing.tx, &tenant).await?;
    }
    let document = settings::get(&mut editing.tx, (&tenant, Kind::Pool), MEMBERSHIP).await?;
    editing
        .replace(Kind::Pool, (MEMBERSHIP, document.as_ref()), &json!(set))
        .await?;
    let gifts = gifts(&api, &mut editing.tx, &tenant).await?;
    let changed = editing.commit().await?;
    Ok(Json(describe(&api, &changed, &gifts)))
}

async fn gifts(api: &Api, conn: &mut Conn, tenant: &TenantId) -> Result<Vec<Gift>, StoreError> {
    let window_ms = u64::from(WINDOW_DAYS) * DAY_MS;
    let since_ms = api.clock.now_ms().saturating_sub(window_ms);
    pool::of(conn, tenant, since_ms).await
}

fn describe(api: &Api, tenant: &Tenant, gifts: &[Gift]) -> Value {
    let privacy = api.in_force.now().privacy;
    let delta = privacy.unwrap_or(Privacy::DEFAULT).delta;
    let rho: f64 = gifts.iter().map(|gift| gift.rho).sum();
    json!({
        "object": "pool",
        "enabled": privacy.is_some(),
        "member": tenant.is_pooled,
        "privacy": privacy.map(|privacy| json!({
            "epsilon": privacy.epsilon,
            "delta": privacy.delta,
            "window_days": WINDOW_DAYS,
            "every_days": privacy.every_days,
            "bound": BOUND,
            "sigma": privacy.sigma(),
            "advantage": advantage(privacy.rho()),
        })),
        "spent": {
            "releases": gifts.len(),
            "epsilon": if gifts.is_empty() { 0.0 } else { epsilon(rho, delta) },
            "delta": delta,
            "advantage": advantage(rho),
        },
        "given": gifts.iter().map(given).collect::<Vec<_>>(),
    })
}

/// What left with a release: no more, and nothing else.
fn given(gift: &Gift) -> Value {
    let cells = gift.given.cells.iter().flat_map(|(shape, cells)| {
        cells.iter().map(move |(key, units)| {
            json!({
                "task_shape": shape.as_str(),
                "provider": key.provider(),
                "model": key.model(),
                "evidence": units.evidence(),
                "gap": units.gap(),
            })
        })
    });
    json!({
        "release": gift.number,
        "released_at": moment(gift.at_ms),
        "scale": gift.given.scale,
        "sigma": gift.sigma,
        "cells": cells.collect::<Vec<_>>(),
    })
}

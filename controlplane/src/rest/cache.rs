//! `/v1/cache`: whether replies are stored to be given again, what that saved, and taking them away.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{
    cache::{Caching, FlushOf},
    ids::{CandidateKey, TenantId},
    plan::Feature,
    rule::is_name,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    plan, reading,
    settings::Editing,
    view::moment,
};
use crate::store::sql::Conn;
use crate::{
    calendar::{month_begins_ms, month_of},
    learn::credit::day_of,
    settings::{
        self as written,
        cache::{FLUSHES, SETTINGS, WrittenCache, WrittenFlushes, parse_key},
    },
    store::{
        settings::{self, Kind},
        usage::{self, Column, Counts},
    },
};

/// Which replies are to go; none of them: all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    rule: Option<String>,
}

impl Wanted {
    fn read(fields: serde_json::Map<String, Value>) -> Result<Option<FlushOf>, ApiError> {
        let wanted: Self = body::read(Value::Object(fields), "")?;
        match (wanted.model, wanted.key, wanted.rule) {
            (None, None, None) => Ok(None),
            (Some(model), None, None) => {
                let found = CandidateKey::parse(&model).map(FlushOf::Model).map(Some);
                found.map_err(|_| {
                    let message = format!("model is {model:?}, it must be provider/model");
                    ApiError::invalid_body("model", message)
                })
            }
            (None, Some(key), None) => {
                let found = parse_key(&key).map(FlushOf::Request).map(Some);
                found.ok_or_else(|| {
                    let message = format!(
                        "key is {key:?}, it must be the 64 digits of a reply's floopy-cache-key"
                    );
                    ApiError::invalid_body("key", message)
                })
            }
            (None, None, Some(rule)) if is_name(&rule) => Ok(Some(FlushOf::Rule(rule))),
            (None, None, Some(rule)) => {
                let message = format!("rule is {rule:?}, it must be the name of a routing rule");
                Err(ApiError::invalid_body("rule", message))
            }
            (model, key, _) => {
                let field = if key.is_some() { "key" } else { "rule" };
                let other = if model.is_some() { "model" } else { "rule" };
                let message = format!(
                    "{field} and {other} are both given; a flush is of one of them, or of all"
                );
                Err(ApiError::invalid_body(field, message))
            }
        }
    }
}

/// What is set, and what this month's hits saved.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let caching = written::tenant(&mut conn, &id).await?.caching;
    let now_ms = api.clock.now_ms();
    Ok(Json(describe(
        &caching,
        month(&mut conn, &id, now_ms).await?,
    )))
}

/// Sets both.
pub(super) async fn put(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let set: WrittenCache = body::read(Value::Object(fields), "")?;
    let set = set.validate().map_err(|invalid| {
        let message = invalid.to_string();
        ApiError::invalid_body(&invalid.field, message)
    })?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    if set.is_advanced() {
        plan::require(&api, &mut editing.tx, &tenant, Feature::AdvancedCache).await?;
    }
    let before = settings::get(&mut editing.tx, (&tenant, Kind::Cache), SETTINGS).await?;
    let body = json!(set);
    editing
        .replace(Kind::Cache, (SETTINGS, before.as_ref()), &body)
        .await?;
    let now_ms = editing.now_ms;
    let month = month(&mut editing.tx, &tenant, now_ms).await?;
    let changed = editing.commit().await?;
    Ok(Json(describe(&changed.caching, month)))
}

/// Takes stored replies away, from every proxy.
pub(super) async fn flush(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let of = Wanted::read(fields)?;
    let what = match &of {
        None => "all",
        Some(FlushOf::Model(_)) => "model",
        Some(FlushOf::Request(_)) => "key",
        Some(FlushOf::Rule(_)) => "rule",
    };
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let mut caching = editing.current().await?.caching;
    caching.flush(of, editing.now_ms);
    let before = settings::get(&mut editing.tx, (&tenant, Kind::Cache), FLUSHES).await?;
    let body = json!(WrittenFlushes::from(&caching));
    editing
        .replace(Kind::Cache, (FLUSHES, before.as_ref()), &body)
        .await?;
    let at = moment(editing.now_ms);
    editing.commit().await?;
    let told = json!({"object": "cache.flush", "flushed": what, "created_at": at});
    Ok((StatusCode::OK, Json(told)))
}

/// What a month's calls used so far.
pub(super) async fn month(
    conn: &mut Conn,
    tenant: &TenantId,
    now_ms: u64,
) -> Result<Counts, ApiError> {
    let first = day_of(month_begins_ms(month_of(now_ms)));
    let span = (tenant, first, day_of(now_ms));
    let groups = usage::grouped(conn, span, &[], 1).await?;
    let sums = groups.into_iter().next().map(|(_, counts)| counts);
    Ok(sums.unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53 calls a month")]
fn describe(caching: &Caching, month: Counts) -> Value {
    let (hits, misses) = (month.of(Column::CacheHits), month.of(Column::CacheMisses));
    let asked = hits + misses;
    let (compared, wrong) = (
        month.of(Column::SemanticCompared),
        month.of(Column::SemanticWrong),
    );
    json!({
        "object": "cache",
        "enabled": caching.enabled,
        "ttl_seconds": caching.ttl_ms() / 1_000,
        "semantic": {
            "mode": caching.semantic.mode.as_str(),
            "threshold": f64::from(caching.semantic.least_thousandths()) / 1_000.0,
            "advanced": caching.semantic.advanced,
        },
        "flushed_at": (caching.generation > 0).then(|| moment(caching.generation)).flatten(),
        "month": {
            "hits": hits,
            "misses": misses,
            "hit_rate": (asked > 0).then(|| hits as f64 / asked as f64),
            "saved_micro_usd": month.of(Column::SavedMicroUsd),
            "saved_tokens": month.of(Column::SavedTokens),
            "semantic_hits": month.of(Column::SemanticHits),
            "semantic_compared": compared,
            "semantic_wrong": wrong,
            "semantic_wrong_rate": (compared > 0).then(|| wrong as f64 / compared as f64),
        },
    })
}

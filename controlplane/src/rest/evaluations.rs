//! `/v1/evaluations`: data sets asked of a model or of the router, and judged.

pub(super) mod results;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::domain::{
    catalog::{Catalog, ModelKind},
    ids::{CandidateKey, TenantId},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Api,
    body::{self, JsonObject},
    datasets::{self, asked_page, told_page},
    error::{ApiError, brief},
    query::Pairs,
    reading,
    settings::Editing,
    view::moment,
};
use crate::store::sql::Conn;
use crate::{
    evaluations::RunConfig,
    store::{
        StoreError,
        audit::Action,
        evaluations::{self as store, End, Run, Status, results::Summary},
        settings::{self, Kind},
    },
};

/// What a cursor of the list is bound to besides the tenant.
const LIST: &str = "evaluations";
/// Runs of a tenant that are not over.
const MAX_ACTIVE: u64 = 10;
/// Seconds after which one of them may well be.
const RETRY_AFTER_S: u64 = 10;
/// What asks for the learned ranking, or the tenant's rule.
const AUTO: &str = "auto";
/// Longest list of models that is read.
const MAX_MODEL_BYTES: usize = 1_000;

/// A run as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    dataset_id: String,
    model: String,
    #[serde(default)]
    prompt_id: Option<String>,
    #[serde(default)]
    config: Option<Map<String, Value>>,
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Run, ApiError> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => store::get(conn, tenant, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| ApiError::not_found("no such evaluation"))
}

fn describe(run: &Run) -> Value {
    let config = run.config.as_deref();
    let config: Option<Value> = config.and_then(|text| serde_json::from_str(text).ok());
    let error = run.failure.as_ref();
    json!({
        "id": run.id,
        "dataset_id": run.dataset,
        "model": run.model,
        "prompt_id": run.prompt,
        "status": run.status.as_str(),
        "config": config,
        "error": error.map(|(code, message)| json!({"code": code, "message": message})),
        "created_at": moment(run.created_ms),
        "started_at": run.started_ms.and_then(moment),
        "finished_at": run.finished_ms.and_then(moment),
    })
}

/// With what its results come to.
async fn describe_whole(conn: &mut Conn, run: &Run) -> Result<Value, StoreError> {
    let summary = store::results::summary(conn, run.id).await?;
    let mut described = describe(run);
    described["counts"] = counts(&summary);
    let [composite, relevance, coherence, helpfulness, safety] = summary.means;
    described["scores"] = json!({
        "composite": composite, "relevance": relevance, "coherence": coherence,
        "helpfulness": helpfulness, "safety": safety,
    });
    described["cost_micro_usd"] = json!(summary.cost_micro_usd);
    described["unpriced"] = json!(summary.unpriced);
    let latencies = &summary.latencies_ms;
    described["latency_ms"] = json!({
        "p50": quantile(latencies, 50), "p95": quantile(latencies, 95),
    });
    Ok(described)
}

fn counts(summary: &Summary) -> Value {
    let counts = summary.counts;
    json!({
        "total": counts.total, "waiting": counts.waiting, "under_way": counts.under_way,
        "answered": counts.answered, "failed": counts.failed, "scored": counts.scored,
        "skipped": counts.skipped,
    })
}

/// The smallest value that so many percent are not above.
fn quantile(ascending: &[u64], percent: usize) -> Option<u64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.checked_sub(1)?).copied()
}

/// A page of them, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let (before, limit) = asked_page(&api, &tenant, (LIST, pairs))?;
    let found = store::page(&mut conn, &tenant, before, limit + 1).await?;
    let place = |run: &Run| (run.created_ms, run.id);
    Ok(Json(told_page(
        &api,
        &tenant,
        (LIST, limit),
        (found, place, describe),
    )))
}

/// One, with what its results come to.
pub(super) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let run = find(&mut conn, &tenant, &id).await?;
    Ok(Json(describe_whole(&mut conn, &run).await?))
}

/// Begins one.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked: Asked = body::read(Value::Object(fields), "")?;
    let config = asked.config.filter(|config| !config.is_empty());
    let config = config.map(read_config).transpose()?;
    let mut editing = Editing::begin(&api, &headers).await?;
    if api.evaluations.proxy().is_none() {
        return Err(ApiError::not_configured(
            "this control plane knows no proxy that evaluations could ask: set proxy_url",
        ));
    }
    let tenant = editing.tenant();
    let dataset = datasets::find_named(&mut editing.tx, &tenant, &asked.dataset_id).await?;
    datasets::may_keep(&mut editing.tx, &tenant, "dataset_id").await?;
    if dataset.row_count == 0 {
        let message = format!("dataset_id is {}, which has no rows", dataset.id);
        return Err(ApiError::invalid_body("dataset_id", message));
    }
    let model = asked.model.trim();
    check_model(model, &editing.catalog())?;
    let prompt = match &asked.prompt_id {
        None => None,
        Some(id) => Some(find_prompt(&mut editing.tx, &tenant, id).await?),
    };
    check_config(&mut editing, config.as_ref()).await?;
    let active = store::count_active(&mut editing.tx, &tenant).await?;
    if active >= MAX_ACTIVE {
        let message =
            format!("{active} evaluations are not over yet, which is as many as there may be");
        return Err(ApiError::rate_limited(message, RETRY_AFTER_S));
    }
    let run = Run {
        id: Uuid::new_v4(),
        tenant,
        dataset: dataset.id,
        model: model.to_owned(),
        prompt,
        config: config.as_ref().map(|config| json!(config).to_string()),
        status: Status::Pending,
        failure: None,
        created_ms: editing.now_ms,
        started_ms: None,
        finished_ms: None,
    };
    store::create(&mut editing.tx, &run).await?;
    let described = describe_whole(&mut editing.tx, &run).await?;
    audit(&mut editing, (Action::Create, &run), None).await?;
    editing.commit_content().await?;
    api.evaluations.changed.notify_one();
    Ok((StatusCode::CREATED, Json(described)))
}

async fn audit(
    editing: &mut Editing<'_>,
    (action, run): (Action, &Run),
    before: Option<&Run>,
) -> Result<(), ApiError> {
    let resource = format!("evaluation/{}", run.id);
    let before = before.map(|run| describe(run).to_string());
    let after = describe(run).to_string();
    editing
        .audit((action, &resource), before.as_deref(), Some(&after))
        .await
}

fn read_config(fields: Map<String, Value>) -> Result<RunConfig, ApiError> {
    let config: RunConfig = body::read(Value::Object(fields), "config")?;
    match config.problem() {
        None => Ok(config),
        Some((field, why)) => {
            let param = format!("config.{field}");
            Err(ApiError::invalid_body(&param, format!("{param} {why}")))
        }
    }
}

/// Refuses what no call could follow: a rule or a project that is not there.
async fn check_config(
    editing: &mut Editing<'_>,
    config: Option<&RunConfig>,
) -> Result<(), ApiError> {
    let Some(config) = config else { return Ok(()) };
    if let Some(rule) = &config.rule
        && editing.current().await?.routing.find(rule).is_none()
    {
        let message = format!(
            "config.rule is {:?}, no routing rule has this name",
            brief(rule)
        );
        return Err(ApiError::invalid_body("config.rule", message));
    }
    if let Some(project) = config.project_id {
        let place = (&editing.tenant(), Kind::Project);
        let found = settings::get(&mut editing.tx, place, &project.to_string()).await?;
        if found.is_none() {
            let message = format!("config.project_id is {project}, there is no such project");
            return Err(ApiError::invalid_body("config.project_id", message));
        }
    }
    Ok(())
}

/// Refuses names that no chat model of the catalog has. Models that it lacks are named with their provider.
fn check_model(model: &str, catalog: &Catalog) -> Result<(), ApiError> {
    if model == AUTO {
        return Ok(());
    }
    let is_chat = |name: &str| {
        let key = CandidateKey::parse(name).ok();
        let by_key = key.as_ref().and_then(|key| catalog.get(key));
        let mut found = by_key.into_iter().chain(catalog.named(name)).peekable();
        let is_unlisted = found.peek().is_none() && key.is_some();
        is_unlisted || found.any(|model| model.kind == ModelKind::Chat)
    };
    let mut names = model.split(',').map(str::trim);
    if model.len() <= MAX_MODEL_BYTES && names.all(is_chat) {
        return Ok(());
    }
    let message = format!(
        "model is {:?}, it must be auto, or one chat model or a list of them by name or as provider/model",
        brief(model)
    );
    Err(ApiError::invalid_body("model", message))
}

async fn find_prompt(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Uuid, ApiError> {
    let unknown = || ApiError::unknown_named("prompt_id", "no such prompt");
    let id = Uuid::try_parse(id).map_err(|_| unknown())?;
    let found = settings::get(conn, (tenant, Kind::Prompt), &id.to_string()).await?;
    found.map(|_| id).ok_or_else(unknown)
}

/// Ends one that is not over; what was answered stays. One that is over stays as it is.
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = find(&mut editing.tx, &tenant, &id).await?;
    let now_ms = editing.now_ms;
    let was_active = store::finish(&mut editing.tx, before.id, End::Cancelled, now_ms).await?;
    let run = find(&mut editing.tx, &tenant, &id).await?;
    if was_active {
        audit(&mut editing, (Action::Update, &run), Some(&before)).await?;
    }
    let described = describe_whole(&mut editing.tx, &run).await?;
    editing.commit_content().await?;
    api.evaluations.changed.notify_one();
    Ok(Json(described))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!(quantile(&[7], 95), Some(7));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(
            (quantile(&hundred, 50), quantile(&hundred, 95)),
            (Some(50), Some(95))
        );
    }
}

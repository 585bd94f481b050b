//! `/v1/routing/rules`: what `auto` may mean instead of the learned ranking.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use floopy_shared::{
    domain::{
        experiment::{Experiment, Scope},
        ids::TenantId,
        rule::{MAX_RULES, Routing},
        snapshot::ApiKey,
    },
    process::config::Rule,
};
use serde_json::{Map, Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::{ApiError, brief},
    reading,
    settings::{Editing, whole_list, with_times},
};
use crate::store::sql::Conn;
use crate::{
    allowed,
    settings::{
        self as written,
        experiments::WrittenExperiment,
        routing::{WrittenRule, configured_id},
    },
    store::{
        StoreError,
        settings::{self, Document, Kind},
    },
};

/// What a rule is written with.
const KEYS: [&str; 7] = [
    "name",
    "strategy",
    "models",
    "weights",
    "floor",
    "assurance",
    "default",
];
/// What GET tells beside them, which may come back.
const TOLD: [&str; 4] = ["id", "source", "created_at", "updated_at"];

/// Reads a rule; `default` says whether calls that name none follow it.
fn read(mut fields: Map<String, Value>) -> Result<WrittenRule, ApiError> {
    fields.retain(|key, _| !TOLD.contains(&key.as_str()));
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let (key, known) = (brief(key), KEYS.join(", "));
        let message = format!("{key:?} is not a key of a rule; known are {known}");
        return Err(ApiError::invalid_body(&key, message));
    }
    let is_default = match fields.remove("default") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_default)) => is_default,
        Some(other) => {
            let message = format!("default is {other}, it must be true or false");
            return Err(ApiError::invalid_body("default", message));
        }
    };
    fields.retain(|_, value| !value.is_null());
    let rule: Rule = body::read(Value::Object(fields), "")?;
    Ok(WrittenRule { rule, is_default })
}

fn describe_own(document: &Document, default: Option<&str>) -> Result<Value, StoreError> {
    let WrittenRule { rule, .. } = WrittenRule::read(document)?;
    let is_default = default == Some(rule.0.name.as_str());
    Ok(with_times(fields(rule, is_default, "api"), document))
}

fn fields(rule: Rule, is_default: bool, source: &str) -> Value {
    let (weights, quality) = (rule.0.weights.clone(), rule.0.min_quality);
    let mut fields = json!(rule);
    fields["weights"] = json!(weights);
    fields["floor"] = json!(quality.map(|quality| quality.floor));
    fields["assurance"] = json!(quality.map(|quality| quality.assurance));
    fields["default"] = json!(is_default);
    fields["source"] = json!(source);
    fields
}

/// All rules of a tenant: those of the configuration, which have no times, and its own.
pub(super) async fn all(conn: &mut Conn, id: &TenantId) -> Result<Vec<Value>, StoreError> {
    let tenant = written::tenant(conn, id).await?;
    let own = settings::list(conn, id, Kind::Rule).await?;
    let default = tenant.routing.rule.as_deref();
    let mut items = Vec::new();
    let mut names = Vec::new();
    for document in &own {
        let described = describe_own(document, default)?;
        names.push(described["name"].clone());
        items.push(described);
    }
    let mut configured: Vec<Value> = Vec::new();
    for rule in tenant.routing.rules {
        if !names.contains(&json!(rule.name)) {
            let experiments = &tenant.routing.experiments;
            let comes_with = |e: &Experiment| {
                e.scope == Scope::Unnamed && (e.a == rule.name || e.b == rule.name)
            };
            let source = if experiments.iter().any(comes_with) {
                "experiment"
            } else {
                "configuration"
            };
            configured.push(described_configured(id, rule, (default, source)));
        }
    }
    configured.extend(items);
    Ok(configured)
}

fn described_configured(
    tenant: &TenantId,
    rule: floopy_shared::domain::rule::Rule,
    (default, source): (Option<&str>, &str),
) -> Value {
    let id = configured_id(tenant, &rule.name);
    let is_default = default == Some(rule.name.as_str());
    let mut fields = fields(Rule(rule), is_default, source);
    fields["id"] = json!(id);
    fields["created_at"] = Value::Null;
    fields["updated_at"] = Value::Null;
    fields
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Value, ApiError> {
    let found = all(conn, tenant)
        .await?
        .into_iter()
        .find(|rule| rule["id"] == id);
    found.ok_or_else(|| ApiError::not_found("no such routing rule"))
}

/// One of the tenant's own, which can be changed here.
async fn find_own(editing: &mut Editing<'_>, id: &str) -> Result<Document, ApiError> {
    let tenant = editing.tenant();
    if let Some(found) = settings::get(&mut editing.tx, (&tenant, Kind::Rule), id).await? {
        return Ok(found);
    }
    let configured = find(&mut editing.tx, &tenant, id).await?;
    let source = configured["source"].as_str().unwrap_or_default();
    let message = format!(
        "id {id} is {} of the {source}, and changed there",
        configured["name"]
    );
    Err(ApiError::invalid_body("id", message))
}

/// The active experiment of that kind, by its id.
async fn active(
    editing: &mut Editing<'_>,
    is_meant: impl Fn(&WrittenExperiment) -> bool,
) -> Result<Option<String>, ApiError> {
    let tenant = editing.tenant();
    for document in settings::list(&mut editing.tx, &tenant, Kind::Experiment).await? {
        let experiment = WrittenExperiment::read(&document)?;
        if experiment.is_active() && is_meant(&experiment) {
            return Ok(Some(document.id));
        }
    }
    Ok(None)
}

/// Refuses to change what an experiment compares: its results would be of two different rules.
async fn check_not_tried(editing: &mut Editing<'_>, id: &str) -> Result<(), ApiError> {
    let Some(by) = active(editing, |experiment| experiment.has_rule(id)).await? else {
        return Ok(());
    };
    let message = format!("id {id} is a variant of the active experiment {by}; end that first");
    Err(ApiError::invalid_body("id", message))
}

/// Refuses a default that one experiment tries while another stands in place of the default.
async fn check_one_experiment(editing: &mut Editing<'_>, id: &str) -> Result<(), ApiError> {
    let of_rule = active(editing, |experiment| experiment.has_rule(id)).await?;
    let unnamed = active(editing, WrittenExperiment::takes_unnamed).await?;
    let Some((tried, instead)) = of_rule.zip(unnamed) else {
        return Ok(());
    };
    let message = format!(
        "default is true for a variant of the active experiment {tried}, while the experiment {instead} stands in \
         place of the default; end one of them first"
    );
    Err(ApiError::invalid_body("default", message))
}

/// A rule that becomes the default takes that from the one that was.
async fn make_default(editing: &mut Editing<'_>, id: &str) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    for other in settings::list(&mut editing.tx, &tenant, Kind::Rule).await? {
        let mut rule = WrittenRule::read(&other)?;
        if other.id != id && rule.is_default {
            rule.is_default = false;
            let place = (other.id.as_str(), Some(&other));
            editing.replace(Kind::Rule, place, &json!(rule)).await?;
        }
    }
    Ok(())
}

/// Refuses a name that another rule has: calls name rules.
async fn check_name(editing: &mut Editing<'_>, id: &str, name: &str) -> Result<(), ApiError> {
    let tenant = editing.tenant();
    let taken = |rule: &Value| rule["id"] != id && rule["name"] == name;
    match all(&mut editing.tx, &tenant)
        .await?
        .iter()
        .find(|rule| taken(rule))
    {
        Some(other) => {
            let message = format!("name {name:?} is that of rule {}", other["id"]);
            Err(ApiError::invalid_body("name", message))
        }
        None => Ok(()),
    }
}

/// Refuses models that nobody knows or that the tenant rules out.
async fn check_models(editing: &mut Editing<'_>, rule: &Rule) -> Result<(), ApiError> {
    let tenant = editing.current().await?;
    let alone = Routing {
        rules: vec![rule.0.clone()],
        ..Routing::default()
    };
    let catalog = editing.catalog();
    allowed::routing(&catalog, &alone, &tenant.constraints).map_err(|refused| {
        let param = refused.field.trim_start_matches("rules[0].");
        ApiError::invalid_body(param, format!("{param}: {}", refused.message))
    })
}

/// Writes a checked rule in place of another, or of none.
async fn write(
    mut editing: Editing<'_>,
    before: Option<&Document>,
    written: &WrittenRule,
) -> Result<Json<Value>, ApiError> {
    let id = before.map_or("", |before| before.id.as_str());
    check_name(&mut editing, id, &written.rule.0.name).await?;
    check_models(&mut editing, &written.rule).await?;
    let body = json!(written);
    let document = match before {
        Some(before) => {
            let place = (id, Some(before));
            editing.replace(Kind::Rule, place, &body).await?
        }
        None => editing.create(Kind::Rule, &body).await?,
    };
    if written.is_default {
        make_default(&mut editing, &document.id).await?;
    }
    let tenant = editing.commit().await?;
    let default = tenant.routing.rule.as_deref();
    Ok(Json(describe_own(&document, default)?))
}

/// All rules.
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    Ok(Json(whole_list(all(&mut conn, &tenant).await?)))
}

/// One.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    Ok(Json(find(&mut conn, &tenant, &id).await?))
}

/// Makes one.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let written = read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let count = all(&mut editing.tx, &tenant).await?.len();
    if count >= MAX_RULES {
        let message = format!("there are {count} rules, which is as many as there may be");
        return Err(ApiError::invalid_body("name", message));
    }
    Ok((StatusCode::CREATED, write(editing, None, &written).await?))
}

/// Replaces one of the tenant's own.
pub(super) async fn put(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let written = read(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let before = find_own(&mut editing, &id).await?;
    let was = WrittenRule::read(&before)?;
    if was.rule != written.rule {
        check_not_tried(&mut editing, &id).await?;
    }
    if written.is_default && !was.is_default {
        check_one_experiment(&mut editing, &id).await?;
    }
    write(editing, Some(&before), &written).await
}

/// Takes away one of the tenant's own that no key names.
pub(super) async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut editing = Editing::begin(&api, &headers).await?;
    let document = find_own(&mut editing, &id).await?;
    check_not_tried(&mut editing, &id).await?;
    let is_its = |key: &ApiKey| key.scope.rule.as_deref() == Some(id.as_str());
    let what = (Kind::Rule, "routing_rule");
    editing.delete_unnamed(what, &document, is_its).await
}

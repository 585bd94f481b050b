//! `GET` and `PUT /v1/constraints`: limits, gates, who may serve, limits of the tenant's own making and budgets, each group
//! replaced as a whole.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use floopy_shared::{
    domain::{
        constraints::InvalidConstraints,
        gates::{DEFAULT_GATES, OPEN_GATES},
        ids::CandidateKey,
        snapshot::Tenant,
    },
    process::config::Constraints,
};
use serde_json::{Map, Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    error::ApiError,
    reading,
    settings::{Editing, etag},
};
use crate::{
    settings::{
        self as written, Group,
        budgets::{self, BUDGETS, WrittenBudget},
        gates::{self, WrittenGates},
        implicit::{self, IMPLICIT},
        limits::{self, WrittenLimits},
        rates::{self, RATE_LIMITS, WrittenRate},
        rubric::{self, RUBRIC, WrittenDimension},
    },
    store::settings::{self, Kind},
};

/// What GET tells beside the groups.
const TOLD: [&str; 2] = ["baseline", "defaults"];
/// The key of the third group, whose value is an object.
const ROUTING: &str = "routing";

/// What is in force.
pub(super) async fn get(State(api): State<Api>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let tenant = written::tenant(&mut conn, &id).await?;
    Ok(answer(&tenant))
}

/// Replaces the groups that the body mentions; the others stay as they are.
pub(super) async fn put(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Response, ApiError> {
    let changes = changes(fields)?;
    let mut editing = Editing::begin(&api, &headers).await?;
    if let Some(given) = headers.get(header::IF_MATCH) {
        let current = etag(&describe(&editing.current().await?));
        if given.as_bytes() != current.as_bytes() && given != "*" {
            let given = String::from_utf8_lossy(given.as_bytes());
            return Err(ApiError::changed_meanwhile(&given));
        }
    }
    let before = editing.problem().await?;
    for (group, body) in changes {
        let tenant = editing.tenant();
        let place = (&tenant, Kind::Constraints);
        let before = settings::get(&mut editing.tx, place, group.as_str()).await?;
        match (body, &before) {
            (Some(body), None) if body == json!([]) => {}
            (Some(body), before) => {
                let place = (group.as_str(), before.as_ref());
                editing.replace(Kind::Constraints, place, &body).await?;
            }
            (None, Some(before)) => editing.delete(Kind::Constraints, before).await?,
            (None, None) => {}
        }
    }
    Ok(answer(&editing.commit_checked(before).await?))
}

/// The groups that a body mentions, each checked by itself and written in full. `None` goes back to the
/// configuration.
fn changes(fields: Map<String, Value>) -> Result<Vec<(Group, Option<Value>)>, ApiError> {
    let (mut of_limits, mut of_gates) = (Map::new(), Map::new());
    let mut found = Vec::new();
    for (key, value) in fields {
        if limits::KEYS.contains(&key.as_str()) {
            of_limits.insert(key, value);
        } else if gates::KEYS.contains(&key.as_str()) {
            of_gates.insert(key, value);
        } else if key == ROUTING {
            found.push((Group::Routing, routing(value)?));
        } else if key == RATE_LIMITS {
            found.push((Group::Rates, rate_limits(value)?));
        } else if key == BUDGETS {
            found.push((Group::Budgets, own_budgets(value)?));
        } else if key == IMPLICIT {
            found.push((Group::Implicit, implicit_signals(value)?));
        } else if key == RUBRIC {
            found.push((Group::Rubric, judge_rubric(value)?));
        } else if !TOLD.contains(&key.as_str()) {
            // What is told beside the groups may come back.
            let own = [ROUTING, RATE_LIMITS, BUDGETS, IMPLICIT, RUBRIC];
            let known = [&limits::KEYS[..], &gates::KEYS[..], &own].concat();
            let known = known.join(", ");
            let message = format!("{key:?} is not a constraint; known are {known}");
            return Err(ApiError::invalid_body(&key, message));
        }
    }
    if !of_limits.is_empty() {
        let written: WrittenLimits = body::read(of_limits.into(), "")?;
        let checked = written.to_domain().map_err(out_of_range)?;
        found.push((Group::Limits, Some(json!(WrittenLimits::from(checked)))));
    }
    if !of_gates.is_empty() {
        let written: WrittenGates = body::read(of_gates.into(), "")?;
        let checked = written.to_domain().map_err(out_of_range)?;
        found.push((Group::Gates, Some(json!(WrittenGates::from(checked)))));
    }
    if found.is_empty() {
        let message = "the body mentions no constraint; null takes one away";
        return Err(ApiError::invalid_body("body", message));
    }
    Ok(found)
}

fn routing(value: Value) -> Result<Option<Value>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let value = match value {
        // As GET tells it: what is null or empty is not said.
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(_, v)| is_said(v)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value
        }
    };
    let constraints: Constraints = body::read(value, ROUTING)?;
    Ok(Some(json!(constraints)))
}

fn rate_limits(value: Value) -> Result<Option<Value>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let written: Vec<WrittenRate> = body::read(value, RATE_LIMITS)?;
    let checked = rates::to_domain(&written).map_err(out_of_range)?;
    Ok(Some(json!(rates::written(&checked))))
}

fn own_budgets(value: Value) -> Result<Option<Value>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let written: Vec<WrittenBudget> = body::read(value, BUDGETS)?;
    let checked = budgets::to_domain(&written).map_err(out_of_range)?;
    Ok(Some(json!(budgets::written(&checked))))
}

fn implicit_signals(value: Value) -> Result<Option<Value>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let names: Vec<String> = body::read(value, IMPLICIT)?;
    let checked = implicit::to_domain(&names).map_err(out_of_range)?;
    Ok(Some(json!(implicit::written(&checked))))
}

fn judge_rubric(value: Value) -> Result<Option<Value>, ApiError> {
    // That nothing is said any more is said: scores by what was said before are older than those that follow.
    let value = if value.is_null() { json!([]) } else { value };
    let written: Vec<WrittenDimension> = body::read(value, RUBRIC)?;
    rubric::check(&written).map_err(out_of_range)?;
    Ok(Some(json!(written)))
}

fn is_said(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|names| !names.is_empty())
}

/// Each field has a code of its own.
fn out_of_range(invalid: InvalidConstraints) -> ApiError {
    let code = match &*invalid.field {
        "cost_limit_monthly_usd" => "out_of_range_cost_limit_monthly_usd",
        "token_window_seconds" => "out_of_range_token_window_seconds",
        "max_tokens_per_window" => "out_of_range_max_tokens_per_window",
        "max_requests_per_minute" => "out_of_range_max_requests_per_minute",
        "max_regression" => "out_of_range_max_regression",
        "max_outcome_variance" => "out_of_range_max_outcome_variance",
        "max_cost_increase" => "out_of_range_max_cost_increase",
        "max_cost_drop_without_validation" => "out_of_range_max_cost_drop_without_validation",
        "confidence_threshold" => "out_of_range_confidence_threshold",
        "min_samples_before_promotion" => "out_of_range_min_samples_before_promotion",
        _ => "invalid_body",
    };
    ApiError::invalid_field(code, &invalid.field, invalid.to_string())
}

fn answer(tenant: &Tenant) -> Response {
    let body = describe(tenant);
    ([(header::ETAG, etag(&body))], Json(body)).into_response()
}

/// Both groups of the contract side by side, our own below, and what a gate is where nobody says otherwise.
fn describe(tenant: &Tenant) -> Value {
    let mut body = json!(WrittenLimits::from(tenant.limits));
    // Without any, everything is open: whoever writes back what was read changes nothing.
    let gates = json!(WrittenGates::from(tenant.gates.unwrap_or(OPEN_GATES)));
    let constraints = &tenant.constraints;
    if let (Value::Object(body), Value::Object(gates)) = (&mut body, gates) {
        body.extend(gates);
    }
    body[ROUTING] = json!({
        "allow_providers": constraints.allow_providers,
        "deny_providers": constraints.deny_providers,
        "allow_models": constraints.allow_models,
        "deny_models": constraints.deny_models,
        "max_cost_micro_usd": constraints.max_cost_micro_usd,
        "max_latency_ms": constraints.max_latency_ms,
        "min_quality": constraints.min_quality.map(|quality| json!({
            "floor": quality.floor, "assurance": quality.assurance,
        })),
    });
    body[RATE_LIMITS] = json!(rates::written(&tenant.rates));
    body[BUDGETS] = json!(budgets::written(&tenant.budgets));
    body[IMPLICIT] = json!(implicit::written(&tenant.implicit));
    body[RUBRIC] = json!(rubric::written(&tenant.rubric));
    // What gates compare with; without it they hold nobody back.
    body["baseline"] = json!(tenant.default_model.as_ref().map(CandidateKey::as_str));
    body["defaults"] = json!(WrittenGates::from(DEFAULT_GATES));
    body
}

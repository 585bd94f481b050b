//! `/v1/operator/log`: what this process logs, changed while it runs.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::process::telemetry::{self, LogFilter};
use serde_json::{Map, Value, json};

use super::changing::Changing;
use crate::{
    rest::{
        Api,
        body::JsonObject,
        error::{ApiError, brief},
    },
    store::audit::Action,
};

/// What is logged now.
pub(crate) async fn get() -> Result<Json<Value>, ApiError> {
    Ok(described(&telemetry::filter().ok_or_else(elsewhere)?))
}

/// Logs by another filter until it is changed again, or the process ends.
pub(crate) async fn put(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let wanted = read(fields)?;
    let before = telemetry::filter().ok_or_else(elsewhere)?;
    let mut changing = Changing::begin(&api, &headers).await?;
    let what = (Action::Update, "log");
    let texts = (Some(before.as_str()), Some(wanted.as_str()));
    changing.audit(None, what, texts.0, texts.1).await?;
    changing.commit_wanted().await?;
    telemetry::set(&wanted);
    Ok(described(&wanted))
}

fn read(fields: Map<String, Value>) -> Result<LogFilter, ApiError> {
    let mut wanted = None;
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("filter", Value::String(text)) => {
                let read = LogFilter::parse(&text);
                wanted = Some(read.map_err(|e| ApiError::invalid_body("filter", e.to_string()))?);
            }
            ("filter", other) => {
                let message = format!("filter must be a string, not {}", brief(&other.to_string()));
                return Err(ApiError::invalid_body("filter", message));
            }
            (other, _) => {
                let message = format!("{} is no field; there is filter", brief(other));
                return Err(ApiError::invalid_body(&brief(other), message));
            }
        }
    }
    wanted.ok_or_else(|| ApiError::invalid_body("filter", "filter is missing"))
}

fn described(filter: &LogFilter) -> Json<Value> {
    Json(json!({"object": "log", "filter": filter.as_str()}))
}

fn elsewhere() -> ApiError {
    ApiError::not_configured("this process does not log by a filter of its own")
}

//! Which decision is to be replayed, and under what: read field by field.

use floopy_shared::{
    domain::{
        catalog::Catalog,
        constraints::Constraints,
        ids::{CandidateKey, RequestId},
        snapshot::Tenant,
    },
    process::{config, json},
};
use serde_json::{Map, Value};

use super::super::{
    body::not_json,
    decisions::strict_id,
    error::{ApiError, brief},
};

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: RequestId,
    /// All of them: what is left out rules nothing out.
    pub(super) constraints: Constraints,
    pub(super) default_model: Option<CandidateKey>,
}

const KEYS: [&str; 3] = ["request_id", "constraints", "default_model"];

/// Reads a body; what it leaves out is as the tenant has it now.
pub(super) fn read(body: &[u8], catalog: &Catalog, tenant: &Tenant) -> Result<Question, ApiError> {
    let value = json::read(body).map_err(|e| not_json(&e))?;
    let Value::Object(fields) = value else {
        let message = "the body must be a JSON object: request_id, constraints, default_model";
        return Err(ApiError::invalid_body("body", message));
    };
    if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let key = brief(key);
        let message = format!("{key:?} is not known here, only {}", KEYS.join(", "));
        return Err(ApiError::invalid_query(&key, message));
    }
    let request = request(fields.get("request_id"))?;
    let constraints = match fields.get("constraints") {
        None | Some(Value::Null) => tenant.constraints.clone(),
        Some(given) => constraints(given, catalog)?,
    };
    let default_model = match fields.get("default_model") {
        None | Some(Value::Null) => tenant.default_model.clone(),
        Some(given) => Some(default_model(given, catalog, &constraints)?),
    };
    Ok(Question {
        request,
        constraints,
        default_model,
    })
}

fn request(given: Option<&Value>) -> Result<RequestId, ApiError> {
    match given {
        Some(Value::String(text)) => {
            strict_id(text).ok_or_else(|| ApiError::invalid_request_id(text))
        }
        None | Some(Value::Null) => {
            let message = "request_id is missing, it must be the x-request-id of a call";
            Err(ApiError::invalid_query("request_id", message))
        }
        Some(other) => Err(ApiError::invalid_request_id(&other.to_string())),
    }
}

/// As they are checked where a tenant is configured.
fn constraints(given: &Value, catalog: &Catalog) -> Result<Constraints, ApiError> {
    let Value::Object(fields) = given else {
        let message = format!(
            "constraints is {}, it must be an object",
            brief(&given.to_string())
        );
        return Err(ApiError::invalid_query("constraints", message));
    };
    // As they are told: what is null or empty rules nothing out.
    let is_empty = |value: &Value| value.is_null() || *value == Value::Array(Vec::new());
    let fields = fields.iter().filter(|(_, value)| !is_empty(value));
    let fields: Map<String, Value> = fields.map(|(k, v)| (k.clone(), v.clone())).collect();
    // One by one, so that the one that is wrong is named.
    for (key, value) in &fields {
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = written(alone) {
            let field = format!("constraints.{}", brief(key));
            let shown = brief(&value.to_string());
            let message = format!("{field} is {shown}: {error}");
            return Err(ApiError::invalid_query(&field, message));
        }
    }
    let constraints = written(fields)
        .map_err(|e| ApiError::invalid_query("constraints", format!("constraints: {e}")))?;
    constraints.check_names(catalog).map_err(|e| {
        let field = format!("constraints.{}", e.field);
        ApiError::invalid_query(&field, format!("{field}: {}", e.reason))
    })?;
    constraints
        .check_somebody_serves(catalog)
        .map_err(|e| ApiError::invalid_query("constraints", format!("constraints: {e}")))?;
    Ok(constraints)
}

fn written(fields: Map<String, Value>) -> Result<Constraints, serde_json::Error> {
    let written: config::Constraints = serde_json::from_value(Value::Object(fields))?;
    Ok(written.to_domain())
}

fn default_model(
    given: &Value,
    catalog: &Catalog,
    constraints: &Constraints,
) -> Result<CandidateKey, ApiError> {
    let wrong = |why: &str| {
        let message = format!("default_model is {}: {why}", brief(&given.to_string()));
        ApiError::invalid_query("default_model", message)
    };
    let key = given
        .as_str()
        .and_then(|text| CandidateKey::parse(text).ok());
    let key = key.ok_or_else(|| wrong("it must be written as \"provider/model\""))?;
    if catalog.get(&key).is_none() {
        return Err(wrong("it is not a known model"));
    }
    match constraints.forbids(&key) {
        Some(filter) => {
            let by = filter.as_str().trim_start_matches("constraint_");
            Err(wrong(&format!("it is ruled out by constraints.{by}")))
        }
        None => Ok(key),
    }
}

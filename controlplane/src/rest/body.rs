//! Bodies in JSON, read with errors that name the field and its value.

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
};
use floopy_shared::process::json::{self, InvalidJson};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;

/// Settings are small.
const MAX_BYTES: usize = 256 << 10;

/// A body that is a JSON object.
#[derive(Debug)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

/// The same where nothing need be said: an empty body is an empty object.
#[derive(Debug)]
pub(super) struct MaybeObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        object(request, MAX_BYTES).await.map(Self)
    }
}

/// The same of at most so many bytes.
#[derive(Debug)]
pub(super) struct SmallObject<const BYTES: usize>(pub(super) Map<String, Value>);

impl<S: Send + Sync, const BYTES: usize> FromRequest<S> for SmallObject<BYTES> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        object(request, BYTES).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for MaybeObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = whole(request, MAX_BYTES).await?;
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        read_object(&body).map(Self)
    }
}

async fn object(request: Request, most: usize) -> Result<Map<String, Value>, ApiError> {
    read_object(&whole(request, most).await?)
}

async fn whole(request: Request, most: usize) -> Result<Bytes, ApiError> {
    let body = to_bytes(request.into_body(), most).await;
    // A caller who hung up is not there to be answered.
    body.map_err(|_| ApiError::body_too_large(most))
}

fn read_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match json::read(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => {
            let message = format!("the body is {}, it must be a JSON object", kind(&other));
            Err(ApiError::invalid_body("body", message))
        }
        Err(error) => Err(not_json(&error)),
    }
}

/// Told of the key, where it is one.
pub(super) fn not_json(error: &InvalidJson) -> ApiError {
    match error {
        InvalidJson::Syntax(_) => ApiError::invalid_body("body", format!("the body is {error}")),
        InvalidJson::Twice(key) => ApiError::invalid_body(key, error.to_string()),
    }
}

/// Reads fields into a type that refuses what it does not know. `at`: where they stand in the body.
pub(super) fn read<T: DeserializeOwned>(fields: Value, at: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(&fields).map_err(|error| {
        let within = error.path().to_string();
        let message = plain(&error.into_inner().to_string());
        // Of a missing field the path ends at what lacks it.
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split_once('`'));
        let mut path: Vec<&str> = [at, within.trim_start_matches('.')].into();
        path.extend(missing.map(|(name, _)| name));
        // What is checked as a whole says itself which field is wrong.
        let own = message
            .split_once(": ")
            .filter(|(field, _)| matches!(&*within, "" | ".") && is_path(field));
        path.extend(own.map(|(field, _)| field));
        let param = joined(&path);
        if missing.is_some() {
            return ApiError::invalid_body(&param, format!("{param} is missing"));
        }
        let reason = own.map_or(&*message, |(_, reason)| reason);
        ApiError::invalid_body(&param, format!("{param}: {reason}"))
    })
}

/// Whether a text is where something stands in a body, and no words.
fn is_path(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.[]".contains(c);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_part)
}

/// `a.b[0].c`; without any part it is the body itself.
fn joined(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts.iter().filter(|part| !matches!(**part, "" | ".")) {
        if !path.is_empty() && !part.starts_with('[') {
            path.push('.');
        }
        path += part;
    }
    if path.is_empty() {
        "body".to_owned()
    } else {
        path
    }
}

/// What was expected, in JSON's words.
fn plain(message: &str) -> String {
    let Some((before, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("{before}expected {expected}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

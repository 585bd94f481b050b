//! Prompts as callers write them, checked field by field.

use floopy_shared::domain::prompt::{
    MAX_MESSAGES, MAX_NAME_BYTES, MAX_VARIABLES, MAX_VERSION_BYTES, Role, Version,
    template::is_name,
};
use serde_json::{Map, Value};

use crate::{
    rest::{
        body,
        error::{ApiError, brief},
    },
    settings::prompts::{Content, WrittenMessage, WrittenVariable},
};

const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// Why a version was saved, as in the first line of a commit.
const MAX_NOTE_CHARS: usize = 500;

/// What a version says.
const CONTENT: [&str; 2] = ["messages", "variables"];

/// A version that can be saved.
pub(super) struct Saved {
    pub(super) content: Content,
    pub(super) note: Option<String>,
    /// How much text it holds.
    pub(super) bytes: usize,
}

/// Takes the name and the description out of a body.
pub(super) fn names(fields: &mut Map<String, Value>) -> Result<(String, Option<String>), ApiError> {
    let name = text(fields, "name", MAX_NAME_CHARS)?.unwrap_or_default();
    if name.is_empty() {
        let message = format!("name is missing, it must have 1 to {MAX_NAME_CHARS} characters");
        return Err(ApiError::invalid_body("name", message));
    }
    let description = text(fields, "description", MAX_DESCRIPTION_CHARS)?;
    Ok((name, description))
}

/// Reads the rest of a body: what a version says.
pub(super) fn save(mut fields: Map<String, Value>) -> Result<Saved, ApiError> {
    let note = note(&mut fields)?;
    fields.retain(|_, value| !value.is_null());
    if let Some(key) = fields.keys().find(|key| !CONTENT.contains(&key.as_str())) {
        let message = format!(
            "{:?} is not known here: a version has messages, variables and a note, a prompt a name and a description besides",
            brief(key)
        );
        return Err(ApiError::invalid_body(key, message));
    }
    let content: Content = body::read(Value::Object(fields), "")?;
    let bytes = check(&content)?.bytes();
    Ok(Saved {
        content,
        note,
        bytes,
    })
}

/// Takes why it is saved out of a body.
pub(super) fn note(fields: &mut Map<String, Value>) -> Result<Option<String>, ApiError> {
    text(fields, "note", MAX_NOTE_CHARS)
}

/// A text without spaces around it; `None` where there is nothing else.
fn text(
    fields: &mut Map<String, Value>,
    field: &str,
    max_chars: usize,
) -> Result<Option<String>, ApiError> {
    let text = match fields.remove(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            let message = format!(
                "{field} is {}, it must be a string",
                brief(&other.to_string())
            );
            return Err(ApiError::invalid_body(field, message));
        }
    };
    let text = text.trim();
    let chars = text.chars().count();
    if chars > max_chars {
        let message = format!("{field} has {chars} characters, it may have {max_chars}");
        return Err(ApiError::invalid_body(field, message));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// Checks what a version says; as proxies will know it.
fn check(content: &Content) -> Result<Version, ApiError> {
    let messages = content.messages.len();
    if !(1..=MAX_MESSAGES).contains(&messages) {
        let message = format!("messages has {messages} elements, it must have 1 to {MAX_MESSAGES}");
        return Err(ApiError::invalid_body("messages", message));
    }
    for (index, message) in content.messages.iter().enumerate() {
        check_message(index, message)?;
    }
    let variables = content.variables.len();
    if variables > MAX_VARIABLES {
        let message = format!("variables has {variables} names, it may have {MAX_VARIABLES}");
        return Err(ApiError::invalid_body("variables", message));
    }
    for (name, variable) in &content.variables {
        check_variable(name, variable)?;
    }
    let version = content.to_domain(1).ok_or_else(ApiError::internal)?;
    let bytes = version.bytes();
    if bytes > MAX_VERSION_BYTES {
        let message =
            format!("messages and variables have {bytes} bytes, they may have {MAX_VERSION_BYTES}");
        return Err(ApiError::invalid_body("messages", message));
    }
    Ok(version)
}

fn check_message(index: usize, message: &WrittenMessage) -> Result<(), ApiError> {
    let at = |field: &str| format!("messages[{index}].{field}");
    if Role::parse(&message.role).is_none() {
        let (param, known) = (at("role"), Role::ALL.map(Role::as_str).join(", "));
        let role = brief(&message.role);
        let message = format!("{param} is {role:?}, it must be one of {known}");
        return Err(ApiError::invalid_body(&param, message));
    }
    if message.content.is_empty() {
        let param = at("content");
        let message = format!("{param} is empty, it must be text");
        return Err(ApiError::invalid_body(&param, message));
    }
    Ok(())
}

fn check_variable(name: &str, variable: &WrittenVariable) -> Result<(), ApiError> {
    let param = format!("variables.{}", brief(name));
    if !is_name(name) {
        let message = format!(
            "{param}: a name has 1 to {MAX_NAME_BYTES} bytes of letters, digits, _, - and ."
        );
        return Err(ApiError::invalid_body(&param, message));
    }
    match &variable.default {
        None | Some(Value::Null | Value::String(_) | Value::Number(_) | Value::Bool(_)) => Ok(()),
        Some(other @ (Value::Array(_) | Value::Object(_))) => {
            let param = format!("{param}.default");
            let shown = brief(&other.to_string());
            let message = format!("{param} is {shown}, it must be a string, a number or a boolean");
            Err(ApiError::invalid_body(&param, message))
        }
    }
}

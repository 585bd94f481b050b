//! Messages and errors of JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>).

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::respond::Refusal;

pub(super) const PARSE_ERROR: i32 = -32_700;
pub(super) const INVALID_REQUEST: i32 = -32_600;
pub(super) const METHOD_NOT_FOUND: i32 = -32_601;
/// Also of a tool that does not exist.
pub(super) const INVALID_PARAMS: i32 = -32_602;
const INTERNAL_ERROR: i32 = -32_603;
/// The version of the protocol is not spoken here; and a header says something else than the message.
pub(super) const UNSUPPORTED_VERSION: i32 = -32_022;
pub(super) const HEADER_MISMATCH: i32 = -32_020;
/// The key is not known.
const UNAUTHORIZED: i32 = -32_001;
/// Asked too often.
const RATE_LIMITED: i32 = -32_003;

/// What an answer is told apart by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(i64),
    Text(String),
}

/// A question, or what is only told: then it has no id.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub id: Option<Id>,
    pub method: String,
    pub params: Value,
}

impl Message {
    pub(super) fn read(body: &[u8]) -> Result<Self, RpcError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|e| RpcError::new(PARSE_ERROR, format!("the body is not valid JSON: {e}")))?;
        let invalid = |message: &str| RpcError::new(INVALID_REQUEST, message);
        let Value::Object(mut message) = value else {
            return Err(invalid("the body must be one JSON-RPC message, an object"));
        };
        if message.get("jsonrpc") != Some(&json!("2.0")) {
            return Err(invalid("jsonrpc must be \"2.0\""));
        }
        let id = message.remove("id").map(serde_json::from_value);
        let id = id
            .transpose()
            .map_err(|_| invalid("id must be a string or an integer"))?;
        let params = message.remove("params").unwrap_or(Value::Null);
        if !matches!(params, Value::Null | Value::Object(_)) {
            return Err(invalid("params must be an object"));
        }
        let method = match message.remove("method") {
            Some(Value::String(method)) => method,
            // An answer to a question that was never asked.
            None if message.contains_key("result") || message.contains_key("error") => {
                return Ok(Self {
                    id: None,
                    method: String::new(),
                    params,
                });
            }
            Some(_) | None => return Err(invalid("method must be a string")),
        };
        Ok(Self { id, method, params })
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RpcError {
    pub code: i32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl RpcError {
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// With what a program can read of it.
    pub(super) fn with(self, data: Value) -> Self {
        let data = Some(data);
        Self { data, ..self }
    }

    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        let seconds = refusal.retry_after;
        Self::of_status(refusal.status, seconds, &refusal.message).unwrap_or_else(|| {
            let code = if refusal.status.is_client_error() {
                INVALID_REQUEST
            } else {
                INTERNAL_ERROR
            };
            Self::new(code, &refusal.message)
        })
    }

    /// Of an answer that is about the caller, not about what was asked.
    pub(super) fn of_status(
        status: StatusCode,
        retry_after_s: Option<u64>,
        message: &str,
    ) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::new(UNAUTHORIZED, message)),
            StatusCode::TOO_MANY_REQUESTS => {
                let data = json!({"retry_after_secs": retry_after_s});
                Some(Self::new(RATE_LIMITED, message).with(data))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_what_is_none_is_refused_by_its_field() {
        let asked = Message::read(br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
        let ping = Message {
            id: Some(Id::Number(7)),
            method: "ping".to_owned(),
            params: Value::Null,
        };
        assert_eq!(asked, Ok(ping));
        let told = Message::read(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert_eq!(told.map(|message| message.id), Ok(None));
        let answer = Message::read(br#"{"jsonrpc":"2.0","id":"x","result":{}}"#);
        assert_eq!(answer.map(|message| message.id), Ok(None));
        for (body, code, said) in [
            ("{", PARSE_ERROR, "JSON"),
            ("[]", INVALID_REQUEST, "object"),
            (r#"{"id":1,"method":"ping"}"#, INVALID_REQUEST, "jsonrpc"),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST, "method"),
            (
                r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
                INVALID_REQUEST,
                "id",
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#,
                INVALID_REQUEST,
                "params",
            ),
        ] {
            let error = Message::read(body.as_bytes()).expect_err(body);
            assert_eq!(error.code, code, "{body}");
            assert!(error.message.contains(said), "{body}: {}", error.message);
        }
    }
}

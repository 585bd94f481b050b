//! Errors (<https://docs.claude.com/en/api/errors>).

use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorKind};

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    message: &'a str,
}

fn words(kind: ErrorKind) -> (u16, &'static str) {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => {
            (400, "invalid_request_error")
        }
        ErrorKind::Authentication => (401, "authentication_error"),
        ErrorKind::Quota => (402, "billing_error"),
        ErrorKind::Permission => (403, "permission_error"),
        ErrorKind::NotFound => (404, "not_found_error"),
        ErrorKind::TooLarge => (413, "request_too_large"),
        ErrorKind::RateLimit => (429, "rate_limit_error"),
        ErrorKind::Server => (500, "api_error"),
        ErrorKind::Timeout => (504, "timeout_error"),
        ErrorKind::Overloaded => (529, "overloaded_error"),
    }
}

/// The status and body that tell a caller. The envelope has no field for the caller's field: the message names it.
pub fn write_error(error: &ApiError) -> (u16, Vec<u8>) {
    let (status, r#type) = words(error.kind);
    let envelope = Envelope {
        r#type: "error",
        error: Body {
            r#type,
            message: &error.message,
        },
    };
    (status, serde_json::to_vec(&envelope).unwrap_or_default())
}

#[derive(Deserialize)]
struct Said {
    error: SaidError,
}

#[derive(Deserialize)]
struct SaidError {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Whether a body is such an envelope.
pub fn is_error(body: &[u8]) -> bool {
    let said: Option<Said> = serde_json::from_slice(body).ok();
    said.is_some_and(|Said { error }| error.r#type.is_some() && error.message.is_some())
}

/// What the provider said went wrong; a body in another form counts by its status.
pub fn read_error(status: u16, body: &[u8]) -> ApiError {
    let said = serde_json::from_slice(body).ok();
    let (code, message) = said.map_or((None, None), |Said { error }| (error.r#type, error.message));
    let message = message.unwrap_or_else(|| format!("the provider answered with status {status}"));
    ApiError {
        kind: kind(status, code.as_deref(), &message),
        message,
        code,
        param: None,
    }
}

fn kind(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    match code {
        Some("invalid_request_error") if status != 413 => kind_of_message(message),
        Some("authentication_error") => ErrorKind::Authentication,
        Some("billing_error") => ErrorKind::Quota,
        Some("permission_error") => ErrorKind::Permission,
        Some("not_found_error") => ErrorKind::NotFound,
        Some("request_too_large") => ErrorKind::TooLarge,
        Some("rate_limit_error") => ErrorKind::RateLimit,
        Some("timeout_error") => ErrorKind::Timeout,
        Some("overloaded_error") => ErrorKind::Overloaded,
        Some("api_error") if status < 400 => ErrorKind::Server,
        Some(_) | None => ErrorKind::of_status(status),
    }
}

/// The API has one type for these; only its words tell them apart.
fn kind_of_message(message: &str) -> ErrorKind {
    const WORDS: [(&str, ErrorKind); 6] = [
        ("prompt is too long", ErrorKind::ContextLength),
        ("exceed context limit", ErrorKind::ContextLength),
        ("exceeds context limit", ErrorKind::ContextLength),
        ("context window", ErrorKind::ContextLength),
        ("credit balance is too low", ErrorKind::Quota),
        ("content filtering policy", ErrorKind::ContentFilter),
    ];
    let message = message.to_lowercase();
    let found = WORDS.iter().find(|(words, _)| message.contains(words));
    found.map_or(ErrorKind::InvalidRequest, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_kind() {
        for kind in ErrorKind::ALL {
            let error = ApiError {
                kind,
                message: "m".into(),
                code: None,
                param: None,
            };
            let (status, body) = write_error(&error);
            let read = read_error(status, &body);
            let expected = match kind {
                // The words tell these, and "m" is none of them.
                ErrorKind::ContextLength | ErrorKind::ContentFilter => ErrorKind::InvalidRequest,
                ErrorKind::InvalidRequest
                | ErrorKind::Authentication
                | ErrorKind::Permission
                | ErrorKind::NotFound
                | ErrorKind::TooLarge
                | ErrorKind::RateLimit
                | ErrorKind::Quota
                | ErrorKind::Overloaded
                | ErrorKind::Timeout
                | ErrorKind::Server => kind,
            };
            assert_eq!((read.kind, read.message.as_str()), (expected, "m"));
        }
    }

    #[test]
    fn what_went_wrong_is_told_by_type_words_or_status() {
        let body = |kind: &str, message: &str| {
            format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
            )
        };
        let invalid = "invalid_request_error";
        let long = "prompt is too long: 208310 tokens > 200000 maximum";
        let limit = "input length and `max_tokens` exceed context limit: 1 + 2 > 2";
        let poor = "Your credit balance is too low to access the Anthropic API.";
        let filtered = "Output blocked by content filtering policy";
        for (status, body, expected) in [
            (400, body(invalid, "a: b"), ErrorKind::InvalidRequest),
            (400, body(invalid, long), ErrorKind::ContextLength),
            (400, body(invalid, limit), ErrorKind::ContextLength),
            (400, body(invalid, poor), ErrorKind::Quota),
            (400, body(invalid, filtered), ErrorKind::ContentFilter),
            (413, body(invalid, "too big"), ErrorKind::TooLarge),
            (200, body("overloaded_error", "x"), ErrorKind::Overloaded),
            (200, body("api_error", "x"), ErrorKind::Server),
            (504, body("timeout_error", "x"), ErrorKind::Timeout),
            (503, "<html>".to_owned(), ErrorKind::Overloaded),
            (409, body("conflict_error", "x"), ErrorKind::InvalidRequest),
        ] {
            assert_eq!(read_error(status, body.as_bytes()).kind, expected, "{body}");
        }
    }
}

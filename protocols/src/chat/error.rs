//! Errors in OpenAI's envelope, and the envelopes of those who speak its API with one of their own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ApiError, ErrorKind};

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'a str,
}

/// OpenAI's status, type and code for a kind.
fn words(kind: ErrorKind) -> (u16, &'static str, &'static str) {
    const INVALID: &str = "invalid_request_error";
    match kind {
        ErrorKind::InvalidRequest => (400, INVALID, "invalid_request"),
        ErrorKind::ContextLength => (400, INVALID, "context_length_exceeded"),
        ErrorKind::ContentFilter => (400, INVALID, "content_filter"),
        ErrorKind::Authentication => (401, INVALID, "invalid_api_key"),
        ErrorKind::Permission => (403, INVALID, "permission_denied"),
        ErrorKind::NotFound => (404, INVALID, "model_not_found"),
        ErrorKind::TooLarge => (413, INVALID, "request_too_large"),
        ErrorKind::RateLimit => (429, "rate_limit_error", "rate_limit_exceeded"),
        ErrorKind::Quota => (429, "insufficient_quota", "insufficient_quota"),
        ErrorKind::Overloaded => (503, "server_error", "overloaded"),
        ErrorKind::Timeout => (504, "server_error", "timeout"),
        ErrorKind::Server => (500, "server_error", "server_error"),
    }
}

/// The provider's own name for it, where OpenAI has none that callers know: they tell a prompt that is too long, or
/// one that was filtered, by its code.
fn own_code(error: &ApiError) -> Option<&str> {
    let is_general = match error.kind {
        ErrorKind::InvalidRequest | ErrorKind::Permission | ErrorKind::Server => true,
        ErrorKind::ContextLength
        | ErrorKind::ContentFilter
        | ErrorKind::Authentication
        | ErrorKind::NotFound
        | ErrorKind::TooLarge
        | ErrorKind::RateLimit
        | ErrorKind::Quota
        | ErrorKind::Overloaded
        | ErrorKind::Timeout => false,
    };
    error.code.as_deref().filter(|_| is_general)
}

/// The status and body that tell a caller.
pub fn write_error(error: &ApiError) -> (u16, Vec<u8>) {
    let (status, r#type, code) = words(error.kind);
    let envelope = Envelope {
        error: Body {
            message: &error.message,
            r#type,
            param: error.param.as_deref(),
            code: own_code(error).unwrap_or(code),
        },
    };
    (status, serde_json::to_vec(&envelope).unwrap_or_default())
}

/// An envelope that callers' packages can read: strictly typed ones fail on a `code` that is a number.
#[derive(Deserialize)]
struct Readable {
    #[expect(dead_code, reason = "only whether it can be read counts")]
    error: ReadableBody,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only whether it can be read counts")]
struct ReadableBody {
    message: String,
    r#type: Option<String>,
    param: Option<String>,
    code: Option<String>,
}

/// Whether a body is such an envelope.
pub fn is_error(body: &[u8]) -> bool {
    serde_json::from_slice::<Readable>(body).is_ok()
}

/// Every place in which a message, a type, a code or a field's name may stand.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    error: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
    r#type: Option<Value>,
    code: Option<Value>,
    param: Option<Value>,
}

/// What a provider said went wrong.
pub fn read_error(status: u16, body: &[u8]) -> ApiError {
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let inner: Said = match said.error {
        Some(Value::String(message)) => Said {
            message: Some(Value::String(message)),
            ..Said::default()
        },
        Some(object) => serde_json::from_value(object).unwrap_or_default(),
        None => Said::default(),
    };
    let text = |value: Option<Value>| {
        value.and_then(|value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Object(_) | Value::Array(_) => Some(value.to_string()),
            Value::Null | Value::Bool(_) => None,
        })
    };
    let message = text(inner.message)
        .or(text(said.message))
        .or(text(said.detail));
    let kind_word = text(inner.r#type).or(text(said.r#type));
    let code = text(inner.code).or(text(said.code));
    let message = message.unwrap_or_else(|| format!("the provider answered with status {status}"));
    let kind = kind_of(status, (code.as_deref(), kind_word.as_deref()), &message);
    ApiError {
        kind,
        message,
        code: code.or(kind_word),
        param: text(inner.param).or(text(said.param)),
    }
}

fn kind_of(status: u16, words: (Option<&str>, Option<&str>), message: &str) -> ErrorKind {
    let is = |word: &str| words.0 == Some(word) || words.1 == Some(word);
    if is("context_length_exceeded") || (status == 400 && tells_of_context(message)) {
        return ErrorKind::ContextLength;
    }
    if is("insufficient_quota") {
        return ErrorKind::Quota;
    }
    if is("content_filter") || is("content_policy_violation") {
        return ErrorKind::ContentFilter;
    }
    ErrorKind::of_status(status)
}

/// Servers that have no code for it say it in the words of vLLM, or in ones like them.
fn tells_of_context(message: &str) -> bool {
    const WORDS: [&str; 4] = [
        "maximum context length",
        "context length exceeded",
        "context window",
        "too many tokens",
    ];
    let message = message.to_lowercase();
    WORDS.iter().any(|words| message.contains(words))
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
                param: Some("p".into()),
            };
            let (status, body) = write_error(&error);
            let read = read_error(status, &body);
            assert_eq!((read.kind, read.message.as_str()), (kind, "m"), "{kind:?}");
            assert_eq!(read.param.as_deref(), Some("p"));
        }
    }

    #[test]
    fn a_code_that_callers_know_comes_before_the_providers_own() {
        let code = |kind| {
            let error = ApiError {
                kind,
                message: "m".into(),
                code: Some("INVALID_ARGUMENT".into()),
                param: None,
            };
            let (_, body) = write_error(&error);
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            body["error"]["code"].as_str().map(str::to_owned)
        };
        for (kind, expected) in [
            (ErrorKind::ContextLength, "context_length_exceeded"),
            (ErrorKind::ContentFilter, "content_filter"),
            (ErrorKind::Authentication, "invalid_api_key"),
            (ErrorKind::RateLimit, "rate_limit_exceeded"),
            (ErrorKind::InvalidRequest, "INVALID_ARGUMENT"),
        ] {
            assert_eq!(code(kind).as_deref(), Some(expected));
        }
    }

    #[test]
    fn only_what_packages_can_read_is_an_envelope() {
        for (body, is) in [
            (r#"{"error": {"message": "m"}}"#, true),
            (
                r#"{"error": {"message": "m", "type": "t", "param": null, "code": "c", "more": 1}}"#,
                true,
            ),
            (r#"{"error": {"message": "m", "code": 429}}"#, false),
            (r#"{"error": {"code": "c"}}"#, false),
            (r#"{"error": "m"}"#, false),
            ("{}", false),
            ("<html>", false),
            ("", false),
        ] {
            assert_eq!(is_error(body.as_bytes()), is, "{body}");
        }
    }

    #[test]
    fn the_envelopes_of_others_are_understood() {
        let of = |status, body: &str| {
            let error = read_error(status, body.as_bytes());
            (error.kind, error.message, error.code)
        };
        let mistral = r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#;
        assert_eq!(
            of(400, mistral),
            (
                ErrorKind::InvalidRequest,
                "Invalid model: x".into(),
                Some("1500".into())
            )
        );
        let detail =
            r#"{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#;
        assert!(of(422, detail).1.contains("Extra inputs"));
        assert_eq!(of(401, r#"{"error":"bad key"}"#).1, "bad key");
        let vllm =
            r#"{"message":"This model's maximum context length is 4096 tokens.","code":400}"#;
        assert_eq!(of(400, vllm).0, ErrorKind::ContextLength);
        assert_eq!(of(529, "not JSON").0, ErrorKind::Overloaded);
    }
}

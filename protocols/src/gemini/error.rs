//! Errors: Google's `rpc.Status` in JSON (<https://google.aip.dev/193>,
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>).

use serde::Deserialize;

use crate::error::{ApiError, ErrorKind};

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
    status: String,
    details: Vec<Detail>,
}

/// `ErrorInfo`, `BadRequest` and `RetryInfo` in one; no two share a field.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    reason: String,
    field_violations: Vec<Violation>,
    retry_delay: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Violation {
    field: String,
}

/// An error comes alone, or in an array where a stream was asked for without SSE.
fn status_of(body: &[u8]) -> Option<Status> {
    let envelope: Envelope = if body.trim_ascii_start().starts_with(b"[") {
        let several: Vec<Envelope> = serde_json::from_slice(body).ok()?;
        several.into_iter().next()?
    } else {
        serde_json::from_slice(body).ok()?
    };
    Some(envelope.error)
}

/// What Google said went wrong.
pub fn read_error(status: u16, body: &[u8]) -> ApiError {
    let Some(error) = status_of(body) else {
        return ApiError {
            kind: ErrorKind::of_status(status),
            message: format!("the provider answered with status {status}"),
            code: None,
            param: None,
        };
    };
    let violations = error.details.iter().flat_map(|of| &of.field_violations);
    let mut fields = violations.map(|violation| &violation.field);
    ApiError {
        kind: kind_of(status, &error),
        param: fields.find(|field| !field.is_empty()).cloned(),
        code: Some(error.status).filter(|word| !word.is_empty()),
        message: error.message,
    }
}

/// How long Google asks to wait before the next try.
pub fn retry_after_ms(body: &[u8]) -> Option<u64> {
    let error = status_of(body)?;
    let mut delays = error.details.iter().map(|detail| &detail.retry_delay);
    let seconds = delays.find_map(|delay| delay.strip_suffix('s'))?;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(1_000)?
        .checked_add(fraction.parse().ok()?)
}

fn kind_of(status: u16, error: &Status) -> ErrorKind {
    let has_reason = |reason: &str| error.details.iter().any(|detail| detail.reason == reason);
    match error.status.as_str() {
        // A wrong key is an invalid argument to Google.
        "INVALID_ARGUMENT" if has_reason("API_KEY_INVALID") => ErrorKind::Authentication,
        "INVALID_ARGUMENT" if tells_of_context(&error.message) => ErrorKind::ContextLength,
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" if status != 413 => {
            ErrorKind::InvalidRequest
        }
        "UNAUTHENTICATED" => ErrorKind::Authentication,
        "PERMISSION_DENIED" => ErrorKind::Permission,
        "NOT_FOUND" => ErrorKind::NotFound,
        "RESOURCE_EXHAUSTED" if tells_of_credits(&error.message) => ErrorKind::Quota,
        "RESOURCE_EXHAUSTED" => ErrorKind::RateLimit,
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "ABORTED" | "CANCELLED" => ErrorKind::Server,
        _ if error.code != 0 && status == 500 => ErrorKind::of_status(error.code),
        _ => ErrorKind::of_status(status),
    }
}

/// There is no word for it: "The input token count (…) exceeds the maximum number of tokens allowed (…)."; Vertex AI:
/// "…the input token count is … but the model only supports up to …".
fn tells_of_context(message: &str) -> bool {
    message.to_lowercase().contains("input token count")
}

/// Prepaid credit that is used up has the word of a rate limit.
fn tells_of_credits(message: &str) -> bool {
    message.contains("credits are depleted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        read_error(status, body.as_bytes()).kind
    }

    #[test]
    fn every_word_has_its_kind() {
        for (status, word, expected) in [
            (400, "INVALID_ARGUMENT", ErrorKind::InvalidRequest),
            (400, "FAILED_PRECONDITION", ErrorKind::InvalidRequest),
            (400, "OUT_OF_RANGE", ErrorKind::InvalidRequest),
            (401, "UNAUTHENTICATED", ErrorKind::Authentication),
            (403, "PERMISSION_DENIED", ErrorKind::Permission),
            (404, "NOT_FOUND", ErrorKind::NotFound),
            (413, "INVALID_ARGUMENT", ErrorKind::TooLarge),
            (429, "RESOURCE_EXHAUSTED", ErrorKind::RateLimit),
            (500, "INTERNAL", ErrorKind::Server),
            (503, "UNAVAILABLE", ErrorKind::Overloaded),
            (504, "DEADLINE_EXCEEDED", ErrorKind::Timeout),
            (499, "CANCELLED", ErrorKind::Server),
            (429, "OF_NEXT_YEAR", ErrorKind::RateLimit),
        ] {
            let body =
                format!(r#"{{"error":{{"code":{status},"message":"m","status":"{word}"}}}}"#);
            assert_eq!(kind(status, &body), expected, "{word}");
            let error = read_error(status, body.as_bytes());
            assert_eq!(
                (error.message.as_str(), error.code.as_deref()),
                ("m", Some(word))
            );
        }
        assert_eq!(kind(502, "<html>"), ErrorKind::Server);
    }

    #[test]
    fn a_word_with_several_meanings_is_told_apart() {
        let key = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#;
        assert_eq!(kind(400, key), ErrorKind::Authentication);
        let long = r#"{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#;
        assert_eq!(kind(400, long), ErrorKind::ContextLength);
        let vertex = r#"{"error":{"code":400,"message":"Unable to submit request because the input token count is 2000000 but the model only supports up to 1048576.","status":"INVALID_ARGUMENT"}}"#;
        assert_eq!(kind(400, vertex), ErrorKind::ContextLength);
        let spent = r#"{"error":{"code":429,"message":"Your prepayment credits are depleted.","status":"RESOURCE_EXHAUSTED"}}"#;
        assert_eq!(kind(429, spent), ErrorKind::Quota);
        let field = r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0]","description":"d"}]}]}}"#;
        let error = read_error(400, field.as_bytes());
        assert_eq!(error.param.as_deref(), Some("contents[0]"));
    }

    #[test]
    fn the_delay_is_read_from_an_array_too() {
        let of = |delay: &str| {
            let body = format!(
                r#"[{{"error":{{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[
                {{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]}},
                {{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}]"#
            );
            assert_eq!(kind(429, &body), ErrorKind::RateLimit);
            retry_after_ms(body.as_bytes())
        };
        assert_eq!(of("34s"), Some(34_000));
        assert_eq!(of("34.0748s"), Some(34_074));
        assert_eq!(of("soon"), None);
    }
}

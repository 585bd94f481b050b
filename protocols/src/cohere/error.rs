//! Errors: a message in words, and the status (<https://docs.cohere.com/reference/errors>).

use serde::Deserialize;

use crate::error::{ApiError, ErrorKind};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    message: Option<String>,
}

/// What Cohere said went wrong.
pub fn read_error(status: u16, body: &[u8]) -> ApiError {
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let message = said
        .message
        .unwrap_or_else(|| format!("the provider answered with status {status}"));
    ApiError {
        kind: kind_of(status, &message),
        message,
        code: None,
        param: None,
    }
}

/// Beyond the status there are only the words, which its documentation lists.
fn kind_of(status: u16, message: &str) -> ErrorKind {
    let message = message.to_lowercase();
    let is_client = (400..=499).contains(&status);
    if is_client && (message.contains("blocked input") || message.contains("blocked output")) {
        return ErrorKind::ContentFilter;
    }
    match status {
        400 | 422 if message.contains("too many tokens") => ErrorKind::ContextLength,
        // A token that is not valid.
        498 => ErrorKind::Authentication,
        // Cancelled, and not by us; Cohere says to try again.
        499 => ErrorKind::Server,
        _ => ErrorKind::of_status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_kind() {
        for (status, message, expected) in [
            (
                400,
                "invalid request: message must be at least 1 token long.",
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                "too many tokens: size limit exceeded by 11326 tokens.",
                ErrorKind::ContextLength,
            ),
            (401, "invalid api token", ErrorKind::Authentication),
            (
                402,
                "Please add or update your payment method",
                ErrorKind::Quota,
            ),
            (403, "forbidden", ErrorKind::Permission),
            (404, "model 'x' not found", ErrorKind::NotFound),
            (422, "invalid type", ErrorKind::InvalidRequest),
            (
                429,
                "You are past the per minute request limit",
                ErrorKind::RateLimit,
            ),
            (498, "invalid token", ErrorKind::Authentication),
            (
                498,
                "blocked input: please adjust prompt and try again.",
                ErrorKind::ContentFilter,
            ),
            (499, "request cancelled", ErrorKind::Server),
            (500, "internal server error", ErrorKind::Server),
            (501, "not implemented", ErrorKind::Server),
            (503, "unavailable", ErrorKind::Overloaded),
            (504, "gateway timeout", ErrorKind::Timeout),
        ] {
            let body = serde_json::json!({"message": message, "id": "x"}).to_string();
            let error = read_error(status, body.as_bytes());
            assert_eq!((error.kind, error.message.as_str()), (expected, message));
        }
        assert_eq!(read_error(502, b"<html>").kind, ErrorKind::Server);
    }
}

//! What AWS says went wrong: a status, a type in the header `x-amzn-errortype`, and a message
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>).

use serde::Deserialize;

use crate::error::{ApiError, ErrorKind};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    #[serde(alias = "Message")]
    message: Option<String>,
    /// The type, from services and gateways that do not put it in the header.
    #[serde(rename = "__type")]
    r#type: Option<String>,
}

/// `error_type` is the header `x-amzn-errortype`, or the type of an exception in a stream.
pub fn read_error(status: u16, error_type: Option<&str>, body: &[u8]) -> ApiError {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let code = error_type.or(body.r#type.as_deref()).map(name);
    let code = code.filter(|code| !code.is_empty());
    let message = body.message.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| match &code {
        Some(code) => format!("the provider answered with {code}"),
        None => format!("the provider answered with status {status}"),
    });
    ApiError {
        kind: kind_of(status, code.as_deref().unwrap_or_default(), &message),
        message,
        code,
        param: None,
    }
}

/// `ValidationException` of `com.amazon.coral.validate#ValidationException:http://internal.amazon.com/…`, and of
/// `validationException`, which is how streams write it.
fn name(error_type: &str) -> String {
    let name = error_type.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn kind_of(status: u16, code: &str, message: &str) -> ErrorKind {
    match code {
        "ValidationException" if tells_of_context(message) => ErrorKind::ContextLength,
        "ValidationException" if tells_of_filter(message) => ErrorKind::ContentFilter,
        "ValidationException" | "ConflictException" | "ValidationError" => {
            ErrorKind::InvalidRequest
        }
        "AccessDeniedException" | "NotAuthorized" | "OptInRequired" => ErrorKind::Permission,
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "RequestExpired"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ErrorKind::Authentication,
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "ThrottlingException" | "ServiceQuotaExceededException" => ErrorKind::RateLimit,
        "ServiceUnavailableException" | "ModelNotReadyException" | "ServiceUnavailable" => {
            ErrorKind::Overloaded
        }
        "ModelTimeoutException" => ErrorKind::Timeout,
        "InternalServerException"
        | "InternalFailure"
        | "ModelErrorException"
        | "ModelStreamErrorException" => ErrorKind::Server,
        _ => ErrorKind::of_status(status),
    }
}

/// There is no word for it. The makers of the models say "Input is too long for requested model.", "prompt is too
/// long: 205000 tokens > 200000 maximum", "This model's maximum context length is 8192 tokens", "input length and
/// `max_tokens` exceed context limit".
fn tells_of_context(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "input is too long",
        "prompt is too long",
        "maximum context length",
        "exceed context limit",
        "too many input tokens",
        "exceeds the maximum number of input tokens",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Claude's "Output blocked by content filtering policy".
fn tells_of_filter(message: &str) -> bool {
    message.contains("content filtering policy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_kind() {
        for (status, error_type, expected) in [
            (403, "AccessDeniedException", ErrorKind::Permission),
            (500, "InternalServerException", ErrorKind::Server),
            (424, "ModelErrorException", ErrorKind::Server),
            (429, "ModelNotReadyException", ErrorKind::Overloaded),
            (424, "ModelStreamErrorException", ErrorKind::Server),
            (408, "ModelTimeoutException", ErrorKind::Timeout),
            (404, "ResourceNotFoundException", ErrorKind::NotFound),
            (400, "ServiceQuotaExceededException", ErrorKind::RateLimit),
            (503, "ServiceUnavailableException", ErrorKind::Overloaded),
            (429, "ThrottlingException", ErrorKind::RateLimit),
            (400, "ValidationException", ErrorKind::InvalidRequest),
            (
                403,
                "UnrecognizedClientException",
                ErrorKind::Authentication,
            ),
            (403, "InvalidSignatureException", ErrorKind::Authentication),
            (403, "ExpiredTokenException", ErrorKind::Authentication),
            (413, "OfNextYear", ErrorKind::TooLarge),
        ] {
            let error = read_error(status, Some(error_type), br#"{"message":"m"}"#);
            let expected = ApiError {
                kind: expected,
                message: "m".to_owned(),
                code: Some(error_type.to_owned()),
                param: None,
            };
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_type_is_found_in_all_its_spellings() {
        for (error_type, body) in [
            (Some("ThrottlingException"), "{}"),
            (
                Some("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"),
                "",
            ),
            (Some("com.amazon.coral#ThrottlingException"), "<html>"),
            (Some("throttlingException"), "{}"),
            (None, r#"{"__type":"com.amazon#ThrottlingException"}"#),
        ] {
            let error = read_error(400, error_type, body.as_bytes());
            assert_eq!(error.code.as_deref(), Some("ThrottlingException"));
            assert_eq!(
                error.message,
                "the provider answered with ThrottlingException"
            );
        }
        let error = read_error(502, None, b"<html>");
        assert_eq!((error.kind, error.code), (ErrorKind::Server, None));
        let error = read_error(403, None, br#"{"Message":"no"}"#);
        assert_eq!(error.message, "no");
    }

    #[test]
    fn a_validation_error_with_several_meanings_is_told_apart() {
        for (message, expected) in [
            (
                "Input is too long for requested model.",
                ErrorKind::ContextLength,
            ),
            (
                "The model returned the following errors: prompt is too long: 205000 tokens > 200000 maximum",
                ErrorKind::ContextLength,
            ),
            (
                "Output blocked by content filtering policy",
                ErrorKind::ContentFilter,
            ),
            ("Malformed input request", ErrorKind::InvalidRequest),
        ] {
            let body = format!(r#"{{"message":"{message}"}}"#);
            let error = read_error(400, Some("ValidationException"), body.as_bytes());
            assert_eq!(error.kind, expected, "{message}");
        }
    }
}

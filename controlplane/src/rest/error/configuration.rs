//! What is wrong with how this is set up.

use http::StatusCode;

use super::ApiError;

impl ApiError {
    /// The configuration's file cannot be used; the message names the line and the key.
    pub(crate) fn invalid_configuration(message: impl Into<String>) -> Self {
        let kind = "invalid_request_error";
        Self::new(
            StatusCode::BAD_REQUEST,
            kind,
            "invalid_configuration",
            message,
        )
    }

    /// Nobody set up what this needs. Not 503, which clients take for a reason to ask again.
    pub(crate) fn not_configured(message: &'static str) -> Self {
        let status = StatusCode::NOT_IMPLEMENTED;
        Self::new(status, "api_error", "not_configured", message)
    }

    /// The proxy that was to be asked did not answer.
    pub(crate) fn proxy_away(why: &str) -> Self {
        let message = format!("the proxy gave no answer: {why}");
        let status = StatusCode::BAD_GATEWAY;
        Self::new(status, "api_error", "proxy_unreachable", message)
    }
}

//! The one place where errors become responses: the envelope that all clients parse.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::store::StoreError;

/// Characters of a caller's value that are shown in a message.
const MAX_SHOWN: usize = 80;

/// An error as the caller sees it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    param: Option<String>,
    message: String,
}

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code,
            param: None,
            message: message.into(),
        }
    }

    /// A query parameter is wrong.
    pub(crate) fn invalid_query(param: &str, message: impl Into<String>) -> Self {
        let error = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "invalid_request",
            message,
        );
        Self {
            param: Some(param.to_owned()),
            ..error
        }
    }

    /// What was sent cannot be read at all.
    pub(crate) fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "invalid_body",
            message,
        )
    }

    /// More was sent than this endpoint reads.
    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes");
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "body_too_large",
            message,
        )
    }

    /// The path does not hold a request id but `given`.
    pub(crate) fn invalid_request_id(given: &str) -> Self {
        let message = format!(
            "request_id is {:?}, it must be a UUID v4, as in the x-request-id header",
            brief(given)
        );
        let error = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "invalid_request_id",
            message,
        );
        Self {
            param: Some("request_id".to_owned()),
            ..error
        }
    }

    /// Nothing there, or nothing that this caller may know of: both say the same, byte for byte.
    pub(crate) fn not_found(message: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            "not_found",
            message,
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message =
            "this endpoint does not take this method; the header Allow names those that it takes";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request_error",
            "method_not_allowed",
            message,
        )
    }

    pub(crate) fn missing_key() -> Self {
        let message = "no API key; send it as: Authorization: Bearer <key>";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            message,
        )
    }

    pub(crate) fn unknown_key() -> Self {
        let message = "this API key is not known";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_api_key",
            message,
        )
    }

    pub(crate) fn no_read_permission() -> Self {
        let message = "this API key may not read";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "read_permission",
            message,
        )
    }

    pub(crate) fn no_write_permission() -> Self {
        let message = "this API key may not write";
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "write_permission",
            message,
        )
    }

    pub(crate) fn internal() -> Self {
        let message = "something failed here; try again";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api_error",
            "internal",
            message,
        )
    }
}

/// As much of a value as a message has room for.
pub(crate) fn brief(value: &str) -> String {
    value.chars().take(MAX_SHOWN).collect()
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::internal()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }});
        (self.status, Json(body)).into_response()
    }
}

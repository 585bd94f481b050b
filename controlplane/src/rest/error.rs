//! The one place where errors become responses: the envelope that all clients parse.

mod configuration;
mod keys;
mod plan;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{decision_log::LogError, queue::QueueError, store::StoreError};

/// Characters of a caller's value that are shown in a message.
const MAX_SHOWN: usize = 80;
/// When to ask again for what the decision log or the queue did not answer.
const LOG_RETRY_S: u64 = 2;
/// When a database that did not answer may be asked again.
const STORE_RETRY_S: u64 = 5;

/// An error as the caller sees it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    param: Option<String>,
    message: String,
    /// In seconds.
    retry_after: Option<u64>,
    /// What the plan lacks.
    feature: Option<&'static str>,
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
            retry_after: None,
            feature: None,
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

    /// A part of the path is not UTF-8 once it is decoded.
    pub(crate) fn invalid_path() -> Self {
        let message = "the path is not text: its parts must be percent-encoded UTF-8";
        Self::invalid_field("invalid_request", "path", message)
    }

    /// What a key of the query or a field of the body names is not there.
    pub(crate) fn unknown_named(param: &str, message: impl Into<String>) -> Self {
        let kind = "invalid_request_error";
        let error = Self::new(StatusCode::NOT_FOUND, kind, "not_found", message);
        Self {
            param: Some(param.to_owned()),
            ..error
        }
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message =
            "this path does not take this method; the header Allow names those that it takes";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request_error",
            "method_not_allowed",
            message,
        )
    }

    /// A field of the body is wrong.
    pub(crate) fn invalid_body(param: &str, message: impl Into<String>) -> Self {
        Self::invalid_field("invalid_body", param, message)
    }

    /// A field is wrong in a way that has a name of its own. `body` stands for all of it, which is no field.
    pub(crate) fn invalid_field(
        code: &'static str,
        param: &str,
        message: impl Into<String>,
    ) -> Self {
        let error = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            code,
            message,
        );
        Self {
            param: (param != "body").then(|| param.to_owned()),
            ..error
        }
    }

    /// Another question bears this name already.
    pub(crate) fn reused_key() -> Self {
        let message = "Idempotency-Key was used for another request; a new request needs a new one";
        Self::idempotency("idempotency_key_reused", message)
    }

    /// The change was made, and its answer was lost with the process that made it.
    pub(crate) fn answer_lost() -> Self {
        let message =
            "this was done already, but what was answered is not kept; read what there is now";
        Self::idempotency("already_done", message)
    }

    /// Not 409, which clients take for a reason to ask again.
    fn idempotency(code: &'static str, message: &'static str) -> Self {
        let error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_request_error",
            code,
            message,
        );
        Self {
            param: Some("Idempotency-Key".to_owned()),
            ..error
        }
    }

    /// The path does not hold an experiment's id but `given`.
    pub(crate) fn invalid_experiment_id(given: &str) -> Self {
        let message = format!("experiment_id is {:?}, it must be a UUID v4", brief(given));
        Self::invalid_field("invalid_experiment_id", "experiment_id", message)
    }

    /// What weighs enough to be asked for twice was not confirmed.
    pub(crate) fn unconfirmed(header: &'static str, wanted: &str) -> Self {
        let message = format!(
            "this changes who serves live traffic; confirm it with the header {header}: {wanted}"
        );
        Self::invalid_field("confirmation_required", header, message)
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

    /// What the caller saw last is not what is there.
    pub(crate) fn changed_meanwhile(given: &str) -> Self {
        let message = format!(
            "if-match is {:?}, which is not what is there now; read it again",
            brief(given)
        );
        let error = Self::new(
            StatusCode::PRECONDITION_FAILED,
            "invalid_request_error",
            "precondition_failed",
            message,
        );
        Self {
            param: Some("If-Match".to_owned()),
            ..error
        }
    }

    /// A format that is not given.
    pub(crate) fn unsupported_format(given: &str) -> Self {
        let message = format!("format is {:?}, it must be jsonl", brief(given));
        let error = Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request_error",
            "unsupported_format",
            message,
        );
        Self {
            param: Some("format".to_owned()),
            ..error
        }
    }

    /// More rows than one export gives.
    pub(crate) fn too_many_rows(most: u64) -> Self {
        let message = format!(
            "there are more than {most} decisions from from to to, as many as one export gives; ask for a shorter span"
        );
        let error = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "estimated_payload_too_large",
            message,
        );
        Self {
            param: Some("from".to_owned()),
            ..error
        }
    }

    /// The same where the field has another name.
    pub(crate) fn renamed(self, from: &str, to: &str) -> Self {
        let rename = |param: String| if param == from { to.to_owned() } else { param };
        let param = self.param.map(rename);
        Self { param, ..self }
    }

    /// The same, its message after these words.
    pub(crate) fn after(self, words: &str) -> Self {
        let message = format!("{words}{}", self.message);
        Self { message, ..self }
    }

    /// Too early.
    pub(crate) fn rate_limited(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_error",
            "rate_limited",
            message,
        );
        Self {
            retry_after: Some(retry_after),
            ..error
        }
    }

    /// What holds the decisions does not answer.
    pub(crate) fn log_gone() -> Self {
        let message = "the decision log in ClickHouse does not answer; calls are served and recorded all the same, ask again in a moment";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self {
            retry_after: Some(LOG_RETRY_S),
            ..Self::new(status, "api_error", "decision_log_unavailable", message)
        }
    }

    /// The database does not answer.
    fn store_gone() -> Self {
        let message = "the control plane's database does not answer; calls are served and recorded all the same, ask again in a moment";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self {
            retry_after: Some(STORE_RETRY_S),
            ..Self::new(status, "api_error", "store_unavailable", message)
        }
    }

    /// What holds the scoring queue does not answer.
    fn queue_gone() -> Self {
        let message = "the scoring queue in Redis does not answer; replies wait in the store meanwhile, ask again in a moment";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self {
            retry_after: Some(LOG_RETRY_S),
            ..Self::new(status, "api_error", "queue_unavailable", message)
        }
    }

    /// What is told of it: status, code, the field that is wrong, and why.
    pub(crate) fn into_parts(self) -> (StatusCode, &'static str, Option<String>, String) {
        (self.status, self.code, self.param, self.message)
    }

    #[cfg(test)]
    pub(crate) fn to_text(&self) -> String {
        self.message.clone()
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
        if error.is_away() {
            return Self::store_gone();
        }
        Self::internal()
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Store(error) => error.into(),
            LogError::LeftAlone { .. } => Self::log_gone(),
            LogError::Late { .. } | LogError::Failed { .. } | LogError::Newer { .. } => {
                tracing::warn!(%error, "the decision log did not answer");
                Self::log_gone()
            }
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Store(error) => error.into(),
            QueueError::Late { .. } | QueueError::LeftAlone { .. } | QueueError::Failed { .. } => {
                Self::queue_gone()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }});
        if let Some(feature) = self.feature {
            body["error"]["feature"] = json!(feature);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

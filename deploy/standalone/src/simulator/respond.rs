//! Response bodies and the error envelope of the OpenAI API.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What went wrong with a request, as the API says it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Invalid(String),
    #[error("the model {0:?} does not exist")]
    UnknownModel(String),
    #[error("no such path: {0}")]
    UnknownPath(String),
    #[error("the body is larger than the simulator takes")]
    TooLarge,
    #[error("simulated failure")]
    Simulated(u16),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::UnknownModel(_) | Self::UnknownPath(_) => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Simulated(status) => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }

    /// In the API's envelope.
    pub(super) fn to_response(&self) -> Response<Body> {
        let (kind, code) = match self {
            Self::Invalid(_) | Self::TooLarge => ("invalid_request_error", Value::Null),
            Self::UnknownModel(_) => ("invalid_request_error", json!("model_not_found")),
            Self::UnknownPath(_) => ("invalid_request_error", json!("unknown_url")),
            Self::Simulated(429) => ("rate_limit_error", json!("rate_limit_exceeded")),
            Self::Simulated(_) => ("server_error", Value::Null),
        };
        let error =
            json!({ "message": self.to_string(), "type": kind, "param": null, "code": code });
        let mut response = json_response(&json!({ "error": error }));
        *response.status_mut() = self.status();
        response
    }
}

/// 200 with JSON.
pub(super) fn json_response(value: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())).boxed_unsync());
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

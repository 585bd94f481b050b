//! Our own answers: JSON, and the one envelope for everything that went wrong.

use floopy_shared::domain::plan::{Feature, Plan};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{body::Body, incoming::Unread};
use crate::{
    admit::Denied,
    call::InvalidCall,
    doors::Shed,
    rates::Exceeded,
    route::{Unresolved, Unroutable},
};

/// Heeded by the packages of OpenAI and Anthropic.
static SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// The kind of errors that official clients do not ask again after.
pub(crate) const INSUFFICIENT_QUOTA: &str = "insufficient_quota";

/// Marks a response as an error of ours, for callers who want it in other words.
#[derive(Debug, Clone)]
pub(crate) struct OwnError {
    pub message: String,
}

/// Its name and its value.
pub(crate) type Detail = (&'static str, Value);

/// An error of ours, as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: &'static str,
    pub message: String,
    pub param: Option<String>,
    /// In seconds.
    pub retry_after: Option<u64>,
    /// A member that only such errors have, such as the feature that the tenant's plan lacks.
    pub detail: Option<Box<Detail>>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let kind = match status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        Self {
            status,
            kind,
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            detail: None,
        }
    }

    pub(crate) fn unavailable(
        code: &'static str,
        message: impl Into<String>,
        retry_after: u64,
    ) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        Self {
            retry_after: Some(retry_after),
            ..refusal
        }
    }

    /// The tenant's plan does not have what a path needs.
    pub(crate) fn plan_required(plan: &Plan, feature: Feature) -> Self {
        let message = format!(
            "the plan {:?} does not have {}",
            plan.name,
            feature.as_str()
        );
        Self {
            detail: Some(Box::new(("feature", json!(feature.as_str())))),
            ..Self::new(StatusCode::FORBIDDEN, "plan_required", message)
        }
    }

    /// An upstream's fault.
    pub(crate) fn upstream(status: StatusCode, code: &'static str, message: String) -> Self {
        Self {
            kind: "upstream_error",
            ..Self::new(status, code, message)
        }
    }

    pub(crate) fn about(self, param: Option<&str>) -> Self {
        Self {
            param: param.map(str::to_owned),
            ..self
        }
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let mut envelope = json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }});
        if let Some((name, value)) = self.detail.as_deref() {
            envelope["error"][*name] = value.clone();
        }
        let mut response = json_response(self.status, &envelope);
        response.extensions_mut().insert(OwnError {
            message: self.message.clone(),
        });
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Weeks may pass: clients must not ask again by themselves.
        if self.kind == INSUFFICIENT_QUOTA {
            let no = HeaderValue::from_static("false");
            response.headers_mut().insert(&SHOULD_RETRY, no);
        }
        response
    }
}

/// A JSON answer.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let message = denied.to_string();
        match denied {
            Denied::NoSnapshot => Self::unavailable("no_snapshot", message, 1),
            Denied::Missing | Denied::Malformed | Denied::Unknown => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
            }
            Denied::Disabled => Self::new(StatusCode::FORBIDDEN, "tenant_disabled", message),
            Denied::NoRead => Self::new(StatusCode::FORBIDDEN, "read_permission", message),
            Denied::NoWrite => Self::new(StatusCode::FORBIDDEN, "write_permission", message),
        }
    }
}

impl From<Shed> for Refusal {
    fn from(shed: Shed) -> Self {
        let message = shed.to_string();
        match shed {
            Shed::Full(_) | Shed::BytesFull(_) => Self::unavailable("overloaded", message, 1),
            Shed::OverShare(_) | Shed::BytesOverShare(_) => Self {
                retry_after: Some(1),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "tenant_overloaded", message)
            },
        }
    }
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        let refusal = |code| Self::new(StatusCode::TOO_MANY_REQUESTS, code, exceeded.to_string());
        match exceeded {
            Exceeded::Requests { wait_s, .. }
            | Exceeded::Tokens { wait_s, .. }
            | Exceeded::Address { wait_s, .. }
            | Exceeded::Own { wait_s, .. } => Self {
                retry_after: Some(wait_s),
                ..refusal("rate_limited")
            },
            Exceeded::MonthlyCost { wait_s } => Self {
                kind: INSUFFICIENT_QUOTA,
                retry_after: Some(wait_s),
                ..refusal("cost_limit_reached")
            },
            Exceeded::MonthlyRequests { wait_s } => Self {
                kind: INSUFFICIENT_QUOTA,
                retry_after: Some(wait_s),
                ..refusal("quota_reached")
            },
            // Floopy's packages send ratings by themselves, do not know `x-should-retry`, and would sleep for weeks.
            Exceeded::MonthlyRatings => Self {
                kind: INSUFFICIENT_QUOTA,
                ..refusal("quota_reached")
            },
        }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        let message = unread.to_string();
        match unread {
            Unread::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
            }
            Unread::TimedOut(_) => Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message),
            Unread::Shed(shed) => Self::from(shed),
            Unread::Broken => Self::new(StatusCode::BAD_REQUEST, "invalid_body", message),
        }
    }
}

impl From<InvalidCall> for Refusal {
    fn from(invalid: InvalidCall) -> Self {
        let code = match invalid {
            InvalidCall::NotJson(_) | InvalidCall::NotAnObject { .. } => "invalid_body",
            InvalidCall::DuplicateKey(_)
            | InvalidCall::Typed(_)
            | InvalidCall::TooManyKeys(_)
            | InvalidCall::Missing { .. }
            | InvalidCall::Wrong { .. } => "invalid_request",
        };
        Self::new(StatusCode::BAD_REQUEST, code, invalid.to_string()).about(invalid.param())
    }
}

impl From<Unroutable> for Refusal {
    fn from(unroutable: Unroutable) -> Self {
        let message = unroutable.to_string();
        if unroutable.is_temporary() {
            return Self::unavailable("no_candidate_available", message, 30);
        }
        match unroutable {
            Unroutable::Forbidden(_) => {
                Self::new(StatusCode::FORBIDDEN, "model_not_allowed", message).about(Some("model"))
            }
            Unroutable::NoProvider => Self::unavailable("no_provider", message, 60),
            Unroutable::NoCandidate(_) => {
                Self::new(StatusCode::BAD_REQUEST, "no_candidate", message).about(Some("model"))
            }
            Unroutable::Unresolved(unresolved) => Self::from(&unresolved),
            Unroutable::Wish(wish) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
                    .about(Some(wish.param()))
            }
        }
    }
}

/// What a name that means nothing is answered by; in a fallback it is the same.
fn status_of(unresolved: &Unresolved) -> (StatusCode, &'static str) {
    match unresolved {
        Unresolved::UnknownModel(..) => (StatusCode::NOT_FOUND, "model_not_found"),
        Unresolved::NotConfigured { .. } | Unresolved::UnknownProvider(..) => {
            (StatusCode::BAD_REQUEST, "provider_not_configured")
        }
        Unresolved::AutoInList
        | Unresolved::AutoPinned
        | Unresolved::EmptyList(_)
        | Unresolved::TooMany(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        Unresolved::Fallback(why) => status_of(why),
    }
}

impl From<&Unresolved> for Refusal {
    fn from(unresolved: &Unresolved) -> Self {
        let message = unresolved.to_string();
        let (status, code) = status_of(unresolved);
        let param = match unresolved {
            Unresolved::UnknownProvider(..) | Unresolved::AutoPinned => "floopy-provider",
            Unresolved::Fallback(_) => "floopy-fallback",
            Unresolved::UnknownModel(..)
            | Unresolved::NotConfigured { .. }
            | Unresolved::AutoInList
            | Unresolved::EmptyList(_)
            | Unresolved::TooMany(_) => "model",
        };
        Self::new(status, code, message).about(Some(param))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_envelope_has_all_its_fields() {
        let refusal = Refusal::from(InvalidCall::DuplicateKey("model".to_owned()));
        let response = refusal.response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes();
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        let expected = json!({"error": {
            "message": "the key \"model\" occurs twice at the top level of the body",
            "type": "invalid_request_error", "param": "model", "code": "invalid_request",
        }});
        assert_eq!(body, expected);
    }

    #[test]
    fn what_passes_says_when_to_try_again() {
        let refusal = Refusal::from(Denied::NoSnapshot);
        let retry_after = refusal
            .response()
            .headers()
            .get(header::RETRY_AFTER)
            .cloned();
        assert_eq!(retry_after, Some(HeaderValue::from(1)));
        assert_eq!(Refusal::from(Denied::NoWrite).code, "write_permission");
    }

    #[test]
    fn a_month_that_is_used_up_says_when_it_ends_to_those_that_do_not_wait_for_it() {
        for (exceeded, code, retry_after) in [
            (
                Exceeded::MonthlyCost { wait_s: 90 },
                "cost_limit_reached",
                Some("90"),
            ),
            (
                Exceeded::MonthlyRequests { wait_s: 90 },
                "quota_reached",
                Some("90"),
            ),
            (Exceeded::MonthlyRatings, "quota_reached", None),
        ] {
            let refusal = Refusal::from(exceeded);
            assert_eq!((refusal.code, refusal.kind), (code, INSUFFICIENT_QUOTA));
            let response = refusal.response();
            let told = |name: &str| response.headers().get(name)?.to_str().ok();
            assert_eq!(told("retry-after"), retry_after, "{code}");
            assert_eq!(told("x-should-retry"), Some("false"), "{code}");
        }
    }
}

//! What a caller is told whom nobody could serve.

use http::{Response, StatusCode};

use crate::{
    http::{Body, respond::Refusal},
    record::Record,
    upstream::{ErrorReply, Exhausted, Failure},
};

/// The upstream's own error as it came, or ours where it said nothing that could be passed on.
pub(super) fn explain(exhausted: Exhausted, record: &mut Record) -> Response<Body> {
    let Exhausted {
        key,
        tried,
        failure,
    } = exhausted;
    let others = if tried > 1 {
        format!(" ({tried} candidates were tried)")
    } else {
        String::new()
    };
    let message = format!("{key} {failure}{others}");
    record.set_last_tried(key);
    let (status, code) = match failure.first() {
        Failure::Status(reply) => return passed_on(*reply),
        Failure::Connect | Failure::Reset => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
        Failure::Forbidden(_) => (StatusCode::BAD_GATEWAY, "upstream_address_refused"),
        Failure::Credentials(_) => (StatusCode::BAD_GATEWAY, "upstream_credentials"),
        Failure::TimedOut(_) if tried == 1 => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
        Failure::TimedOut(_) => (StatusCode::BAD_GATEWAY, "upstream_timeout"),
        Failure::Unsupported(unsupported) => {
            let code = if unsupported.is_invalid {
                "invalid_request"
            } else {
                "unsupported_field"
            };
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, code, unsupported.to_string());
            return refusal.about(Some(&unsupported.field)).response();
        }
        Failure::Invalid(_) | Failure::Cut(_) | Failure::Late(_) => {
            (StatusCode::BAD_GATEWAY, "upstream_invalid_response")
        }
    };
    Refusal::upstream(status, code, message).response()
}

fn passed_on(reply: ErrorReply) -> Response<Body> {
    let mut response = Response::new(Body::whole(reply.body));
    *response.status_mut() = reply.shown;
    *response.headers_mut() = reply.headers;
    response
}

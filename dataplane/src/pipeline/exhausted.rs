//! What a caller is told whom nobody could serve.

use http::{Response, StatusCode, header::RETRY_AFTER};
use serde_json::Value;

use crate::{
    http::{Body, respond::Refusal},
    record::Record,
    upstream::{ErrorReply, Exhausted, Failure},
};

/// Characters of an upstream's own words that are told with ours.
const MAX_WORDS: usize = 500;

/// The upstream's own error as it came, or ours where it said nothing that could be passed on, or where it was only the
/// last of several that failed.
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
        Failure::Status(reply) if tried > 1 && reply.status.is_server_error() => {
            return all_failed(&reply, &message);
        }
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

/// The status of one of them would say that it was the only one.
fn all_failed(last: &ErrorReply, message: &str) -> Response<Body> {
    let message = match words(&last.body) {
        Some(words) => format!("{message}: {words}"),
        None => message.to_owned(),
    };
    let refusal = Refusal::upstream(StatusCode::BAD_GATEWAY, "upstream_failed", message);
    let mut response = refusal.response();
    if let Some(after) = last.headers.get(RETRY_AFTER) {
        response.headers_mut().insert(RETRY_AFTER, after.clone());
    }
    response
}

fn words(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let words = said["error"]["message"].as_str()?;
    Some(words.chars().take(MAX_WORDS).collect())
}

fn passed_on(reply: ErrorReply) -> Response<Body> {
    let mut response = Response::new(Body::whole(reply.body));
    *response.status_mut() = reply.shown;
    *response.headers_mut() = reply.headers;
    response
}

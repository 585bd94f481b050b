//! What a path below `/v1/feedback` names: a session, or one reply.

use floopy_shared::domain::{
    event::RatingSubject,
    ids::{RequestId, SessionId},
};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::super::respond::Refusal;

const ABOVE: &str = "/v1/feedback/";
const REQUESTS: &str = "requests/";

/// Of a value, shown in an error.
const SHOWN_CHARS: usize = 80;

/// Whether a raw path has the form of a subject's.
pub(in super::super) fn is_subject(path: &str) -> bool {
    let name = path
        .strip_prefix(ABOVE)
        .map(|below| below.strip_prefix(REQUESTS).unwrap_or(below));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// The subject that a raw path names; each segment is decoded once.
pub(super) fn subject(path: &str) -> Result<RatingSubject, Refusal> {
    let below = path.strip_prefix(ABOVE).unwrap_or_default();
    match below.strip_prefix(REQUESTS) {
        Some(id) => {
            let expected = "the x-request-id of a reply, a UUID";
            let id = decoded(id, "request_id", expected)?;
            let found = Uuid::parse_str(&id).ok().map(RequestId);
            let found = found.ok_or_else(|| invalid("request_id", &id, expected))?;
            Ok(RatingSubject::Request(found))
        }
        None => {
            let expected = "1 to 256 bytes without control characters";
            let id = decoded(below, "session_id", expected)?;
            // Blanks around it are taken off; as many as there may be bytes are none around an id.
            let found = SessionId::new(&id)
                .ok()
                .filter(|_| id.len() <= SessionId::MAX_BYTES);
            let found = found.ok_or_else(|| invalid("session_id", &id, expected))?;
            Ok(RatingSubject::Session(found))
        }
    }
}

fn decoded(segment: &str, field: &'static str, expected: &str) -> Result<String, Refusal> {
    let text = percent_decode_str(segment).decode_utf8();
    let text = text.map_err(|_| invalid(field, segment, expected))?;
    Ok(text.into_owned())
}

fn invalid(field: &'static str, given: &str, expected: &str) -> Refusal {
    let shown: String = given.chars().take(SHOWN_CHARS).collect();
    let message = format!("{field} in the path is {shown:?}, it must be {expected}");
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_session_or_a_reply_and_is_decoded_once() {
        let session = |name: &str| RatingSubject::Session(SessionId::new(name).expect("valid"));
        let reply = RatingSubject::Request(RequestId(Uuid::from_u128(7)));
        let id = Uuid::from_u128(7);
        let cases = [
            ("/v1/feedback/s".to_owned(), session("s")),
            ("/v1/feedback/sess%2F1".to_owned(), session("sess/1")),
            ("/v1/feedback/50%2525".to_owned(), session("50%25")),
            ("/v1/feedback/requests".to_owned(), session("requests")),
            ("/v1/feedback/caf%C3%A9".to_owned(), session("café")),
            (format!("/v1/feedback/requests/{id}"), reply),
        ];
        for (path, expected) in cases {
            assert!(is_subject(&path), "{path}");
            assert_eq!(subject(&path).expect("valid"), expected, "{path}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_field_and_value() {
        for path in [
            "/v1/feedback",
            "/v1/feedback/",
            "/v1/feedback/a/b",
            "/v1/feedback/requests/",
        ] {
            assert!(!is_subject(path), "{path}");
        }
        let cases = [
            ("/v1/feedback/%20", "session_id in the path is \" \""),
            ("/v1/feedback/%FF", "session_id in the path is \"%FF\""),
            ("/v1/feedback/a%0Ab", "session_id in the path is \"a\\nb\""),
            ("/v1/feedback/requests/x", "request_id in the path is \"x\""),
        ];
        for (path, expected) in cases {
            let refusal = subject(path).expect_err(path);
            assert!(refusal.message.starts_with(expected), "{}", refusal.message);
        }
    }
}

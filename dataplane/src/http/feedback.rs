//! `POST /v1/feedback`: a rating is on disk before it is answered.

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{
    event::{Event, EventBody, Rating, RatingScore, RatingSubject},
    ids::{RequestId, SessionId},
};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    body::Body,
    respond::{Refusal, json_response},
};
use crate::{
    admit::{Admitted, Permission, admit},
    doors::Passage,
    gateway::Gateway,
    pipeline::session_header,
    record::spool::Verdict,
    sessions::Open,
};

/// Of a rating.
const MAX_BODY_BYTES: usize = 64 << 10;

/// A rating that cannot be taken; the offending field and value are named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum InvalidRating {
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the body is {0}, it must be a JSON object")]
    NotAnObject(&'static str),
    #[error("{field} is missing, it must be {expected}")]
    Missing {
        field: &'static str,
        expected: &'static str,
    },
    #[error("{field} is {found}, it must be {expected}")]
    Wrong {
        field: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error(
        "session_id is missing and this key has no session open in the last 30 minutes: send session_id in \
         the body or the header floopy-session-id"
    )]
    NoSession,
    #[error(
        "session_id is missing and this key has several sessions open in the last 30 minutes: send session_id \
         in the body or the header floopy-session-id"
    )]
    SeveralSessions,
}

impl From<InvalidRating> for Refusal {
    fn from(invalid: InvalidRating) -> Self {
        let (code, param) = match &invalid {
            InvalidRating::NotJson(_) | InvalidRating::NotAnObject(_) => ("invalid_body", None),
            InvalidRating::Missing { field, .. } | InvalidRating::Wrong { field, .. } => {
                ("invalid_request", Some(*field))
            }
            InvalidRating::NoSession | InvalidRating::SeveralSessions => {
                ("invalid_request", Some("session_id"))
            }
        };
        Self::new(StatusCode::BAD_REQUEST, code, invalid.to_string()).about(param)
    }
}

/// What was sent.
#[derive(Debug, PartialEq, Eq)]
struct Submission {
    score: RatingScore,
    useful: bool,
    revise: bool,
    session_id: Option<SessionId>,
    request_id: Option<RequestId>,
}

/// Takes a rating.
pub(super) async fn rate(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    passage: &mut Passage,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = admit(
        gateway.current.snapshot(),
        &parts.headers,
        Permission::Write,
    )?;
    let deadline = Duration::from_millis(gateway.config.timeouts.body_ms);
    let tenant = Some(&admitted.tenant.id);
    passage.seat(tenant).map_err(|shed| gateway.shed(shed))?;
    let body = gateway
        .read(body, (MAX_BODY_BYTES, deadline), passage)
        .await?;
    let submission = parse(&body)?;
    let subject = subject(gateway, &admitted, &parts.headers, &submission)?;
    let duplicate = deliver(gateway, &admitted, &submission, subject.clone()).await?;
    let session_id = match &subject {
        RatingSubject::Session(id) => Some(id),
        RatingSubject::Request(_) => submission.session_id.as_ref(),
    };
    let answer = json!({"duplicate": duplicate, "session_id": session_id.map(SessionId::as_str)});
    Ok(json_response(StatusCode::OK, &answer))
}

/// What is rated: one reply, or a session that is named or can only be one.
fn subject(
    gateway: &Gateway,
    admitted: &Admitted,
    headers: &HeaderMap,
    submission: &Submission,
) -> Result<RatingSubject, Refusal> {
    if let Some(id) = submission.request_id {
        return Ok(RatingSubject::Request(id));
    }
    if let Some(id) = submission.session_id.clone() {
        return Ok(RatingSubject::Session(id));
    }
    if let Some(id) = session_header(headers)? {
        return Ok(RatingSubject::Session(id));
    }
    let now_ms = gateway.clock.now_ms();
    match gateway
        .sessions
        .open(&admitted.tenant.id, &admitted.key_id, now_ms)
    {
        Open::One(id) => Ok(RatingSubject::Session(id)),
        Open::None => Err(InvalidRating::NoSession.into()),
        Open::Several => Err(InvalidRating::SeveralSessions.into()),
    }
}

/// Spools the rating and learns, where the control plane says so in time, whether one stood already.
async fn deliver(
    gateway: &Gateway,
    admitted: &Admitted,
    submission: &Submission,
    subject: RatingSubject,
) -> Result<bool, Refusal> {
    let now_ms = gateway.clock.now_ms();
    let remembered = match &subject {
        RatingSubject::Session(id) => id.to_string(),
        RatingSubject::Request(id) => id.to_string(),
    };
    let rating = Rating {
        tenant: admitted.tenant.id.clone(),
        subject,
        score: submission.score,
        useful: submission.useful,
        revise: submission.revise,
        retracted: false,
        rated_at_ms: now_ms,
    };
    let event = Event {
        id: Uuid::new_v4(),
        recorded_at_ms: now_ms,
        body: EventBody::Rating(rating),
    };
    let waiter = gateway.spool.expect_ack(&event);
    gateway.spool.append(&event).map_err(|refused| {
        let message = format!("the rating was not taken: {refused}; nothing was recorded");
        Refusal::unavailable("spool_unavailable", message, 5)
    })?;
    let rated_before = gateway.rated.note(&admitted.tenant.id, &remembered) && !submission.revise;
    let patience = Duration::from_millis(gateway.config.timeouts.feedback_ack_ms);
    let verdict = match waiter {
        Some(waiter) => waiter.within(patience).await,
        None => None,
    };
    match verdict {
        None => Ok(rated_before),
        Some(Verdict::Accepted { duplicate_rating }) => Ok(duplicate_rating),
        Some(Verdict::Rejected { reason }) => {
            let message = format!("the control plane rejected the rating: {reason}");
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "rating_rejected",
                message,
            ))
        }
    }
}

fn parse(body: &[u8]) -> Result<Submission, InvalidRating> {
    let value: Value =
        serde_json::from_slice(body).map_err(|e| InvalidRating::NotJson(e.to_string()))?;
    let Value::Object(fields) = &value else {
        return Err(InvalidRating::NotAnObject(kind_of(&value)));
    };
    Ok(Submission {
        score: score(fields)?,
        useful: flag(fields, "useful")?.ok_or(InvalidRating::Missing {
            field: "useful",
            expected: FLAG,
        })?,
        revise: flag(fields, "revise")?.unwrap_or(false),
        session_id: session_id(fields)?,
        request_id: request_id(fields)?,
    })
}

const FLAG: &str = "true or false";
const SCORE: &str = "an integer from 0 to 10";
const SESSION: &str = "a string of 1 to 256 bytes without control characters";
const REQUEST: &str = "the x-request-id of a reply, a UUID";

fn score(fields: &Map<String, Value>) -> Result<RatingScore, InvalidRating> {
    let value = present(fields, "score").ok_or(InvalidRating::Missing {
        field: "score",
        expected: SCORE,
    })?;
    let score = value
        .as_i64()
        .and_then(|score| RatingScore::new(score).ok());
    score.ok_or_else(|| wrong("score", value, SCORE))
}

fn flag(fields: &Map<String, Value>, field: &'static str) -> Result<Option<bool>, InvalidRating> {
    let Some(value) = present(fields, field) else {
        return Ok(None);
    };
    value
        .as_bool()
        .map(Some)
        .ok_or_else(|| wrong(field, value, FLAG))
}

fn session_id(fields: &Map<String, Value>) -> Result<Option<SessionId>, InvalidRating> {
    let Some(value) = present(fields, "session_id") else {
        return Ok(None);
    };
    let id = value.as_str().and_then(|text| SessionId::new(text).ok());
    id.map(Some)
        .ok_or_else(|| wrong("session_id", value, SESSION))
}

fn request_id(fields: &Map<String, Value>) -> Result<Option<RequestId>, InvalidRating> {
    let Some(value) = present(fields, "request_id") else {
        return Ok(None);
    };
    let id = value
        .as_str()
        .and_then(|text| Uuid::parse_str(text).ok())
        .map(RequestId);
    id.map(Some)
        .ok_or_else(|| wrong("request_id", value, REQUEST))
}

fn present<'a>(fields: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    fields.get(field).filter(|value| !value.is_null())
}

fn wrong(field: &'static str, value: &Value, expected: &'static str) -> InvalidRating {
    let shown = value.to_string();
    let found = if shown.len() <= 64 {
        format!("{} {shown}", kind_of(value))
    } else {
        kind_of(value).to_owned()
    };
    InvalidRating::Wrong {
        field,
        found,
        expected,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_checked_field_by_field() {
        let cases = [
            ("nope", "not valid JSON"),
            ("[]", "the body is an array, it must be a JSON object"),
            ("{}", "score is missing, it must be an integer from 0 to 10"),
            (
                r#"{"score":11,"useful":true}"#,
                "score is the number 11, it must be an integer from 0 to 10",
            ),
            (
                r#"{"score":"9","useful":true}"#,
                "score is the string \"9\"",
            ),
            (r#"{"score":9.5,"useful":true}"#, "score is the number 9.5"),
            (
                r#"{"score":9}"#,
                "useful is missing, it must be true or false",
            ),
            (r#"{"score":9,"useful":1}"#, "useful is the number 1"),
            (
                r#"{"score":9,"useful":true,"session_id":""}"#,
                "session_id is the string \"\"",
            ),
            (
                r#"{"score":9,"useful":true,"request_id":"x"}"#,
                "request_id is the string \"x\"",
            ),
        ];
        for (body, expected) in cases {
            let error = parse(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn unknown_fields_and_nulls_are_passed_over() {
        let body =
            br#"{"score":0,"useful":false,"session_id":" s ","request_id":null,"comment":"x"}"#;
        let submission = parse(body).expect("valid");
        assert_eq!(
            submission.session_id.map(|id| id.to_string()).as_deref(),
            Some("s")
        );
        assert_eq!(
            (
                submission.score.value(),
                submission.useful,
                submission.revise
            ),
            (0, false, false)
        );
    }
}

//! What is sent to `/v1/feedback`, read field by field.

use floopy_shared::{
    domain::{
        event::RatingScore,
        ids::{RequestId, SessionId},
    },
    process::json::{self, InvalidJson},
};
use http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::respond::Refusal;

/// A rating that cannot be taken; the offending field and value are named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidRating {
    #[error("the body: {0}")]
    NotJson(InvalidJson),
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
            InvalidRating::NotJson(why) => ("invalid_body", why.field()),
            InvalidRating::NotAnObject(_) => ("invalid_body", None),
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
pub(super) struct Submission {
    pub(super) score: RatingScore,
    pub(super) useful: bool,
    pub(super) revise: bool,
    pub(super) session_id: Option<SessionId>,
    pub(super) request_id: Option<RequestId>,
}

pub(super) fn parse(body: &[u8]) -> Result<Submission, InvalidRating> {
    let value = json::read(body).map_err(InvalidRating::NotJson)?;
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
    let found = match value.as_str() {
        _ if shown.len() <= 64 => format!("{} {shown}", kind_of(value)),
        Some(text) => format!("a string of {} bytes", text.len()),
        None => kind_of(value).to_owned(),
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
            ("nope", "not JSON"),
            (
                r#"{"score":9,"useful":true,"score":1}"#,
                "score is there twice",
            ),
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
                r#"{"score":10.0,"useful":true}"#,
                "score is the number 10.0",
            ),
            (r#"{"score":-1,"useful":true}"#, "score is the number -1"),
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

//! `/v1/session/{session_id}` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use axum::routing;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::session;

/// A conversation, ready to be gone on with.
#[derive(ToSchema)]
struct Session {
    session_id: String,
    /// Messages in OpenAI's words, those of the system first.
    messages: Vec<Value>,
    /// Calls.
    turn_count: u64,
    turns: Vec<Turn>,
    /// Something was too long to be kept or told.
    truncated: bool,
}

/// One call of a conversation.
#[derive(ToSchema)]
struct Turn {
    #[schema(format = Uuid)]
    request_id: String,
    #[schema(format = DateTime)]
    created_at: String,
    model: String,
    provider: String,
    truncated: bool,
}

#[derive(ToSchema)]
struct SessionDeleted {
    id: String,
    object: String,
    deleted: bool,
    /// Calls whose content is gone.
    turn_count: u64,
}

fn id(operation: Operation) -> Operation {
    let schema = json!({"type": "string", "minLength": 1, "maxLength": 256});
    operation.path(
        "session_id",
        schema,
        "The session, or the id of one of its completions; 1 to 256 bytes without control characters, percent-encoded.",
    )
}

pub(super) fn routes() -> Routes {
    let one = "/v1/session/{session_id}";
    let nameless = routing::get(session::nameless).delete(session::nameless);
    Routes::of("Sessions")
        .get(
            one,
            session::tell,
            id(Operation::new("getSession", "A conversation"))
                .answers::<Session>(200, "What was said, oldest first."),
        )
        .delete(
            one,
            session::forget,
            id(Operation::new("deleteSession", "Forget a conversation"))
                .says("What was said is deleted for good; decisions, which hold no text, stay.")
                .answers::<SessionDeleted>(200, "It is gone."),
        )
        .refusing("/v1/session/", nameless)
}

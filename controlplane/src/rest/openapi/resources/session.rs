//! `/v1/sessions` and `/v1/session/{session_id}` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use axum::routing;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    optimization::SessionCost,
};
use crate::rest::{optimization::sessions, session};

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
    let text = || json!({"type": "string"});
    let property = json!({"type": "string", "pattern": "^[^=]+=", "examples": ["plan=pro"]});
    let list = Operation::new("listSessions", "Sessions")
        .says("Sessions of the last 31 days, with what their calls cost, how they were rated and how they ended.")
        .query("user_id", text(), "With calls of this end user, which alone are counted.")
        .query("session_name", text(), "With calls of this name, which alone are counted.")
        .query("session_path", text(), "With calls of this place, which alone are counted.")
        .query("property", property, "With calls that have this property, which alone are counted; may come again.")
        .pages()
        .answers_page::<SessionCost>("The sessions, the last active first.");
    Routes::of("Sessions")
        .get("/v1/sessions", sessions::list, list)
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

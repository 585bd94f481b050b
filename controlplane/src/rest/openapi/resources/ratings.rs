//! `/v1/feedback` in the document: the proxy takes ratings, the control plane tells them.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation},
    decisions::moment,
};
use crate::rest::feedback;

/// A rating. Other keys are passed over.
#[derive(ToSchema)]
struct Rating {
    /// 0 to 6 detractor, 7 and 8 passive, 9 and 10 promoter. `9.0` and `"9"` are refused.
    #[schema(minimum = 0, maximum = 10)]
    score: i64,
    useful: bool,
    /// What is rated: a session, or any of its names (the id of a completion, the `x-request-id` of a reply). 1 to 256
    /// bytes. Without it the header `floopy-session-id`, else the one session that this key has open.
    #[schema(min_length = 1, max_length = 256)]
    session_id: Option<String>,
    /// Rates one reply alone: its `x-request-id`.
    #[schema(format = Uuid)]
    request_id: Option<String>,
    /// Replaces what stands; without it the first rating stands.
    #[schema(default = false)]
    revise: Option<bool>,
}

#[derive(ToSchema)]
struct Rated {
    /// Another rating stands, and this one changed nothing.
    duplicate: bool,
    /// Null where a reply alone was rated.
    session_id: Option<String>,
}

#[derive(ToSchema)]
struct Retracted {
    retracted: bool,
    session_id: Option<String>,
    request_id: Option<String>,
}

/// A rating that stands.
#[derive(ToSchema)]
struct Given {
    /// What it was given for: a session, by the name that the rating came with. Null where a reply alone was rated.
    session_id: Option<String>,
    /// The reply that was rated alone; null where a session was.
    #[schema(format = Uuid)]
    request_id: Option<String>,
    /// The session that the name means; null while no call of it is known, and where the call has no session.
    means_session_id: Option<String>,
    #[schema(minimum = 0, maximum = 10)]
    score: i64,
    useful: bool,
    /// It replaced another one.
    revised: bool,
    #[schema(format = DateTime)]
    rated_at: String,
    status: Status,
}

/// What became of a rating: it counts; it waits for the call that it names; or another rating of the same session, under
/// another of its names, stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Status {
    Counts,
    Waiting,
    Duplicate,
}

fn given() -> Operation {
    let session = json!({"type": "string", "minLength": 1, "maxLength": 256});
    let reply = json!({"type": "string", "format": "uuid"});
    Operation::new("listRatings", "Ratings that were given")
        .says("Of each subject the one that stands; what was taken back is not there. A rating that is revised while its \
            pages are read moves to their beginning. Unknown query keys are refused.")
        .query("session_id", session, "Ratings of this session, under whichever of its names.")
        .query("request_id", reply, "The rating of this reply alone.")
        .query("from", moment(), "Given then or later.")
        .query("to", moment(), "Given then or earlier.")
        .pages()
        .answers_page::<Given>("The ratings, the newest first.")
}

pub(super) fn routes() -> Routes {
    let session = json!({"type": "string", "minLength": 1, "maxLength": 256});
    Routes::of("Ratings")
        .get("/v1/feedback", feedback::list, given())
        .at_the_proxy(
            "post",
            "/v1/feedback",
            Operation::new("rate", "Rate a session or a reply")
                .says("On the proxy's disk before it is answered, counted exactly once, and learned from within two \
                    seconds. A body of at most 64 KiB.")
                .header("floopy-session-id", json!({"type": "string"}), "The session, where the body does not name it.")
                .takes_open::<Rating>()
                .answers::<Rated>(200, "It is taken."),
        )
        .at_the_proxy(
            "delete",
            "/v1/feedback/{session_id}",
            Operation::new("retractSessionRating", "Take back the rating of a session")
                .says("Answered alike for what was never rated, and for what is not yours. The path \
                    `/v1/feedback/requests` is the session `requests`.")
                .path("session_id", session, "Any of the names of the session, percent-encoded.")
                .answers::<Retracted>(200, "It is taken back."),
        )
        .at_the_proxy(
            "delete",
            "/v1/feedback/requests/{request_id}",
            Operation::new("retractReplyRating", "Take back the rating of a reply")
                .path("request_id", json!({"type": "string", "format": "uuid"}), "`x-request-id` of the reply.")
                .answers::<Retracted>(200, "It is taken back."),
        )
}

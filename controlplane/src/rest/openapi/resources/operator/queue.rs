//! The scoring queue, for whoever runs Floopy.

use serde_json::json;
use utoipa::ToSchema;

use super::{super::super::Routes, operation};
use crate::rest::operator::queue;

/// Replies that wait for a judge.
#[derive(ToSchema)]
struct ScoringQueue {
    object: String,
    waiting: u64,
    /// With a judge.
    in_flight: u64,
    /// Given up, because no judge could score them.
    dead: u64,
    /// Of what waits or is with a judge.
    oldest_age_seconds: Option<u64>,
    /// Those that have anything there, by their ids.
    tenants: Vec<QueueOfTenant>,
}

#[derive(ToSchema)]
struct QueueOfTenant {
    tenant: String,
    waiting: u64,
    in_flight: u64,
    dead: u64,
    oldest_age_seconds: Option<u64>,
}

/// A reply that no judge could score.
#[derive(ToSchema)]
struct DeadReply {
    /// The request's.
    id: String,
    object: String,
    tenant: String,
    #[schema(format = DateTime)]
    queued_at: Option<String>,
    #[schema(format = DateTime)]
    dead_at: Option<String>,
    /// Times that it was handed to a judge.
    deliveries: u64,
    /// What was said of it last.
    error: String,
    bytes: u64,
}

/// The same with what is known of the call. What was said is not told.
#[derive(ToSchema)]
struct DeadReplyShown {
    id: String,
    object: String,
    tenant: String,
    #[schema(format = DateTime)]
    queued_at: Option<String>,
    #[schema(format = DateTime)]
    dead_at: Option<String>,
    deliveries: u64,
    error: String,
    bytes: u64,
    /// Null: it cannot be read.
    job: Option<DeadJob>,
}

#[derive(ToSchema)]
struct DeadJob {
    model: String,
    session_id: Option<String>,
    prompt_bytes: u64,
    reply_bytes: u64,
    truncated: bool,
    json_expected: bool,
    /// Tools that it calls.
    tool_calls: u64,
}

/// Which of the dead: exactly one of these.
#[derive(ToSchema)]
struct WhichDead {
    #[schema(required = false)]
    id: String,
    #[schema(required = false)]
    tenant: String,
    /// True.
    #[schema(required = false)]
    all: bool,
}

#[derive(ToSchema)]
struct Retried {
    object: String,
    retried: u64,
}

#[derive(ToSchema)]
struct Dropped {
    object: String,
    dropped: u64,
}

pub(super) fn routes() -> Routes {
    Routes::of("Queue")
        .get(
            "/v1/operator/queue",
            queue::status,
            operation("getQueue", "What waits to be judged")
                .refuses(503)
                .answers::<ScoringQueue>(200, "The queue, of all tenants and of each."),
        )
        .get(
            "/v1/operator/queue/dead",
            queue::dead,
            operation("listDeadReplies", "Replies that no judge could score")
                .refuses(503)
                .query(
                    "tenant",
                    json!({"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"}),
                    "Of this tenant.",
                )
                .pages()
                .answers_page::<DeadReply>("The dead, the newest first."),
        )
        .get(
            "/v1/operator/queue/dead/{id}",
            queue::get,
            operation("getDeadReply", "One of them")
                .refuses(503)
                .answers::<DeadReplyShown>(200, "What is known of it."),
        )
        .post(
            "/v1/operator/queue/retry",
            queue::retry,
            operation("retryDeadReplies", "Hand dead replies to judges again")
                .says("As if they never had been.")
                .takes::<WhichDead>()
                .refuses(404)
                .refuses(503)
                .answers::<Retried>(200, "How many."),
        )
        .post(
            "/v1/operator/queue/drop",
            queue::drop_dead,
            operation("dropDeadReplies", "Drop dead replies for good")
                .takes::<WhichDead>()
                .refuses(404)
                .refuses(503)
                .answers::<Dropped>(200, "How many."),
        )
}

//! The shape of a decision in brief.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::rules::Strategy;

/// One call as a row of a table shows it.
#[derive(ToSchema)]
pub(super) struct DecisionSummary {
    /// `x-request-id` of the call.
    #[schema(format = Uuid)]
    request_id: String,
    #[schema(format = DateTime)]
    request_created_at: String,
    session_id: Option<String>,
    /// The end user that the call names.
    user_id: Option<String>,
    /// `model` as it was sent.
    requested_model: String,
    /// Who served; null: nobody did.
    provider: Option<String>,
    model: Option<String>,
    /// The kind of task that it was ranked as.
    task_shape: Option<String>,
    routing_strategy: Strategy,
    /// As in a decision.
    reason: String,
    confidence: Option<f64>,
    /// The call that this one is a copy of, sent to learn.
    shadow_of: Option<String>,
    /// `ok`, `cached` (a stored reply was given), `blocked` (by the firewall), `error`, `disconnected` or `started`.
    status: String,
    latency_ms: Option<u64>,
    cost_micro_usd: Option<u64>,
    /// Answered from what was stored.
    cache_hit: bool,
    /// The judge's score of the reply, 0 to 1; null: not scored, or not yet.
    quality: Option<f64>,
    /// Rating of the session, 0 to 10.
    session_score: Option<u8>,
    /// Rating of this very reply, 0 to 10.
    request_score: Option<u8>,
}

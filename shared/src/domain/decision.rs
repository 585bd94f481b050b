//! The record of one routed call: everything needed to explain and replay it, and nothing of its content.

use super::{
    confidence::ConfidenceReason,
    features::Features,
    ids::{CandidateKey, RequestId, SessionId, TenantId},
    money::Usage,
    ranking::{Evidence, Posterior},
    shape::ShapeKey,
    weights::{Phase, Weights},
};

/// How the model was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// `model: "auto"`: the learned ranking decided.
    FeedbackDriven,
    /// A comma list: the caller's own order.
    Fallback,
    /// One model id, served as asked.
    LegacyModel,
}

/// Why the served candidate was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Dispatched,
    /// An earlier candidate of the order failed.
    Fallback,
    /// No candidate with traffic was eligible; the best eligible one served.
    DefaultModel,
    /// A canary, not the incumbent, was drawn.
    Explored,
    /// Nothing could serve it.
    Error,
    /// Not served: a copy of another call, sent to learn.
    Shadow,
}

/// Why a candidate could not serve this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    NoProviderKey,
    CapabilityMissing,
    ContextTooLong,
    CircuitOpen,
}

/// One candidate as the decision saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateTrace {
    pub key: CandidateKey,
    pub score: f64,
    /// `None` where no ranking was asked.
    pub posterior: Option<Posterior>,
    /// Probability of being drawn, after filtering; the eligible ones sum to 1.
    pub propensity: f64,
    /// `None`: the price is unknown.
    pub expected_cost_micro_usd: Option<u64>,
    pub filter: Option<Filter>,
}

/// What came of one try at one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    Ok,
    ConnectFailed,
    TimedOut,
    /// The upstream answered with an error.
    UpstreamError,
    /// The upstream answered with something that is not a reply.
    InvalidReply,
    BrokenStream,
    ClientGone,
}

/// One try at one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub key: CandidateKey,
    pub result: AttemptResult,
    /// The upstream's HTTP status, where one came.
    pub status: Option<u16>,
    pub latency_ms: u64,
}

/// How the call ended for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Error,
    ClientDisconnected,
    BrokenStream,
    /// The proxy itself stopped before the end.
    Interrupted,
}

/// What the call came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// HTTP status answered to the client.
    pub status: u16,
    pub ending: Ending,
    pub latency_ms: u64,
    pub first_byte_ms: Option<u64>,
    /// `None`: the price is unknown.
    pub cost_micro_usd: Option<u64>,
    pub usage: Usage,
    /// The upstream reported no usage, so tokens were estimated from text length.
    pub usage_estimated: bool,
    pub fallback_used: bool,
    /// Time spent in the proxy itself before the upstream was called.
    pub overhead_us: u64,
}

/// Whether the record is the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A stream's headers went out; replaced by `Finished` unless the proxy dies.
    Started,
    Finished,
}

/// The whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub request_id: RequestId,
    pub tenant: TenantId,
    pub key_id: String,
    pub created_at_ms: u64,
    pub session_id: Option<SessionId>,
    /// The upstream's id of the reply, an alias for feedback.
    pub completion_id: Option<String>,
    /// Most specific first, root last.
    pub shapes: Vec<ShapeKey>,
    /// The shape whose ranking decided.
    pub ranked_shape: Option<ShapeKey>,
    pub requested_model: String,
    pub strategy: Strategy,
    pub phase: Phase,
    pub weights: Weights,
    pub candidates: Vec<CandidateTrace>,
    pub chosen: Option<CandidateKey>,
    pub served: Option<CandidateKey>,
    pub reason: Reason,
    pub propensity: f64,
    pub confidence: Option<f64>,
    pub confidence_reason: ConfidenceReason,
    pub evidence: Evidence,
    /// Probability that somebody other than the incumbent was drawn.
    pub exploration_rate: f64,
    pub snapshot_version: u64,
    /// What the draw was hashed over.
    pub draw_key: String,
    pub features: Features,
    pub attempts: Vec<Attempt>,
    pub outcome: Outcome,
    pub stage: Stage,
    /// The served call that this one shadows.
    pub shadow_of: Option<RequestId>,
}

//! The shapes of what came of a call.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::{
    cache::{CacheComparison, CacheHit},
    constraints::StoppedBy,
    firewall::{OutputScreening, Redaction, Screening},
};

/// What came of a call.
#[derive(ToSchema)]
pub(super) struct Outcome {
    /// HTTP status that the caller was answered with.
    status: u16,
    /// `completed`, `error`, `client_disconnected`, `broken_stream` or `interrupted`.
    ending: String,
    latency_ms: u64,
    first_byte_ms: Option<u64>,
    cost_micro_usd: Option<u64>,
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    /// The provider reported no usage: tokens are estimated from the text.
    usage_estimated: bool,
    /// Time in the proxy before the provider was called, in microseconds.
    overhead_us: u64,
    /// A stored reply was given; nobody was asked.
    cache_hit: bool,
    /// Of a hit: how old the reply was, and what it had cost.
    cache: Option<CacheHit>,
    /// Of a stored reply to the same question in other words, where a fresh one was given.
    cache_compared: Option<CacheComparison>,
    /// The firewall refused it, or kept its reply from its caller.
    threat_blocked: bool,
    fallback_used: bool,
    /// The model, or its provider's filter, declined to answer.
    refused: bool,
    /// The reply calls tools.
    calls_tools: bool,
    /// The budget that ended the call before anybody was asked.
    budget: Option<StoppedBy>,
    /// What the firewall said; null: nobody had it look.
    firewall: Option<Screening>,
    /// What it said of the reply; null: nobody had it look.
    firewall_output: Option<OutputScreening>,
    /// What it took out of what was asked before anybody was, each kind once.
    firewall_redacted: Vec<Redaction>,
}

/// One try at one provider.
#[derive(ToSchema)]
pub(super) struct Attempt {
    provider: String,
    model: String,
    /// `ok`, `connect_failed`, `timed_out`, `upstream_error`, …
    result: String,
    status: Option<u16>,
    latency_ms: u64,
    wasted_micro_usd: Option<u64>,
    upstream_request_id: Option<String>,
}

/// What the judge said, 0 to 100 each.
#[derive(ToSchema)]
pub(super) struct JudgeScore {
    relevance: f64,
    coherence: f64,
    helpfulness: f64,
    safety: f64,
    composite: f64,
    /// Who judged.
    judge: String,
    /// Of your own dimensions, by their names, if a model gave some.
    own: BTreeMap<String, f64>,
}

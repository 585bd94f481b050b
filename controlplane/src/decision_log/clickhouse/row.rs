//! A decision as a row of the log: what is looked up, filtered and summed by, and the record as it came.

use bytes::Bytes;
use clickhouse::Row;
use floopy_shared::domain::{
    decision::{Decision, Stage},
    ids::{CandidateKey, SessionId},
    snapshot::Environment,
    tags::Tags,
};
use serde::Serialize;

use crate::store::{accounted::Columns, outbox::Sent, to_u64};

/// A row. Empty texts stand for what there is not.
#[derive(Debug, Clone, Row, Serialize)]
pub(crate) struct Logged {
    tenant: String,
    created_ms: u64,
    /// Compared byte by byte, as in the store.
    request_id: [u8; 16],
    /// That of the row in the store, which says when the decision came.
    number: u64,
    /// Of two rows of a decision the one with the greater version stands.
    version: u64,
    /// Seconds since the epoch.
    expires_at: u32,
    finished: bool,
    shadow: bool,
    session_id: String,
    strategy: String,
    served: String,
    model: String,
    confidence: Option<f64>,
    rule: String,
    project: String,
    environment: String,
    tags: String,
    /// Empty of shadows, of which nothing is summed.
    came: String,
    task: String,
    excluded: String,
    baseline_micro_usd: u64,
    status: u16,
    latency_ms: u64,
    spent_micro_usd: u64,
    input_tokens: u64,
    output_tokens: u64,
    record: Bytes,
}

impl Logged {
    /// A decision that is kept for `kept_ms` after it was made.
    pub(crate) fn of(sent: Sent, kept_ms: u64) -> Self {
        let Sent {
            change,
            number,
            decision,
            record,
        } = sent;
        let expires_at = decision.created_at_ms.saturating_add(kept_ms) / 1_000;
        let outcome = &decision.outcome;
        let columns = Columns::of(&decision);
        Self {
            tenant: decision.tenant.to_string(),
            created_ms: decision.created_at_ms,
            request_id: decision.request_id.0.into_bytes(),
            number: to_u64(number),
            version: to_u64(change),
            expires_at: u32::try_from(expires_at).unwrap_or(u32::MAX),
            finished: decision.stage == Stage::Finished,
            shadow: decision.shadow_of.is_some(),
            session_id: text(decision.session_id.as_ref().map(SessionId::as_str)),
            strategy: decision.strategy.as_str().to_owned(),
            served: text(served(&decision).map(CandidateKey::as_str)),
            model: text(served(&decision).map(CandidateKey::model)),
            confidence: decision.confidence,
            rule: text(decision.rule.as_deref()),
            project: decision
                .project
                .map(|id| id.to_string())
                .unwrap_or_default(),
            environment: text(decision.environment.map(Environment::as_str)),
            tags: decision
                .tags
                .as_deref()
                .map(Tags::lines)
                .unwrap_or_default(),
            came: text(columns.map(|columns| columns.came.as_str())),
            task: text(columns.map(|columns| columns.task)),
            excluded: text(columns.map(|columns| columns.excluded_text())),
            baseline_micro_usd: columns
                .and_then(|columns| columns.baseline_micro_usd)
                .unwrap_or(0),
            status: outcome.status,
            latency_ms: outcome.latency_ms,
            spent_micro_usd: decision.spent_micro_usd(),
            input_tokens: outcome.usage.input,
            output_tokens: outcome.usage.output,
            record: Bytes::from(record),
        }
    }
}

fn served(decision: &Decision) -> Option<&CandidateKey> {
    decision.served.as_ref()
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

//! The record of a call that was a line of a batch.

use std::sync::Arc;

use floopy_shared::domain::{
    batch::{Batch, BatchLine},
    decision::{Decision, Ending, Outcome, Reason},
    ids::{CandidateKey, RequestId},
    money::Usage,
    snapshot::{KeyScope, Tenant},
};

use super::decision::{no_outcome, undecided};
use crate::{admit::Admitted, gateway::Gateway};

/// What a line costs of what the same call costs by itself, as a divisor. Half, at
/// OpenAI (<https://platform.openai.com/docs/guides/batch>), Azure
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch>) and
/// Anthropic (<https://docs.claude.com/en/docs/build-with-claude/batch-processing>); Groq
/// (<https://console.groq.com/docs/batch>) is taken to be like them. The catalog has no prices of batches.
const DISCOUNT_DIVISOR: u64 = 2;

/// First status that says that a call failed.
const ERRORS: u16 = 400;

/// Whose line it was.
pub(crate) struct BatchCall<'a> {
    pub tenant: &'a Arc<Tenant>,
    pub batch: &'a Batch,
    pub custom_id: &'a str,
    pub request_id: RequestId,
    /// When the batch ended: when a line was answered, nobody says.
    pub at_ms: u64,
    pub is_embeddings: bool,
}

/// What was answered.
pub(crate) struct Answered<'a> {
    pub status: u16,
    pub key: Option<&'a CandidateKey>,
    pub completion_id: Option<String>,
    pub usage: Option<Usage>,
    pub is_refused: bool,
}

/// The record of a line. It has no attempts, as nobody timed them, and no latency.
pub(crate) fn of_line(
    gateway: &Gateway,
    call: &BatchCall<'_>,
    answered: &Answered<'_>,
) -> Decision {
    let batch = call.batch;
    let admitted = Admitted {
        snapshot: gateway.current.snapshot(),
        tenant: Arc::clone(call.tenant),
        key_id: batch.key_id.clone(),
        scope: KeyScope {
            project: batch.project,
            environment: batch.environment,
            ..KeyScope::default()
        },
        default_project: None,
    };
    let mut decision = undecided(&admitted, (call.request_id, call.at_ms));
    let is_answered = answered.status < ERRORS;
    decision.requested_model = answered
        .key
        .map(CandidateKey::to_string)
        .unwrap_or_default();
    decision.chosen = answered.key.cloned();
    decision.served = answered.key.filter(|_| is_answered).cloned();
    decision.completion_id.clone_from(&answered.completion_id);
    decision.propensity = 1.0;
    decision.reason = if is_answered {
        Reason::Dispatched
    } else {
        Reason::Error
    };
    decision.features.embeddings = call.is_embeddings;
    decision.batch = Some(BatchLine {
        batch: batch.id.clone(),
        custom_id: call.custom_id.to_owned(),
    });
    decision.outcome = Outcome {
        status: answered.status,
        ending: if is_answered {
            Ending::Completed
        } else {
            Ending::Error
        },
        usage: answered.usage.unwrap_or_default(),
        cost_micro_usd: cost(&admitted, answered, is_answered),
        refused: answered.is_refused,
        ..no_outcome()
    };
    decision.charged = gateway.budgets.charged_later(call.tenant, &decision);
    decision
}

/// `None`: the price is unknown.
fn cost(admitted: &Admitted, answered: &Answered<'_>, is_answered: bool) -> Option<u64> {
    if !is_answered {
        return Some(0);
    }
    let catalog = admitted.snapshot.catalog_of(&admitted.tenant.id);
    let prices = catalog.get(answered.key?)?.prices?;
    let full = prices.cost_micro_usd(answered.usage?);
    Some(full.div_ceil(DISCOUNT_DIVISOR))
}

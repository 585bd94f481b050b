//! What a call came to.

use std::time::Duration;

use floopy_shared::domain::{
    budget::Spend,
    decision::{Decision, Ending, Outcome},
    money::Usage,
};

use super::{BYTES_PER_TOKEN, Record};
use crate::upstream::Facts;

impl Record {
    pub(super) fn outcome(&self, status: u16, ending: Ending, facts: Option<&Facts>) -> Outcome {
        let (usage, usage_estimated) = self.usage(facts);
        let served = self.decision.served.is_some();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Outcome {
            status,
            ending,
            latency_ms: ms(self.began.elapsed()),
            first_byte_ms: self.first_byte.map(ms),
            cost_micro_usd: match self.prices {
                Some(prices) => Some(prices.cost_micro_usd(usage)),
                None => (!served).then_some(0),
            },
            usage,
            usage_estimated,
            fallback_used: served && self.decision.served != self.decision.chosen,
            overhead_us: self.decision.outcome.overhead_us,
            refused: facts.is_some_and(|facts| facts.refused),
            calls_tools: facts.is_some_and(|facts| facts.calls_tools),
        }
    }

    pub(super) fn usage(&self, facts: Option<&Facts>) -> (Usage, bool) {
        let Some(facts) = facts else {
            return (Usage::default(), false);
        };
        let estimate = || Usage {
            input: self.decision.features.input_tokens_estimate,
            cached_input: 0,
            output: facts.text_bytes.div_ceil(BYTES_PER_TOKEN),
        };
        facts
            .usage
            .map_or_else(|| (estimate(), true), |usage| (usage, false))
    }
}

/// What budgets count of a call that is over.
pub(super) fn spend_of(decision: &Decision) -> Spend {
    let Usage { input, output, .. } = decision.outcome.usage;
    Spend {
        micro_usd: decision.spent_micro_usd(),
        tokens: input.saturating_add(output),
        calls: 1,
    }
}

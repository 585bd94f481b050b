//! How long callers wait: for the beginning of a reply, and from one token to the next.

use std::time::Duration;

use floopy_shared::domain::decision::Outcome;
use prometheus_client::{
    metrics::histogram::Histogram,
    registry::{Registry, Unit},
};

/// Bounds in seconds for what a model takes to begin.
const FIRST_BYTE: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Bounds in seconds for one token: models write ten to a thousand a second.
const PER_TOKEN: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// The histograms.
#[derive(Debug)]
pub(crate) struct Times {
    first_byte: Histogram,
    per_token: Histogram,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            first_byte: Histogram::new(FIRST_BYTE),
            per_token: Histogram::new(PER_TOKEN),
        }
    }
}

impl Times {
    pub(super) fn register(&self, registry: &mut Registry) {
        let first = "Until a served reply began";
        registry.register_with_unit(
            "floopy_time_to_first_byte",
            first,
            Unit::Seconds,
            self.first_byte.clone(),
        );
        let token = "From one token of a stream to the next, on average over the stream";
        registry.register_with_unit(
            "floopy_time_per_output_token",
            token,
            Unit::Seconds,
            self.per_token.clone(),
        );
    }

    /// A call that somebody served is over.
    pub(crate) fn served(&self, outcome: &Outcome, is_stream: bool) {
        let Some(first_ms) = outcome.first_byte_ms else {
            return;
        };
        self.first_byte
            .observe(Duration::from_millis(first_ms).as_secs_f64());
        let rest = outcome.usage.output.saturating_sub(1);
        if is_stream && rest > 0 {
            let taken = Duration::from_millis(outcome.latency_ms.saturating_sub(first_ms));
            #[expect(clippy::cast_precision_loss, reason = "tokens are far below 2^53")]
            let tokens = rest as f64;
            self.per_token.observe(taken.as_secs_f64() / tokens);
        }
    }
}

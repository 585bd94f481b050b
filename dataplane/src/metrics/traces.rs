//! What became of the spans of calls.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// The counters of traces.
#[derive(Debug, Default)]
pub(crate) struct TraceMetrics {
    ended: Counter,
    told: Counter,
    lost: Counter,
}

impl TraceMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let ended =
            "Spans that were made; what was neither told nor lost waits, or found the queue full";
        registry.register("floopy_spans_ended", ended, self.ended.clone());
        let told = "Spans that the receiver of traces took";
        registry.register("floopy_spans_told", told, self.told.clone());
        let lost = "Spans that the receiver of traces did not take";
        registry.register("floopy_spans_lost", lost, self.lost.clone());
    }

    pub(crate) fn ended(&self) {
        self.ended.inc();
    }

    pub(crate) fn told(&self, spans: u64) {
        self.told.inc_by(spans);
    }

    pub(crate) fn lost(&self, spans: u64) {
        self.lost.inc_by(spans);
    }
}

//! What is counted of sending decisions to the decision log.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

#[derive(Debug, Default)]
pub(super) struct LogMetrics {
    pub(super) waiting: Gauge,
    pub(super) took: Counter,
    pub(super) failures: Counter,
}

impl LogMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("floopy_control_decision_log");
        registry.register(
            "waiting",
            "Changes of decisions that wait for ClickHouse",
            metrics.waiting.clone(),
        );
        registry.register(
            "decisions",
            "Decisions that ClickHouse took",
            metrics.took.clone(),
        );
        registry.register(
            "failures",
            "Times that ClickHouse took nothing and is asked again",
            metrics.failures.clone(),
        );
        metrics
    }
}

//! What is counted of the scoring queue.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Why a reply was dropped unscored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Dropped {
    /// More came than may wait.
    Full,
    /// More died than are kept.
    DeadFull,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DroppedLabels {
    pub(super) reason: Dropped,
}

#[derive(Debug, Default)]
pub(super) struct QueueMetrics {
    pub(super) jobs: Gauge,
    pub(super) in_flight: Gauge,
    pub(super) dead: Gauge,
    pub(super) died: Counter,
    pub(super) dropped: Family<DroppedLabels, Counter>,
    pub(super) connected: Gauge,
    pub(super) unsent: Gauge,
}

impl QueueMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        // From the start, so that a rate can be taken of the first one.
        for reason in [Dropped::Full, Dropped::DeadFull] {
            drop(metrics.dropped.get_or_create(&DroppedLabels { reason }));
        }
        let registry = registry.sub_registry_with_prefix("floopy_control_scoring_queue");
        registry.register(
            "jobs",
            "Replies waiting to be scored, or with a judge",
            metrics.jobs.clone(),
        );
        registry.register(
            "in_flight",
            "Replies that are with a judge",
            metrics.in_flight.clone(),
        );
        registry.register(
            "dead",
            "Replies that no judge could score, kept for a look at them",
            metrics.dead.clone(),
        );
        registry.register(
            "died",
            "Replies given up after as many deliveries as there may be",
            metrics.died.clone(),
        );
        registry.register(
            "dropped",
            "Replies dropped unscored, by why",
            metrics.dropped.clone(),
        );
        registry.register(
            "connected",
            "1 while the queue is in Redis and Redis answers",
            metrics.connected.clone(),
        );
        registry.register(
            "unsent",
            "Replies that wait in the store for room in Redis, or for Redis to be back",
            metrics.unsent.clone(),
        );
        metrics
    }
}

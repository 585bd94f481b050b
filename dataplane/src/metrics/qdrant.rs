//! What was asked of Qdrant, and whether it is there.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::labels::{AnswerLabel, QdrantLabel};

/// The counters of Qdrant.
#[derive(Debug, Default)]
pub(crate) struct QdrantMetrics {
    operations: Family<QdrantLabels, Counter>,
    connected: Gauge,
    points: Gauge,
    dropped: Counter,
    shared_hits: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QdrantLabels {
    operation: QdrantLabel,
    result: AnswerLabel,
}

impl QdrantMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let operations = "What was asked of Qdrant by what came of it";
        registry.register(
            "floopy_qdrant_operations",
            operations,
            self.operations.clone(),
        );
        let connected = "Whether Qdrant is there and answers in time";
        registry.register("floopy_qdrant_connected", connected, self.connected.clone());
        let points = "Questions in Qdrant, of all proxies, when they were last counted";
        registry.register("floopy_qdrant_points", points, self.points.clone());
        let dropped = "Questions that were not shared because too many waited for it or are there";
        registry.register("floopy_qdrant_dropped", dropped, self.dropped.clone());
        let hits = "Replies to questions in other words that Qdrant had";
        registry.register(
            "floopy_cache_semantic_shared_hits",
            hits,
            self.shared_hits.clone(),
        );
    }

    pub(crate) fn asked(&self, operation: QdrantLabel, result: AnswerLabel) {
        let labels = QdrantLabels { operation, result };
        self.operations.get_or_create(&labels).inc();
    }

    pub(crate) fn connected(&self, is_so: bool) {
        self.connected.set(i64::from(is_so));
    }

    pub(crate) fn counted(&self, points: u64) {
        self.points.set(i64::try_from(points).unwrap_or(i64::MAX));
    }

    pub(crate) fn dropped(&self) {
        self.dropped.inc();
    }

    pub(crate) fn shared_hit(&self) {
        self.shared_hits.inc();
    }
}

//! What was asked of Redis, and whether it is there.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::labels::{AnswerLabel, RedisLabel};

/// The counters of Redis.
#[derive(Debug, Default)]
pub(crate) struct RedisMetrics {
    operations: Family<RedisLabels, Counter>,
    connected: Gauge,
    dropped: Counter,
    shared_hits: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RedisLabels {
    operation: RedisLabel,
    result: AnswerLabel,
}

impl RedisMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let operations = "What was asked of Redis by what came of it";
        registry.register(
            "floopy_redis_operations",
            operations,
            self.operations.clone(),
        );
        let connected = "Whether Redis is there and answers in time";
        registry.register("floopy_redis_connected", connected, self.connected.clone());
        let dropped = "Replies that were not shared because too many waited for it";
        registry.register("floopy_redis_dropped", dropped, self.dropped.clone());
        let hits =
            "Replies given again that another proxy, or this one before a restart, had shared";
        registry.register("floopy_cache_shared_hits", hits, self.shared_hits.clone());
    }

    pub(crate) fn asked(&self, operation: RedisLabel, result: AnswerLabel) {
        let labels = RedisLabels { operation, result };
        self.operations.get_or_create(&labels).inc();
    }

    pub(crate) fn connected(&self, is_so: bool) {
        self.connected.set(i64::from(is_so));
    }

    pub(crate) fn dropped(&self) {
        self.dropped.inc();
    }

    pub(crate) fn shared_hit(&self) {
        self.shared_hits.inc();
    }
}

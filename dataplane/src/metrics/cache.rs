//! What the cache was asked, and what it saved.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::labels::{CacheLabel, CacheLabels, ComparisonLabel, ComparisonLabels};

/// The cache's counters.
#[derive(Debug, Default)]
pub(crate) struct CacheMetrics {
    lookups: Family<CacheLabels, Counter>,
    stored: Counter,
    saved: Counter,
    compared: Family<ComparisonLabels, Counter>,
}

impl CacheMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let lookups = "Calls that asked for the cache by what came of it";
        registry.register("floopy_cache_lookups", lookups, self.lookups.clone());
        let stored = "Replies that were stored";
        registry.register("floopy_cache_stored", stored, self.stored.clone());
        let saved = "What the replies that were given again had cost, in micro-USD";
        registry.register("floopy_cache_saved_micro_usd", saved, self.saved.clone());
        let compared = "Stored replies to questions in other words that were compared with fresh ones, by what they said";
        registry.register(
            "floopy_cache_semantic_compared",
            compared,
            self.compared.clone(),
        );
    }

    pub(crate) fn looked(&self, result: CacheLabel) {
        self.lookups.get_or_create(&CacheLabels { result }).inc();
    }

    pub(crate) fn compared(&self, agrees: Option<bool>) {
        let result = match agrees {
            Some(true) => ComparisonLabel::Same,
            Some(false) => ComparisonLabel::Wrong,
            None => ComparisonLabel::Unknown,
        };
        let labels = ComparisonLabels { result };
        self.compared.get_or_create(&labels).inc();
    }

    pub(crate) fn stored(&self) {
        self.stored.inc();
    }

    pub(crate) fn saved(&self, micro_usd: u64) {
        self.saved.inc_by(micro_usd);
    }
}

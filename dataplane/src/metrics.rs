//! What a proxy counts. Every label comes from a closed set, so that the number of series is bounded.

mod cache;
mod firewall;
mod known;
mod labels;
mod live;
mod qdrant;
mod redis;
mod times;
mod traces;

use std::time::Duration;

use http::StatusCode;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use self::labels::{AttemptLabels, KindLabels, RequestLabels, StatusLabel};
use self::{
    cache::CacheMetrics, firewall::FirewallMetrics, known::Known, qdrant::QdrantMetrics,
    redis::RedisMetrics, times::Times, traces::TraceMetrics,
};
pub(crate) use self::{
    labels::{
        AnswerLabel, AttemptLabel, CacheLabel, KindLabel, QdrantLabel, RedisLabel, RouteLabel,
        StrategyLabel,
    },
    live::{LiveReadings, Reading},
};

/// Bounds of the overhead histogram in seconds: 10 µs to about 80 ms.
const OVERHEAD_BUCKETS: [f64; 12] = [
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 8e-2,
];

/// The counters of one proxy.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    known: Known,
    dropped: Family<KindLabels, Counter>,
    in_flight: Gauge,
    lingering: Gauge,
    overhead: Histogram,
    rejected: Counter,
    undelivered: Counter,
    unreadable: Counter,
    nacks: Counter,
    snapshot_errors: Counter,
    circuits_opened: Counter,
    retries: Counter,
    retries_refused: Counter,
    hedges: Counter,
    tenant_overloaded: Counter,
    limited: Counter,
    shadow_sent: Counter,
    shadow_dropped: Counter,
    shadow_over_budget: Counter,
    shadow_cost: Counter,
    overloaded: Counter,
    pub(crate) cache: CacheMetrics,
    pub(crate) firewall: FirewallMetrics,
    pub(crate) redis: RedisMetrics,
    pub(crate) qdrant: QdrantMetrics,
    pub(crate) traces: TraceMetrics,
    pub(crate) times: Times,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            attempts: Family::default(),
            known: Known::default(),
            dropped: Family::default(),
            in_flight: Gauge::default(),
            lingering: Gauge::default(),
            overhead: Histogram::new(OVERHEAD_BUCKETS),
            rejected: Counter::default(),
            undelivered: Counter::default(),
            unreadable: Counter::default(),
            nacks: Counter::default(),
            snapshot_errors: Counter::default(),
            circuits_opened: Counter::default(),
            retries: Counter::default(),
            retries_refused: Counter::default(),
            hedges: Counter::default(),
            tenant_overloaded: Counter::default(),
            limited: Counter::default(),
            shadow_sent: Counter::default(),
            shadow_dropped: Counter::default(),
            shadow_over_budget: Counter::default(),
            shadow_cost: Counter::default(),
            overloaded: Counter::default(),
            cache: CacheMetrics::default(),
            firewall: FirewallMetrics::default(),
            redis: RedisMetrics::default(),
            qdrant: QdrantMetrics::default(),
            traces: TraceMetrics::default(),
            times: Times::default(),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let requests = "Requests by route, status class and routing strategy";
        registry.register("floopy_requests", requests, self.requests.clone());
        let attempts = "Calls to upstream candidates by what came of them";
        registry.register("floopy_upstream_attempts", attempts, self.attempts.clone());
        registry.register(
            "floopy_requests_in_flight",
            "Requests being served",
            self.in_flight.clone(),
        );
        registry.register(
            "floopy_replies_lingering",
            "Replies read on for their cost after their caller left",
            self.lingering.clone(),
        );
        let overhead = "Time in the proxy itself before the upstream is called";
        registry.register_with_unit(
            "floopy_overhead",
            overhead,
            Unit::Seconds,
            self.overhead.clone(),
        );
        let overloaded = "Requests refused because too many were in flight";
        registry.register(
            "floopy_requests_overloaded",
            overloaded,
            self.overloaded.clone(),
        );
        let opened = "Times that a circuit breaker opened";
        registry.register(
            "floopy_circuits_opened",
            opened,
            self.circuits_opened.clone(),
        );
        let over_share = "Requests refused because their tenant was above its fair share";
        registry.register(
            "floopy_requests_over_share",
            over_share,
            self.tenant_overloaded.clone(),
        );
        let limited = "Requests refused because their tenant or key is over a limit of its own";
        registry.register("floopy_requests_limited", limited, self.limited.clone());
        self.cache.register(registry);
        self.firewall.register(registry);
        self.redis.register(registry);
        self.qdrant.register(registry);
        self.traces.register(registry);
        self.times.register(registry);
        self.register_tries(registry);
        self.register_shadow(registry);
        self.register_control(registry);
    }

    /// What is asked of providers beyond the first try.
    fn register_tries(&self, registry: &mut Registry) {
        let retries = "Candidates asked again after a failure that may pass";
        registry.register("floopy_upstream_retries", retries, self.retries.clone());
        let refused = "Retries that were not made because their provider's budget was used up";
        registry.register(
            "floopy_upstream_retries_refused",
            refused,
            self.retries_refused.clone(),
        );
        let hedges = "Second candidates asked because the first was late";
        registry.register("floopy_upstream_hedges", hedges, self.hedges.clone());
    }

    /// What is spent on learning, apart from what serves.
    fn register_shadow(&self, registry: &mut Registry) {
        let sent = "Shadow calls that were sent";
        registry.register("floopy_shadow_calls", sent, self.shadow_sent.clone());
        let dropped =
            "Shadow calls that were not sent: too many were under way, or they were too long";
        registry.register(
            "floopy_shadow_dropped",
            dropped,
            self.shadow_dropped.clone(),
        );
        let over =
            "Shadow calls that were not sent because the tenant's budget of the day is spent";
        registry.register(
            "floopy_shadow_over_budget",
            over,
            self.shadow_over_budget.clone(),
        );
        let cost = "Cost of shadow calls in micro-USD, which no caller is charged for";
        registry.register(
            "floopy_shadow_cost_micro_usd",
            cost,
            self.shadow_cost.clone(),
        );
    }

    /// What passes between the proxy and its control plane.
    fn register_control(&self, registry: &mut Registry) {
        let dropped = "Events that the spool did not take";
        registry.register("floopy_spool_dropped_events", dropped, self.dropped.clone());
        let rejected = "Events that the control plane refused for good";
        registry.register(
            "floopy_spool_rejected_events",
            rejected,
            self.rejected.clone(),
        );
        let undelivered = "Batches that could not be delivered and are tried again";
        registry.register(
            "floopy_spool_failed_deliveries",
            undelivered,
            self.undelivered.clone(),
        );
        let unreadable = "Times that damaged parts of the spool were skipped";
        registry.register(
            "floopy_spool_unreadable",
            unreadable,
            self.unreadable.clone(),
        );
        let nacks = "Snapshot tables that were refused";
        registry.register("floopy_snapshot_nacks", nacks, self.nacks.clone());
        let errors = "Times that the saved snapshot could not be read or written";
        registry.register(
            "floopy_snapshot_file_errors",
            errors,
            self.snapshot_errors.clone(),
        );
    }

    pub(crate) fn request(
        &self,
        route: RouteLabel,
        status: Option<StatusCode>,
        strategy: StrategyLabel,
    ) {
        let labels = RequestLabels {
            route,
            status: StatusLabel::of(status),
            strategy,
        };
        self.known.request(&labels, &self.requests).inc();
    }

    pub(crate) fn attempt(&self, result: AttemptLabel) {
        let labels = AttemptLabels { result };
        self.known.attempt(&labels, &self.attempts).inc();
    }

    pub(crate) fn in_flight(&self) -> &Gauge {
        &self.in_flight
    }

    pub(crate) fn lingering(&self) -> &Gauge {
        &self.lingering
    }

    pub(crate) fn overhead(&self, overhead: Duration) {
        self.overhead.observe(overhead.as_secs_f64());
    }

    pub(crate) fn spool_dropped(&self, kind: KindLabel) {
        self.dropped.get_or_create(&KindLabels { kind }).inc();
    }

    pub(crate) fn spool_rejected(&self) {
        self.rejected.inc();
    }

    pub(crate) fn spool_delivery_failed(&self) {
        self.undelivered.inc();
    }

    pub(crate) fn spool_unreadable(&self) {
        self.unreadable.inc();
    }

    pub(crate) fn nacked(&self, tables: usize) {
        self.nacks.inc_by(tables as u64);
    }

    pub(crate) fn snapshot_file_error(&self) {
        self.snapshot_errors.inc();
    }

    pub(crate) fn circuit_opened(&self) {
        self.circuits_opened.inc();
    }

    pub(crate) fn retried(&self) {
        self.retries.inc();
    }

    pub(crate) fn retry_refused(&self) {
        self.retries_refused.inc();
    }

    pub(crate) fn hedged(&self) {
        self.hedges.inc();
    }

    pub(crate) fn over_share(&self) {
        self.tenant_overloaded.inc();
    }

    pub(crate) fn limited(&self) {
        self.limited.inc();
    }

    pub(crate) fn shadow_sent(&self) {
        self.shadow_sent.inc();
    }

    pub(crate) fn shadow_dropped(&self) {
        self.shadow_dropped.inc();
    }

    pub(crate) fn shadow_over_budget(&self) {
        self.shadow_over_budget.inc();
    }

    pub(crate) fn shadow_spent(&self, micro_usd: u64) {
        self.shadow_cost.inc_by(micro_usd);
    }

    pub(crate) fn overloaded(&self) {
        self.overloaded.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Census;

    #[test]
    fn every_metric_is_named_for_this_product_and_appears() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        registry.register_collector(Box::new(LiveReadings::new(|| {
            Some(Reading {
                spool_events: 3,
                spool_bytes: 0,
                spool_level: 0,
                snapshot_version: 7,
                snapshot_age_seconds: 0,
                control_connected: true,
                tasks: 5,
                circuits_open: 2,
                circuits_half_open: 0,
                candidates_resting: 0,
                cache: Census::default(),
            })
        })));
        metrics.request(
            RouteLabel::Chat,
            Some(StatusCode::OK),
            StrategyLabel::FeedbackDriven,
        );
        metrics.spool_dropped(KindLabel::ScoringJob);
        metrics.shadow_spent(230);
        metrics.overhead(Duration::from_micros(120));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encodes");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert!(
            lines.clone().all(|line| line.starts_with("floopy_")),
            "{text}"
        );
        for expected in [
            "floopy_requests_total{route=\"chat\",status=\"2xx\",strategy=\"feedback_driven\"} 1",
            "floopy_spool_dropped_events_total{kind=\"scoring_job\"} 1",
            "floopy_overhead_seconds_count 1",
            "floopy_shadow_cost_micro_usd_total 230",
            "floopy_spool_depth_events 3",
            "floopy_snapshot_version 7",
            "floopy_circuits_open 2",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}

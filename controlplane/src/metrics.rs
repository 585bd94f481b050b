//! What the control plane counts.

mod decision_log;
mod queue;

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

pub(crate) use self::queue::Dropped;
use self::{
    decision_log::LogMetrics,
    queue::{DroppedLabels, QueueMetrics},
};
use crate::{ingest::Verdict, queue::Status};

/// What an event carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum EventKind {
    Decision,
    Rating,
    ScoringJob,
    Content,
    Unreadable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum EventStatus {
    Accepted,
    Known,
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    kind: EventKind,
    status: EventStatus,
}

/// Which of a proxy's tables was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Table {
    Catalog,
    Tenant,
    Ranking,
    Prompts,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabels {
    table: Table,
}

/// Whom a drift concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Scope {
    Tenant,
    Platform,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    scope: Scope,
}

/// Everything counted; shared by all parts.
#[derive(Debug)]
pub(crate) struct Metrics {
    events: Family<EventLabels, Counter>,
    fold_seconds: Histogram,
    scores: Counter,
    scores_failed: Counter,
    queue: QueueMetrics,
    dirty_tenants: Gauge,
    refresh_seconds: Histogram,
    refresh_failures: Counter,
    drift_alarms: Family<ScopeLabels, Counter>,
    drift_taken_back: Counter,
    observations_dropped: Counter,
    disagreeing: Gauge,
    snapshot_version: Gauge,
    tables: Gauge,
    proxies: Gauge,
    rejections: Family<TableLabels, Counter>,
    log: LogMetrics,
}

impl Metrics {
    /// Registers everything.
    pub(crate) fn register(registry: &mut Registry) -> Arc<Self> {
        // 0.1 ms to 13 s.
        let latency = || Histogram::new(exponential_buckets(1e-4, 3.0, 12));
        let metrics = Self {
            events: Family::default(),
            fold_seconds: latency(),
            scores: Counter::default(),
            scores_failed: Counter::default(),
            queue: QueueMetrics::register(registry),
            dirty_tenants: Gauge::default(),
            refresh_seconds: latency(),
            refresh_failures: Counter::default(),
            drift_alarms: Family::default(),
            drift_taken_back: Counter::default(),
            observations_dropped: Counter::default(),
            disagreeing: Gauge::default(),
            snapshot_version: Gauge::default(),
            tables: Gauge::default(),
            proxies: Gauge::default(),
            rejections: Family::default(),
            log: LogMetrics::register(registry),
        };
        metrics.register_ingest(registry);
        metrics.register_snapshots(registry);
        Arc::new(metrics)
    }

    fn register_ingest(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("floopy_control");
        registry.register(
            "events",
            "Events by kind and what became of them",
            self.events.clone(),
        );
        registry.register(
            "fold_seconds",
            "Time to fold one batch of events",
            self.fold_seconds.clone(),
        );
        registry.register(
            "scores",
            "Judges' scores that were new",
            self.scores.clone(),
        );
        registry.register(
            "scores_failed",
            "Replies that a judge could not score",
            self.scores_failed.clone(),
        );
    }

    fn register_snapshots(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("floopy_control");
        registry.register(
            "dirty_tenants",
            "Tenants waiting for new rankings",
            self.dirty_tenants.clone(),
        );
        registry.register(
            "refresh_seconds",
            "Time to compute new rankings",
            self.refresh_seconds.clone(),
        );
        registry.register(
            "refresh_failures",
            "Refreshes that failed and are retried",
            self.refresh_failures.clone(),
        );
        registry.register(
            "drift_alarms",
            "Candidates taken out because they got worse",
            self.drift_alarms.clone(),
        );
        registry.register(
            "drift_alarms_taken_back",
            "Alarms for all tenants that were found to be false",
            self.drift_taken_back.clone(),
        );
        registry.register(
            "drift_observations_dropped",
            "Outcomes that the drift monitors missed because too many waited",
            self.observations_dropped.clone(),
        );
        registry.register(
            "judge_disagreeing_tenants",
            "Tenants whose people the judge surely disagrees with",
            self.disagreeing.clone(),
        );
        registry.register(
            "snapshot_version",
            "Version of the newest table",
            self.snapshot_version.clone(),
        );
        registry.register("tables", "Published tables", self.tables.clone());
        registry.register("proxies", "Connected proxies", self.proxies.clone());
        registry.register(
            "table_rejections",
            "Tables that proxies refused",
            self.rejections.clone(),
        );
    }

    pub(crate) fn event(&self, kind: EventKind, verdict: &Verdict) {
        let status = match verdict {
            Verdict::Accepted { .. } => EventStatus::Accepted,
            Verdict::Known { .. } => EventStatus::Known,
            Verdict::Rejected(_) => EventStatus::Rejected,
        };
        self.events
            .get_or_create(&EventLabels { kind, status })
            .inc();
    }

    pub(crate) fn folded(&self, took: Duration) {
        self.fold_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn scores(&self, new: u32, failed: usize) {
        self.scores.inc_by(u64::from(new));
        self.scores_failed.inc_by(failed as u64);
    }

    pub(crate) fn jobs_dropped(&self, reason: Dropped, count: u64) {
        let labels = DroppedLabels { reason };
        self.queue.dropped.get_or_create(&labels).inc_by(count);
    }

    pub(crate) fn jobs_died(&self, count: u64) {
        self.queue.died.inc_by(count);
    }

    pub(crate) fn queue_connected(&self, is_connected: bool) {
        self.queue.connected.set(i64::from(is_connected));
    }

    pub(crate) fn jobs_unsent(&self, count: u64) {
        self.queue
            .unsent
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn queue_depth(&self, status: &Status) {
        let shown = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.queue
            .jobs
            .set(shown(status.waiting + status.in_flight));
        self.queue.in_flight.set(shown(status.in_flight));
        self.queue.dead.set(shown(status.dead));
    }

    pub(crate) fn dirty(&self, tenants: usize) {
        self.dirty_tenants
            .set(i64::try_from(tenants).unwrap_or(i64::MAX));
    }

    pub(crate) fn refreshed(&self, took: Duration) {
        self.refresh_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn refresh_failed(&self) {
        self.refresh_failures.inc();
    }

    pub(crate) fn drift(&self, is_platform: bool) {
        let scope = if is_platform {
            Scope::Platform
        } else {
            Scope::Tenant
        };
        self.drift_alarms
            .get_or_create(&ScopeLabels { scope })
            .inc();
    }

    pub(crate) fn drift_taken_back(&self) {
        self.drift_taken_back.inc();
    }

    pub(crate) fn disagreeing(&self, tenants: usize) {
        self.disagreeing
            .set(i64::try_from(tenants).unwrap_or(i64::MAX));
    }

    pub(crate) fn observations_dropped(&self, count: u64) {
        self.observations_dropped.inc_by(count);
    }

    pub(crate) fn published(&self, version: u64, tables: usize) {
        self.snapshot_version
            .set(i64::try_from(version).unwrap_or(i64::MAX));
        self.tables.set(i64::try_from(tables).unwrap_or(i64::MAX));
    }

    pub(crate) fn rejected(&self, table: &str) {
        let table = match table.split('/').next() {
            Some("catalog") => Table::Catalog,
            Some("tenant") => Table::Tenant,
            Some("ranking") => Table::Ranking,
            Some("prompts") => Table::Prompts,
            Some(_) | None => Table::Unknown,
        };
        self.rejections.get_or_create(&TableLabels { table }).inc();
    }

    pub(crate) fn log_waiting(&self, entries: i64) {
        self.log.waiting.set(entries);
    }

    pub(crate) fn log_took(&self, decisions: usize) {
        self.log.took.inc_by(decisions as u64);
    }

    pub(crate) fn log_failed(&self) {
        self.log.failures.inc();
    }

    /// Counts a proxy as connected until the guard is dropped.
    pub(crate) fn connected(self: &Arc<Self>) -> ConnectedProxy {
        self.proxies.inc();
        ConnectedProxy(Arc::clone(self))
    }
}

/// One connected proxy.
#[derive(Debug)]
pub(crate) struct ConnectedProxy(Arc<Metrics>);

impl Drop for ConnectedProxy {
    fn drop(&mut self) {
        self.0.proxies.dec();
    }
}

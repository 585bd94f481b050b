//! What the worker counts.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::{
    metrics::{
        counter::Counter,
        histogram::{Histogram, linear_buckets},
    },
    registry::Registry,
};

/// Handles to the registered metrics; clones share their values.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub leased: Counter,
    pub lease_errors: Counter,
    pub scored: Counter,
    pub failed: Counter,
    pub report_errors: Counter,
    pub lost: Counter,
    pub composite: Histogram,
}

impl Metrics {
    pub(crate) fn register(registry: &Arc<Mutex<Registry>>) -> Self {
        let metrics = Self {
            leased: Counter::default(),
            lease_errors: Counter::default(),
            scored: Counter::default(),
            failed: Counter::default(),
            report_errors: Counter::default(),
            lost: Counter::default(),
            composite: Histogram::new(linear_buckets(0.1, 0.1, 10)),
        };
        let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut add =
            |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        add(
            "floopy_judge_leased_jobs",
            "Jobs leased from the control plane",
            &metrics.leased,
        );
        add(
            "floopy_judge_lease_errors",
            "Lease requests that failed",
            &metrics.lease_errors,
        );
        add(
            "floopy_judge_scored_jobs",
            "Scores acknowledged by the control plane",
            &metrics.scored,
        );
        add(
            "floopy_judge_failed_jobs",
            "Jobs reported as impossible to score",
            &metrics.failed,
        );
        add(
            "floopy_judge_report_errors",
            "Reports that failed and were tried again",
            &metrics.report_errors,
        );
        add(
            "floopy_judge_lost_jobs",
            "Jobs whose lease ended before the report arrived",
            &metrics.lost,
        );
        let help = "Composite scores given, on 0..1";
        registry.register(
            "floopy_judge_composite_ratio",
            help,
            metrics.composite.clone(),
        );
        metrics
    }
}

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
    pub llm_asked: Counter,
    pub llm_repaired: Counter,
    pub llm_failed: Counter,
    pub llm_unpaid: Counter,
    pub llm_left_alone: Counter,
    pub llm_cost_micro_usd: Counter,
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
            llm_asked: Counter::default(),
            llm_repaired: Counter::default(),
            llm_failed: Counter::default(),
            llm_unpaid: Counter::default(),
            llm_left_alone: Counter::default(),
            llm_cost_micro_usd: Counter::default(),
            composite: Histogram::new(linear_buckets(0.1, 0.1, 10)),
        };
        metrics.add_to(&mut registry.lock().unwrap_or_else(PoisonError::into_inner));
        metrics
    }

    fn add_to(&self, registry: &mut Registry) {
        let counters = [
            (
                "floopy_judge_leased_jobs",
                "Jobs leased from the control plane",
                &self.leased,
            ),
            (
                "floopy_judge_lease_errors",
                "Lease requests that failed",
                &self.lease_errors,
            ),
            (
                "floopy_judge_scored_jobs",
                "Scores acknowledged by the control plane",
                &self.scored,
            ),
            (
                "floopy_judge_failed_jobs",
                "Jobs reported as impossible to score",
                &self.failed,
            ),
            (
                "floopy_judge_report_errors",
                "Reports that failed and were tried again",
                &self.report_errors,
            ),
            (
                "floopy_judge_lost_jobs",
                "Jobs whose lease ended before the report arrived",
                &self.lost,
            ),
        ];
        for (name, help, counter) in counters.into_iter().chain(self.of_models()) {
            registry.register(name, help, counter.clone());
        }
        let help = "Composite scores given, on 0..1";
        registry.register("floopy_judge_composite_ratio", help, self.composite.clone());
    }
    /// Of judge models.
    fn of_models(&self) -> [(&'static str, &'static str, &Counter); 6] {
        [
            (
                "floopy_judge_llm_asked",
                "Replies shown to a judge model",
                &self.llm_asked,
            ),
            (
                "floopy_judge_llm_repaired",
                "Answers of judge models that were not valid and asked for again",
                &self.llm_repaired,
            ),
            (
                "floopy_judge_llm_failed",
                "Replies that no judge model graded",
                &self.llm_failed,
            ),
            (
                "floopy_judge_llm_unpaid",
                "Replies left to the built-in scorer because the day's budget was spent",
                &self.llm_unpaid,
            ),
            (
                "floopy_judge_llm_left_alone",
                "Replies left to the built-in scorer because no judge model answered lately",
                &self.llm_left_alone,
            ),
            (
                "floopy_judge_llm_cost_micro_usd",
                "What asking judge models cost, in millionths of a dollar",
                &self.llm_cost_micro_usd,
            ),
        ]
    }
}

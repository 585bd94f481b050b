//! Values that nobody counts: they are looked up when metrics are read.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
};

use crate::cache::Census;

/// Values that are looked up when metrics are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub spool_events: u64,
    pub spool_bytes: u64,
    pub spool_level: u64,
    pub snapshot_version: u64,
    pub snapshot_age_seconds: u64,
    pub control_connected: bool,
    /// Of the runtime that serves, background ones and connections.
    pub tasks: u64,
    pub circuits_open: u64,
    pub circuits_half_open: u64,
    pub candidates_resting: u64,
    pub cache: Census,
}

impl Reading {
    /// Name, help and value of each.
    fn rows(&self) -> [(&'static str, &'static str, u64); 10] {
        [
            (
                "floopy_spool_depth_events",
                "Events not yet delivered",
                self.spool_events,
            ),
            (
                "floopy_spool_size_bytes",
                "Bytes of the spool on disk",
                self.spool_bytes,
            ),
            (
                "floopy_spool_level",
                "0 takes everything … 3 full, 4 failing",
                self.spool_level,
            ),
            (
                "floopy_snapshot_version",
                "Version of the snapshot in use",
                self.snapshot_version,
            ),
            (
                "floopy_snapshot_age_seconds",
                "Since the last word of the control plane",
                self.snapshot_age_seconds,
            ),
            (
                "floopy_control_connected",
                "Whether the control plane is connected",
                u64::from(self.control_connected),
            ),
            (
                "floopy_tasks",
                "Tasks alive in this process, one for each connection among them",
                self.tasks,
            ),
            (
                "floopy_circuits_open",
                "Candidates left alone after repeated failures",
                self.circuits_open,
            ),
            (
                "floopy_circuits_half_open",
                "Candidates that a probe decides on",
                self.circuits_half_open,
            ),
            (
                "floopy_candidates_resting",
                "Candidates left alone because their provider asked for it",
                self.candidates_resting,
            ),
        ]
    }

    /// The same of the cache.
    fn cache_rows(&self) -> [(&'static str, &'static str, u64); 5] {
        [
            (
                "floopy_cache_size_bytes",
                "Bytes of the replies that are kept to be given again",
                self.cache.bytes,
            ),
            (
                "floopy_cache_entries",
                "Replies that are kept to be given again",
                self.cache.entries,
            ),
            (
                "floopy_cache_evicted",
                "Replies that were dropped for want of room since the start",
                self.cache.evicted,
            ),
            (
                "floopy_cache_semantic_size_bytes",
                "Bytes of the questions whose replies are found by what they mean",
                self.cache.semantic_bytes,
            ),
            (
                "floopy_cache_semantic_entries",
                "Questions whose replies are found by what they mean",
                self.cache.semantic_entries,
            ),
        ]
    }
}

/// Looks them up.
pub(crate) struct LiveReadings(Arc<dyn Fn() -> Option<Reading> + Send + Sync>);

impl LiveReadings {
    pub(crate) fn new(read: impl Fn() -> Option<Reading> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for LiveReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiveReadings")
    }
}

impl Collector for LiveReadings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(reading) = (self.0)() else {
            return Ok(());
        };
        for (name, help, value) in reading.rows().into_iter().chain(reading.cache_rows()) {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        Ok(())
    }
}

//! What lives as long as the process, and is shared by all requests.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use floopy_shared::{domain::ids::RequestId, process::clock::Clock};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    config::Config,
    conversations::Conversations,
    metrics::{Metrics, Reading},
    record::spool::Spool,
    sessions::{OpenSessions, Rated},
    shadow::Shadows,
    state::Current,
    upstream::Upstream,
};

pub(crate) struct Gateway {
    pub config: Config,
    pub current: Arc<Current>,
    pub upstream: Upstream,
    pub spool: Arc<Spool>,
    pub sessions: OpenSessions,
    pub rated: Rated,
    pub conversations: Conversations,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub shadows: Shadows,
    pub doors: Doors,
    /// Keeps other proxies out of the data directory.
    pub _lock: File,
}

impl Gateway {
    /// What metrics look up when they are read.
    pub(crate) fn reading(&self) -> Reading {
        let (spool_events, spool_bytes) = self.spool.depth();
        Reading {
            spool_events,
            spool_bytes,
            spool_level: self.spool.level() as u64,
            snapshot_version: self.current.snapshot().version(),
            snapshot_age_seconds: self.current.age_ms(self.clock.now_ms()) / 1_000,
            control_connected: self.current.is_connected(),
        }
    }

    /// Whether this request's reply goes to the judge. Decided by its id, which is random.
    pub(crate) fn is_sampled(&self, id: RequestId) -> bool {
        let (high, _) = id.0.as_u64_pair();
        let unit = f64::from((high >> 32) as u32) / f64::from(u32::MAX);
        unit < self.config.scoring.sample_rate
    }
}

/// How many may be inside, and whether it is closing time.
#[derive(Debug)]
pub(crate) struct Doors {
    room: Arc<Semaphore>,
    in_flight: Gauge,
    draining: AtomicBool,
    forced: AtomicBool,
}

impl Doors {
    pub(crate) fn new(in_flight: usize, metrics: &Metrics) -> Self {
        Self {
            room: Arc::new(Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS))),
            in_flight: metrics.in_flight().clone(),
            draining: AtomicBool::new(false),
            forced: AtomicBool::new(false),
        }
    }

    /// `None` where there is no room.
    pub(crate) fn enter(&self) -> Option<Passage> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        self.in_flight.inc();
        Some(Passage {
            in_flight: self.in_flight.clone(),
            _permit: permit,
        })
    }

    /// Nobody new is let in by the listener.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whoever is still inside is cut off.
    pub(crate) fn force(&self) {
        self.forced.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.forced.load(Ordering::Relaxed)
    }
}

/// The right to be served; held by the response body until its last byte.
#[derive(Debug)]
pub(crate) struct Passage {
    in_flight: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

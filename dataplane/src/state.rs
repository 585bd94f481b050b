//! The current snapshot: written by `control`, read once per request; nothing else connects the two.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use floopy_shared::domain::snapshot::Snapshot;

/// What is known now, and when the control plane was last heard.
#[derive(Debug)]
pub(crate) struct Current {
    snapshot: ArcSwap<Snapshot>,
    heard_at_ms: AtomicU64,
    connected: AtomicBool,
}

impl Current {
    pub(crate) fn new(snapshot: Snapshot, now_ms: u64) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            heard_at_ms: AtomicU64::new(now_ms),
            connected: AtomicBool::new(false),
        }
    }

    /// For the whole of one request.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Everything that begins from now on is decided on this.
    pub(crate) fn replace(&self, snapshot: Snapshot, now_ms: u64) {
        self.snapshot.store(Arc::new(snapshot));
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Since the last update, or since the start.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_at_ms.load(Ordering::Relaxed))
    }
}

//! The current snapshot: written by `control`, read once per request; nothing else connects the two.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use floopy_shared::domain::{
    credential::{CannotOpen, Credential, Sealed},
    snapshot::Snapshot,
};
use tokio::sync::Notify;

use crate::{
    access::{Access, Opener},
    config,
    provider::Providers,
};

/// A snapshot, and whom its tenants may ask.
#[derive(Debug, Default)]
pub(crate) struct Known {
    snapshot: Snapshot,
    pub access: Arc<Access>,
}

impl Known {
    /// The next snapshot after `before`.
    fn after(before: &Arc<Access>, snapshot: Snapshot, opener: &Opener) -> Self {
        Self {
            access: opener.access(&snapshot, before),
            snapshot,
        }
    }
}

impl Deref for Known {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

#[cfg(test)]
impl From<Snapshot> for Known {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            ..Self::default()
        }
    }
}

/// What is known now, and when the control plane was last heard.
#[derive(Debug)]
pub(crate) struct Current {
    known: ArcSwap<Known>,
    opener: ArcSwap<Opener>,
    /// Held by whoever makes the next of what is known out of what is known now.
    turn: Mutex<()>,
    /// The providers that are configured changed.
    reconfigured: Notify,
    heard_at_ms: AtomicU64,
    connected: AtomicBool,
}

impl Current {
    pub(crate) fn new(snapshot: Snapshot, opener: Opener, now_ms: u64) -> Self {
        let known = Known::after(&opener.configured_only(), snapshot, &opener);
        Self {
            known: ArcSwap::from_pointee(known),
            opener: ArcSwap::from_pointee(opener),
            turn: Mutex::default(),
            reconfigured: Notify::new(),
            heard_at_ms: AtomicU64::new(now_ms),
            connected: AtomicBool::new(false),
        }
    }

    /// For the whole of one request.
    pub(crate) fn snapshot(&self) -> Arc<Known> {
        self.known.load_full()
    }

    /// Everything that begins from now on is decided on this.
    pub(crate) fn replace(&self, snapshot: Snapshot, now_ms: u64) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Known::after(&self.known.load().access, snapshot, &self.opener.load());
        self.known.store(Arc::new(next));
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Everything that begins from now on may ask these providers. Credentials of the store are opened anew.
    pub(crate) fn configure(&self, configured: &[config::Provider], usable: Providers) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let opener = Arc::new(self.opener.load().with(configured, usable));
        let snapshot = self.known.load().snapshot.clone();
        let next = Known::after(&opener.configured_only(), snapshot, &opener);
        self.opener.store(opener);
        self.known.store(Arc::new(next));
        self.reconfigured.notify_one();
    }

    /// Waits until the providers that are configured change.
    pub(crate) async fn reconfigured(&self) {
        self.reconfigured.notified().await;
    }

    /// Why a credential cannot be used here, if it cannot.
    pub(crate) fn check(&self, sealed: &Sealed) -> Result<(), String> {
        self.opener.load().check(sealed)
    }

    /// Opens what is sealed for something else than a provider.
    pub(crate) fn open(&self, sealed: &Sealed) -> Result<Credential, CannotOpen> {
        self.opener.load().open_secret(sealed)
    }

    /// The names of the providers that are configured here.
    pub(crate) fn configured(&self) -> Vec<String> {
        let opener = self.opener.load();
        let names = opener.configured().names();
        names.map(str::to_owned).collect()
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

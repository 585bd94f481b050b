//! Tenants whose sums changed since their rankings were computed.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use floopy_shared::domain::ids::TenantId;
use tokio::sync::Notify;

/// The tenants waiting for a refresh.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    tenants: Mutex<BTreeSet<TenantId>>,
    /// Tenants changed what is set for them.
    settings: AtomicBool,
    urgent: Notify,
}

impl Dirty {
    /// Marks tenants; `urgent` asks for a refresh at once instead of at the next tick.
    pub(crate) fn mark(&self, tenants: impl IntoIterator<Item = TenantId>, urgent: bool) {
        self.lock().extend(tenants);
        if urgent {
            self.urgent.notify_one();
        }
    }

    /// Says that a tenant changed its settings: they are read again at once, and it is ranked anew.
    pub(crate) fn mark_settings(&self, tenant: TenantId) {
        self.settings.store(true, Ordering::Release);
        self.mark([tenant], true);
    }

    /// Whether settings changed since this was last asked.
    pub(crate) fn take_settings(&self) -> bool {
        self.settings.swap(false, Ordering::AcqRel)
    }

    /// Takes all that are marked.
    pub(crate) fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until a refresh is urgent.
    pub(crate) async fn urgent(&self) {
        self.urgent.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        // A set of ids is whole after any panic elsewhere.
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

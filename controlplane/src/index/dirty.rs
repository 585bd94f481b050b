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
    /// Tenants that changed their stored prompts.
    prompts: Mutex<BTreeSet<TenantId>>,
    /// Credentials changed, anybody's.
    credentials: AtomicBool,
    urgent: Notify,
}

impl Dirty {
    /// Marks tenants; `urgent` asks for a refresh at once instead of at the next tick.
    pub(crate) fn mark(&self, tenants: impl IntoIterator<Item = TenantId>, urgent: bool) {
        lock(&self.tenants).extend(tenants);
        if urgent {
            self.urgent.notify_one();
        }
    }

    /// Says that a tenant changed its settings: they are read again at once, and it is ranked anew.
    pub(crate) fn mark_settings(&self, tenant: TenantId) {
        self.settings.store(true, Ordering::Release);
        self.mark([tenant], true);
    }

    /// Says that the configuration changed: tenants are read again at once. Who is ranked anew, the terms in force tell.
    pub(crate) fn mark_terms(&self) {
        self.settings.store(true, Ordering::Release);
        self.urgent.notify_one();
    }

    /// Whether settings changed since this was last asked.
    pub(crate) fn take_settings(&self) -> bool {
        self.settings.swap(false, Ordering::AcqRel)
    }

    /// Says that a tenant changed its stored prompts: proxies are told at once, and nothing is ranked anew.
    pub(crate) fn mark_prompts(&self, tenant: TenantId) {
        lock(&self.prompts).insert(tenant);
        self.urgent.notify_one();
    }

    /// Says that credentials changed: proxies are told at once.
    pub(crate) fn mark_credentials(&self) {
        self.credentials.store(true, Ordering::Release);
        self.urgent.notify_one();
    }

    /// Whether credentials changed since this was last asked.
    pub(crate) fn take_credentials(&self) -> bool {
        self.credentials.swap(false, Ordering::AcqRel)
    }

    /// Gives tenants back whose prompts could not be read: they wait for the next tick.
    pub(crate) fn put_back_prompts(&self, tenants: impl IntoIterator<Item = TenantId>) {
        lock(&self.prompts).extend(tenants);
    }

    /// Takes all tenants that changed their prompts.
    pub(crate) fn take_prompts(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *lock(&self.prompts))
    }

    /// Takes all that are marked.
    pub(crate) fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *lock(&self.tenants))
    }

    /// Waits until a refresh is urgent.
    pub(crate) async fn urgent(&self) {
        self.urgent.notified().await;
    }
}

fn lock(tenants: &Mutex<BTreeSet<TenantId>>) -> MutexGuard<'_, BTreeSet<TenantId>> {
    // A set of ids is whole after any panic elsewhere.
    tenants.lock().unwrap_or_else(PoisonError::into_inner)
}

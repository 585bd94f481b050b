//! Who may export now: a tenant one at a time, and not again at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use floopy_shared::domain::ids::TenantId;

use super::{
    super::error::ApiError,
    key::{ExportKey, InvalidSeed},
};
use crate::config;

/// Exports that run at a time, of all tenants together: each keeps a reader and a processor busy.
const RUNNING: usize = 8;
/// How long after its deadline an export may still be read; whoever takes longer no longer bars the next one.
const GRACE_MS: u64 = 30_000;

/// The exports of a control plane.
#[derive(Debug)]
pub(crate) struct Exports {
    config: config::Export,
    key: ExportKey,
    tenants: Mutex<HashMap<TenantId, Turn>>,
    /// Exports so far.
    count: AtomicU64,
}

/// A tenant's last export.
#[derive(Debug, Clone, Copy)]
struct Turn {
    number: u64,
    /// Of the last one that did not go on with another; 0: there was none.
    begun_ms: u64,
    /// `None`: it ended.
    until_ms: Option<u64>,
}

/// An export that runs; dropped when it ended.
#[derive(Debug)]
pub(super) struct Slot {
    exports: Arc<Exports>,
    tenant: TenantId,
    number: u64,
}

impl Slot {
    /// Its first rows are there: the next one has to wait from now on.
    pub(super) fn begins(&self, now_ms: u64) {
        self.change(|turn| turn.begun_ms = now_ms);
    }

    /// Nothing changes where another export took the turn meanwhile.
    fn change(&self, change: impl FnOnce(&mut Turn)) {
        let mut tenants = self.exports.lock();
        let turn = tenants.get_mut(&self.tenant);
        if let Some(turn) = turn.filter(|turn| turn.number == self.number) {
            change(turn);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.change(|turn| turn.until_ms = None);
    }
}

impl Exports {
    /// Signs with the key of this seed.
    pub(crate) fn new(config: config::Export, seed: &[u8]) -> Result<Self, InvalidSeed> {
        Ok(Self {
            config,
            key: ExportKey::new(seed)?,
            tenants: Mutex::default(),
            count: AtomicU64::default(),
        })
    }

    pub(super) fn config(&self) -> &config::Export {
        &self.config
    }

    pub(super) fn key(&self) -> &ExportKey {
        &self.key
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Turn>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tenant's turn; `goes_on`: with an export that was cut off.
    pub(super) fn enter(
        self: &Arc<Self>,
        tenant: &TenantId,
        now_ms: u64,
        goes_on: bool,
    ) -> Result<Slot, ApiError> {
        let mut tenants = self.lock();
        // Whoever could begin anew need not be remembered.
        tenants.retain(|_, turn| {
            turn.runs(now_ms) || turn.wait_ms(now_ms, self.config.interval_ms) > 0
        });
        let last = tenants.get(tenant).copied();
        if last.is_some_and(|last| last.runs(now_ms)) {
            let message = "an export of this organization is running; one at a time is given";
            return Err(ApiError::rate_limited(message, 1));
        }
        if tenants.values().filter(|turn| turn.runs(now_ms)).count() >= RUNNING {
            let message = format!("{RUNNING} exports are running, as many as are given at a time");
            return Err(ApiError::rate_limited(message, 5));
        }
        let wait_ms = last.map_or(0, |last| last.wait_ms(now_ms, self.config.interval_ms));
        if wait_ms > 0 && !goes_on {
            let interval = self.config.interval_ms;
            let message = format!("an export can be begun every {interval} ms; wait {wait_ms} ms");
            return Err(ApiError::rate_limited(message, wait_ms.div_ceil(1_000)));
        }
        let turn = Turn {
            number: self.count.fetch_add(1, Ordering::Relaxed),
            begun_ms: last.map_or(0, |last| last.begun_ms),
            until_ms: Some(now_ms + self.config.deadline_ms + GRACE_MS),
        };
        tenants.insert(tenant.clone(), turn);
        Ok(Slot {
            exports: Arc::clone(self),
            tenant: tenant.clone(),
            number: turn.number,
        })
    }
}

impl Turn {
    fn runs(&self, now_ms: u64) -> bool {
        self.until_ms.is_some_and(|until| now_ms < until)
    }

    /// How long the next one that begins anew has to wait.
    fn wait_ms(&self, now_ms: u64, interval_ms: u64) -> u64 {
        (self.begun_ms + interval_ms).saturating_sub(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use axum::{http::header::RETRY_AFTER, response::IntoResponse};

    use super::*;
    use crate::fixture::{NOW, tenant};

    fn exports() -> Arc<Exports> {
        let config = config::Export {
            interval_ms: 60_000,
            ..config::Export::default()
        };
        Arc::new(Exports::new(config, &[1; 32]).expect("a key"))
    }

    /// Seconds to wait.
    fn refused(entered: Result<Slot, ApiError>) -> u64 {
        let response = entered.expect_err("refused").into_response();
        assert_eq!(response.status(), 429);
        let wait = response.headers()[RETRY_AFTER].to_str().map(str::parse);
        wait.expect("text").expect("whole seconds")
    }

    #[test]
    fn a_tenant_has_one_export_at_a_time_and_the_next_one_after_the_interval() {
        let (exports, tenant) = (exports(), tenant());
        // One that failed before its first row does not count.
        drop(exports.enter(&tenant, NOW - 1, false).expect("free"));
        let slot = exports.enter(&tenant, NOW, false).expect("free");
        slot.begins(NOW);
        assert_eq!(refused(exports.enter(&tenant, NOW + 1, false)), 1);
        assert_eq!(refused(exports.enter(&tenant, NOW + 1, true)), 1);
        drop(slot);
        assert_eq!(refused(exports.enter(&tenant, NOW + 100, false)), 60);
        drop(exports.enter(&tenant, NOW + 100, true).expect("goes on"));
        // What went on did not begin.
        assert_eq!(refused(exports.enter(&tenant, NOW + 59_500, false)), 1);
        exports.enter(&tenant, NOW + 60_000, false).expect("free");
    }

    #[test]
    fn an_export_that_nobody_reads_on_bars_the_next_one_for_a_while_only() {
        let (exports, tenant) = (exports(), tenant());
        let stuck = exports.enter(&tenant, NOW, false).expect("free");
        let later = NOW + exports.config.deadline_ms + GRACE_MS;
        assert_eq!(refused(exports.enter(&tenant, later - 1, false)), 1);
        let _next = exports.enter(&tenant, later, false).expect("free again");
        drop(stuck);
        assert_eq!(refused(exports.enter(&tenant, later + 1, true)), 1);
    }

    #[test]
    fn all_tenants_together_have_a_few_exports_at_a_time() {
        let exports = exports();
        let named = |n: usize| TenantId::new(&format!("t{n}")).expect("valid");
        let enter = |n| exports.enter(&named(n), NOW, false);
        let held: Vec<Slot> = (0..RUNNING).map(|n| enter(n).expect("free")).collect();
        assert_eq!(refused(enter(RUNNING)), 5);
        drop(held);
        enter(RUNNING).expect("free");
    }
}

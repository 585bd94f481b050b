//! What tenants know together: gathered, told with noise, and what new tenants start from.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::domain::{ids::TenantId, snapshot::Tenant};
use rand::Rng;

use super::{READ_AT_ONCE, Refresh};
use crate::{
    index::build,
    learn::{
        pool::{Domain, Given, Pool, Privacy, WINDOW_DAYS, release},
        rank::Platform,
        stats::TenantStats,
    },
    store::{
        StoreError,
        pool::{self, Release},
    },
};

/// How often it is looked whether a release is due, or asked for.
const LOOK: Duration = Duration::from_secs(1);
const DAY_MS: u64 = 86_400_000;
/// What sums of a budget's shares may be above it.
const ROUNDING: f64 = 1e-9;

/// The last release, as far as it decides about the next one.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<(u64, u64)>,
    looked: Option<Instant>,
}

impl Refresh {
    /// Takes over what was told before, as far as that is to count.
    pub(super) async fn load_pool(&mut self) -> Result<(), StoreError> {
        self.platform.pool = Pool::default();
        if self.terms.privacy.is_none() {
            return Ok(());
        }
        if let Some(last) = pool::last(&self.parts.store).await? {
            self.take_pool(&last);
        }
        Ok(())
    }

    fn take_pool(&mut self, told: &Release) {
        let benchmarks = build::benchmarks(&self.terms.models.catalog);
        self.platform.pool = Pool::of(&told.released, &benchmarks);
        self.told_pool.last = Some((told.number, told.at_ms));
    }

    /// What a tenant's rankings follow from beside its own. One that left the pool takes nothing.
    pub(super) fn platform_of(&self, tenant: &Tenant, stats: &TenantStats) -> Cow<'_, Platform> {
        if tenant.is_pooled {
            return Cow::Borrowed(&self.platform);
        }
        Cow::Owned(Platform {
            agreement: stats.agreement,
            pool: Pool::default(),
        })
    }

    /// Tells what tenants know together, where that is due or asked for.
    pub(super) async fn pool(&mut self) -> Result<(), StoreError> {
        let Some(privacy) = self.terms.privacy else {
            return Ok(());
        };
        if self.told_pool.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        self.told_pool.looked = Some(Instant::now());
        let now_ms = self.parts.clock.now_ms();
        let every_ms = u64::from(privacy.every_days) * DAY_MS;
        let last = self.told_pool.last;
        let is_due = last.is_none_or(|(_, at_ms)| now_ms.saturating_sub(at_ms) >= every_ms);
        if !is_due && !pool::is_wanted(&self.parts.store).await? {
            return Ok(());
        }
        let members: Vec<Arc<Tenant>> = self.tenants.values().cloned().collect();
        for tenants in members.chunks(READ_AT_ONCE) {
            self.read(tenants).await?;
        }
        self.tell_pool(privacy, now_ms).await
    }

    async fn tell_pool(&mut self, privacy: Privacy, now_ms: u64) -> Result<(), StoreError> {
        let domain = Domain::of_classes(build::benchmarks(&self.terms.models.catalog));
        let since_ms = now_ms.saturating_sub(u64::from(WINDOW_DAYS) * DAY_MS);
        let rho = privacy.rho();
        let mut tx = self.parts.store.write().await?;
        let spent = pool::spent(&mut tx, since_ms).await?;
        let affords = |id: &TenantId| {
            let spent = spent.get(id).copied().unwrap_or_default();
            spent + rho <= privacy.rho_of_window() + ROUNDING
        };
        let given: BTreeMap<TenantId, Given> = self
            .tenants
            .values()
            .filter(|tenant| tenant.is_pooled && affords(&tenant.id))
            .filter_map(|tenant| Some((tenant.id.clone(), self.given(tenant, &domain)?)))
            .collect();
        let parts: Vec<Given> = given.values().cloned().collect();
        // Seeded by the operating system, and nothing that could be foreseen from what it gave (ChaCha).
        let mut chance = |below: u128| rand::rng().random_range(0..below);
        let number = self.told_pool.last.map_or(1, |(number, _)| number + 1);
        let told = Release {
            number,
            at_ms: now_ms,
            rho,
            released: release(&parts, &domain, privacy.sigma(), &mut chance),
        };
        pool::put(&mut tx, &told, &given).await?;
        pool::forget(&mut tx, since_ms).await?;
        tx.commit().await?;
        self.take_pool(&told);
        let kinds = self.platform.pool.cells.len();
        tracing::info!(
            number,
            tenants = given.len(),
            kinds,
            "told what tenants know together"
        );
        let pooled = self.tenants.values().filter(|tenant| tenant.is_pooled);
        let pooled = pooled.map(|tenant| tenant.id.clone());
        self.parts.dirty.mark(pooled, false);
        Ok(())
    }

    /// What a tenant gives; `None` where what it knows could not be read.
    fn given(&self, tenant: &Tenant, domain: &Domain) -> Option<Given> {
        let stats = self.parts.totals.stats(&tenant.id)?;
        let everybodys = self.credentials.everybodys(&self.providers);
        let candidates = build::candidates(&self.terms.models.catalog, &everybodys);
        let own = self.own_candidates(tenant, &everybodys);
        let candidates = own.as_deref().unwrap_or(&candidates);
        // From the benchmarks, not from what the pool told before: nobody tells what it was told.
        let platform = Platform {
            agreement: self.platform.agreement,
            pool: Pool::default(),
        };
        let contribution = build::contribution(
            (tenant, candidates),
            &stats,
            (&platform, &self.terms.policy),
        );
        Some(Given::of(&contribution, domain))
    }
}

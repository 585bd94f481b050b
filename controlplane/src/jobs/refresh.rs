//! The one writer of the index: gathers what the store knows, ranks, publishes.
//!
//! A rating wakes it at once, other evidence waits for the next tick. A failure of the store is logged and
//! retried: the proxies go on with what they have.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::{
    domain::{catalog::Catalog, ids::TenantId, ranking::Rankings, snapshot::Tenant},
    process::clock::Clock,
};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    index::{
        Announcement, Index,
        build::{self, Policy},
        dirty::Dirty,
        tables::{BLOCK, Changes, Counter},
    },
    learn::{rank::Incumbents, stats::TenantStats},
    metrics::Metrics,
    store::{Store, StoreError, buckets, meta, tenants},
};

/// How often tenants and keys that another process made are looked for.
const POLL: Duration = Duration::from_secs(1);

/// Versions above this can only be garbage: counting there one by one takes for ever.
const ABSURD_VERSION: u64 = 1 << 62;

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) index: Arc<Index>,
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) policy: Policy,
    pub(crate) tick: Duration,
}

/// The job's own memory of what it published.
#[derive(Debug)]
pub(crate) struct Refresh {
    parts: Parts,
    announcements: mpsc::Receiver<Announcement>,
    counter: Counter,
    providers: BTreeSet<String>,
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    rankings: BTreeMap<TenantId, Arc<Rankings>>,
    incumbents: BTreeMap<TenantId, Incumbents>,
    polled: Option<Instant>,
    /// Tenants whose incumbents changed since they were written down.
    moved: BTreeSet<TenantId>,
    /// Something may differ from what is published.
    pending: bool,
}

impl Refresh {
    /// Goes on above every version that may have been used. In a new store that is the time in milliseconds,
    /// so that versions grow even if the old store was lost.
    pub(crate) async fn load(
        parts: Parts,
        announcements: mpsc::Receiver<Announcement>,
    ) -> Result<Self, StoreError> {
        let reserved = meta::reserved_versions(&parts.store).await?;
        let counter = Counter::above(reserved.unwrap_or_else(|| parts.clock.now_ms()));
        let providers = meta::providers(&parts.store).await?;
        Ok(Self {
            parts,
            announcements,
            counter,
            providers,
            tenants: BTreeMap::new(),
            rankings: BTreeMap::new(),
            incumbents: BTreeMap::new(),
            polled: None,
            moved: BTreeSet::new(),
            pending: true,
        })
    }

    /// Runs until stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut tick = tokio::time::interval(self.parts.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let dirty = Arc::clone(&self.parts.dirty);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(announcement) = self.announcements.recv() => {
                    self.attempt_announcement(announcement).await;
                }
                () = dirty.urgent() => {}
                _ = tick.tick() => {}
            }
            self.attempt().await;
        }
    }

    async fn attempt(&mut self) {
        let dirty = self.parts.dirty.take();
        self.parts.metrics.dirty(dirty.len());
        if let Err(error) = self.refresh(&dirty).await {
            self.failed(&error);
            self.parts.dirty.mark(dirty, false);
        }
    }

    async fn attempt_announcement(&mut self, announcement: Announcement) {
        if let Err(error) = self.announced(&announcement).await {
            self.failed(&error);
        }
    }

    fn failed(&self, error: &StoreError) {
        self.parts.metrics.refresh_failed();
        tracing::error!(%error, "rankings could not be refreshed; trying again");
    }

    /// Recomputes the rankings of the given tenants and of new ones, and publishes what changed.
    pub(crate) async fn refresh(&mut self, dirty: &BTreeSet<TenantId>) -> Result<(), StoreError> {
        let started = Instant::now();
        self.poll_tenants().await?;
        for tenant in self.tenants.values().cloned().collect::<Vec<_>>() {
            if !dirty.contains(&tenant.id) && self.rankings.contains_key(&tenant.id) {
                continue;
            }
            match self.rank(&tenant).await {
                Ok(()) => self.pending = true,
                // One tenant's trouble is not the others'; it keeps what it has until the next tick.
                Err(error) => {
                    self.failed(&error);
                    self.parts.dirty.mark([tenant.id.clone()], false);
                }
            }
        }
        if !self.pending {
            return Ok(());
        }
        let tables = build::tables(
            &self.parts.catalog,
            self.tenants.values(),
            self.rankings.values(),
        );
        let changes = self.parts.index.current().changes_to(tables);
        self.publish(changes).await?;
        self.pending = false;
        self.parts.metrics.refreshed(started.elapsed());
        Ok(())
    }

    /// Looks for tenants and keys once a second.
    async fn poll_tenants(&mut self) -> Result<(), StoreError> {
        if self.polled.is_some_and(|polled| polled.elapsed() < POLL) {
            return Ok(());
        }
        let found = tenants::all(&self.parts.store).await?;
        self.polled = Some(Instant::now());
        let same = found.len() == self.tenants.len()
            && found.iter().all(|tenant| {
                self.tenants
                    .get(&tenant.id)
                    .is_some_and(|held| **held == *tenant)
            });
        if same {
            return Ok(());
        }
        self.pending = true;
        self.tenants = found
            .into_iter()
            .map(|tenant| (tenant.id.clone(), Arc::new(tenant)))
            .collect();
        self.rankings.retain(|id, _| self.tenants.contains_key(id));
        Ok(())
    }

    async fn rank(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let store = &self.parts.store;
        if !self.incumbents.contains_key(&tenant.id) {
            self.incumbents.insert(
                tenant.id.clone(),
                meta::incumbents(store, &tenant.id).await?,
            );
        }
        let Some(held) = self.incumbents.get_mut(&tenant.id) else {
            return Ok(());
        };
        let stats = TenantStats::collect(buckets::totals(store, &tenant.id).await?);
        let candidates = build::candidates(&self.parts.catalog, &self.providers);
        let ranked = build::rankings(tenant, &candidates, &stats, held, &self.parts.policy);
        let Some((rankings, incumbents)) = ranked else {
            return Ok(());
        };
        self.rankings.insert(tenant.id.clone(), Arc::new(rankings));
        if *held != incumbents {
            *held = incumbents;
            self.moved.insert(tenant.id.clone());
        }
        Ok(())
    }

    /// Reserves a version if need be, writes down new incumbents, then publishes.
    async fn publish(&mut self, changes: Changes) -> Result<(), StoreError> {
        if changes.is_empty() && self.moved.is_empty() {
            return Ok(());
        }
        let version = self.counter.next();
        if version.is_none() || !self.moved.is_empty() {
            let mut tx = self.parts.store.write().await?;
            if version.is_none() {
                let reserved = meta::reserve_versions(&mut tx, self.counter.last(), BLOCK).await?;
                self.counter.extend(reserved);
            }
            for tenant in &self.moved {
                let incumbents = self.incumbents.get(tenant).cloned().unwrap_or_default();
                meta::put_incumbents(&mut tx, tenant, &incumbents).await?;
            }
            tx.commit().await?;
            self.moved.clear();
        }
        if let Some(version) = version.or_else(|| self.counter.next()) {
            self.parts.index.publish(changes, version);
        }
        let tables = self.parts.index.current();
        self.parts
            .metrics
            .published(tables.version(), tables.iter().count());
        Ok(())
    }

    /// A proxy connected: its providers may widen the field, and what it holds must not be newer than ours.
    async fn announced(&mut self, proxy: &Announcement) -> Result<(), StoreError> {
        let mut tx = self.parts.store.write().await?;
        meta::put_proxy(
            &mut tx,
            &proxy.node,
            &proxy.providers,
            self.parts.clock.now_ms(),
        )
        .await?;
        tx.commit().await?;
        let providers = meta::providers(&self.parts.store).await?;
        if providers != self.providers {
            self.providers = providers;
            self.parts.dirty.mark(self.tenants.keys().cloned(), false);
        }
        let plausible = |(_, version): &&(String, u64)| *version < ABSURD_VERSION;
        let newest = proxy
            .known
            .iter()
            .filter(plausible)
            .map(|(_, version)| *version)
            .max()
            .unwrap_or(0);
        let changes = self.parts.index.current().restamp(&proxy.known);
        if newest > self.counter.last() {
            tracing::warn!(
                node = proxy.node,
                newest,
                "a proxy holds newer tables than were published here"
            );
            self.counter.skip_to(newest);
        }
        self.publish(changes).await
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::snapshot::TableName;

    use super::*;
    use crate::{fixture::intake, learn::policy::Goal};

    async fn refresh(tenant_ids: &[&str]) -> Refresh {
        let intake = intake().await;
        let mut tx = intake.store.write().await.expect("writes");
        for id in tenant_ids {
            let id = TenantId::new(id).expect("valid");
            tenants::ensure(&mut tx, &id, 1).await.expect("made");
        }
        tx.commit().await.expect("commits");
        let parts = Parts {
            store: intake.store.clone(),
            index: Arc::default(),
            dirty: Arc::clone(&intake.dirty),
            metrics: Arc::clone(&intake.metrics),
            clock: intake.clock.clone(),
            catalog: Arc::new(Catalog::builtin()),
            policy: Policy {
                goal: Goal::Quality,
                shadow_rate: 0.1,
                canary_rate: 0.05,
                quality_per_usd: 1.0,
            },
            tick: Duration::from_millis(10),
        };
        let (_, announcements) = mpsc::channel(1);
        Refresh::load(parts, announcements).await.expect("loads")
    }

    #[tokio::test]
    async fn one_tenants_broken_sums_leave_the_others_ranked_and_are_tried_again() {
        let mut job = refresh(&["a", "broken", "z"]).await;
        let mut tx = job.parts.store.write().await.expect("writes");
        sqlx::query("INSERT INTO buckets VALUES ('broken', 'all', 'p/m', 99, 1, 1, 1, 1)")
            .execute(&mut *tx)
            .await
            .expect("written");
        tx.commit().await.expect("commits");
        job.attempt().await;
        let tables = job.parts.index.current();
        let ranked = |id: &str| {
            let id = TenantId::new(id).expect("valid");
            tables.get(&TableName::Ranking(id)).is_some()
        };
        assert_eq!(["a", "broken", "z"].map(ranked), [true, false, true]);
        let broken = TenantId::new("broken").expect("valid");
        assert_eq!(job.parts.dirty.take(), BTreeSet::from([broken]));
    }
}

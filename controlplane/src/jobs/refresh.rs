//! The one writer of the index: gathers what the store knows, ranks, publishes.
//!
//! A rating wakes it at once, other evidence waits for the next tick; under load it rests between refreshes.
//! Rankings that route as before are held back for a while. A failure of the store is logged and retried: the
//! proxies go on with what they have.

mod budgets;
mod credentials;
mod judge;
mod pool;
mod promotions;
mod prompts;
mod publish;
mod ranking;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_shared::{
    domain::{
        ids::{CandidateKey, TenantId},
        prompt::Prompts,
        ranking::Rankings,
        snapshot::Tenant,
    },
    process::clock::Clock,
};
use tokio::{
    sync::{mpsc, watch::Receiver},
    time,
};
use tokio_util::sync::CancellationToken;

use self::{credentials::Credentials, promotions::Promoted, watch::Heard};
use crate::{
    evaluations::Evaluations,
    in_force::Terms,
    index::{
        Announcement, Index, build, dirty::Dirty, gone::Gone, material, tables::Counter,
        totals::Totals,
    },
    learn::{
        credit::day_of,
        monitor::Drift,
        rank::{Incumbents, Platform},
        recent::Recent,
    },
    metrics::Metrics,
    settings,
    store::{
        Store, StoreError, alarms, buckets, disagreements, drift, meta,
        promotions as promotions_store, usage::Told,
    },
};

/// How often tenants and keys that another process made are looked for.
const POLL: Duration = Duration::from_secs(1);

/// Tenants whose sums are read at a time: the intake waits meanwhile.
const READ_AT_ONCE: usize = 64;

/// Rest after a refresh as a multiple of what it took: ranking takes a quarter of one core at most.
const REST: u32 = 3;
/// Longest rest: a rating moves routing within two seconds.
const LONGEST_REST: Duration = Duration::from_millis(750);

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) index: Arc<Index>,
    pub(crate) dirty: Arc<Dirty>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) gone: Arc<Gone>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    /// What the configuration says now.
    pub(crate) terms: Receiver<Arc<Terms>>,
    pub(crate) evaluations: Arc<Evaluations>,
    pub(crate) tick: Duration,
}

/// The job's own memory of what it published.
#[derive(Debug)]
pub(crate) struct Refresh {
    parts: Parts,
    /// What the configuration said when this was last looked at.
    terms: Arc<Terms>,
    announcements: mpsc::Receiver<Announcement>,
    counter: Counter,
    providers: BTreeSet<String>,
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    rankings: BTreeMap<TenantId, Arc<Rankings>>,
    /// Stored prompts of tenants that have any; `None`: not read yet.
    prompts: Option<BTreeMap<TenantId, Arc<Prompts>>>,
    credentials: Credentials,
    /// Rankings held back since then because they route as the published ones do.
    held_back: BTreeMap<TenantId, (Arc<Rankings>, Instant)>,
    incumbents: BTreeMap<TenantId, Incumbents>,
    /// What all tenants together know.
    platform: Platform,
    told_pool: pool::Told,
    drift: Drift,
    promoted: Promoted,
    heard: Heard,
    /// Alarms that the store does not have yet.
    unsettled: BTreeSet<(TenantId, CandidateKey)>,
    /// The day that shadow budgets are counted for.
    today: i64,
    polled: Option<Instant>,
    /// Of whose month it was told that it is used up.
    told: BTreeSet<(TenantId, i64, Told)>,
    /// Tenants whose incumbents changed since they were written down.
    moved: BTreeSet<TenantId>,
    /// Tenants that were told that the judge disagrees with their people.
    disagreeing: BTreeSet<TenantId>,
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
        let providers = meta::providers(parts.store.read()).await?;
        let drift = Drift::new(
            alarms::all(&parts.store).await?,
            drift::load(&parts.store).await?,
        );
        let standing = promotions_store::standing(&parts.store, parts.clock.now_ms()).await?;
        let promoted = Promoted::new(standing);
        let disagreeing = disagreements::all(&parts.store).await?;
        let terms = Arc::clone(&parts.terms.borrow());
        let mut refresh = Self {
            parts,
            terms,
            announcements,
            counter,
            providers,
            tenants: BTreeMap::new(),
            rankings: BTreeMap::new(),
            prompts: None,
            credentials: Credentials::default(),
            held_back: BTreeMap::new(),
            incumbents: BTreeMap::new(),
            platform: Platform::default(),
            told_pool: pool::Told::default(),
            drift,
            promoted,
            heard: Heard::default(),
            unsettled: BTreeSet::new(),
            today: 0,
            polled: None,
            told: BTreeSet::new(),
            moved: BTreeSet::new(),
            disagreeing,
            pending: true,
        };
        refresh.load_pool().await?;
        Ok(refresh)
    }

    /// Runs until stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut tick = time::interval(self.parts.tick);
        tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let dirty = Arc::clone(&self.parts.dirty);
        let mut rested = time::Instant::now();
        loop {
            let urgent = async {
                time::sleep_until(rested).await;
                dirty.urgent().await;
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(announcement) = self.announcements.recv() => {
                    self.attempt_announcement(announcement).await;
                }
                () = urgent => {}
                _ = tick.tick() => {}
            }
            let started = time::Instant::now();
            self.attempt().await;
            let rest = started.elapsed().saturating_mul(REST).min(LONGEST_REST);
            rested = time::Instant::now() + rest;
            tick.reset_after(rest.max(self.parts.tick));
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
        let is_reloaded = self.follow_terms();
        if is_reloaded {
            self.load_pool().await?;
        }
        self.poll_tenants(is_reloaded).await?;
        self.tell_budgets().await;
        self.read_prompts().await?;
        let widened = self.read_credentials().await?;
        let changed = self.watch().await?;
        if let Err(error) = self.pool().await {
            self.failed(&error);
        }
        let today = day_of(self.parts.clock.now_ms());
        let is_new_day = std::mem::replace(&mut self.today, today) != today;
        let by_day = |tenant: &Tenant| {
            tenant.shadow_budget_micro_usd_per_day.is_some() || build::is_guarded(tenant)
        };
        let due = |tenant: &&Arc<Tenant>| {
            is_reloaded
                || dirty.contains(&tenant.id)
                || changed.contains(&tenant.id)
                || widened.contains(&tenant.id)
                || !self.rankings.contains_key(&tenant.id)
                || (is_new_day && by_day(tenant))
        };
        let due: Vec<Arc<Tenant>> = self.tenants.values().filter(due).cloned().collect();
        self.platform.agreement = self.parts.totals.agreement();
        self.rank_all(&due).await?;
        self.look_at_judge(due.iter().map(|tenant| &tenant.id))
            .await;
        self.release();
        if let Err(error) = self.settle_drift().await {
            self.failed(&error);
        }
        if !self.pending {
            return Ok(());
        }
        let tables = build::tables(
            &self.terms.models.catalog,
            self.tenants.values(),
            self.rankings.values(),
            self.known_prompts(),
            self.known_credentials(),
        );
        let changes = self.parts.index.current().changes_to(tables);
        self.publish(changes).await?;
        self.pending = false;
        self.parts.metrics.refreshed(started.elapsed());
        Ok(())
    }

    /// Goes by what the configuration says now; whether that is anything else than before.
    fn follow_terms(&mut self) -> bool {
        let terms = Arc::clone(&self.parts.terms.borrow_and_update());
        let is_reloaded = !Arc::ptr_eq(&terms, &self.terms);
        self.terms = terms;
        self.pending |= is_reloaded;
        is_reloaded
    }

    async fn rank_all(&mut self, due: &[Arc<Tenant>]) -> Result<(), StoreError> {
        let everybodys = self.credentials.everybodys(&self.providers);
        let candidates = build::candidates(&self.terms.models.catalog, &everybodys);
        for tenants in due.chunks(READ_AT_ONCE) {
            self.read(tenants).await?;
            for tenant in tenants {
                let own = self.own_candidates(tenant, &everybodys);
                let candidates = own.as_deref().unwrap_or(&candidates);
                if let Err(error) = self.rank(tenant, candidates).await {
                    self.failed(&error);
                    self.parts.dirty.mark([tenant.id.clone()], false);
                }
            }
        }
        Ok(())
    }

    /// Reads the sums of those tenants that were not read yet. One tenant's trouble is not the others': it
    /// keeps the rankings it has until the next tick.
    async fn read(&self, tenants: &[Arc<Tenant>]) -> Result<(), StoreError> {
        let asked = tenants.iter().map(|t| (&t.id, build::is_guarded(t)));
        let missing = self.parts.totals.missing(asked);
        if missing.is_empty() {
            return Ok(());
        }
        // A write, so that nothing is committed between the reading and its being noted.
        let mut tx = self.parts.store.write().await?;
        let number = self.parts.store.write_number();
        let first_day = Recent::first_day(self.today);
        let guarded = |id: &TenantId| tenants.iter().any(|t| t.id == *id && build::is_guarded(t));
        let since = |id: &TenantId| guarded(id).then_some(first_day);
        for (tenant, cells) in buckets::totals(&mut tx, &missing, since).await? {
            match cells {
                Ok(cells) => {
                    let since = since(&tenant);
                    self.parts.totals.put(tenant, cells, (number, since));
                }
                Err(error) => {
                    self.failed(&error);
                    self.parts.dirty.mark([tenant], false);
                }
            }
        }
        Ok(tx.rollback().await?)
    }

    /// Publishes what was held back long enough.
    fn release(&mut self) {
        let now = Instant::now();
        let ready = |(_, since): &(Arc<Rankings>, Instant)| now - *since >= material::LONGEST;
        let tenants = self.held_back.iter().filter(|(_, held)| ready(held));
        for tenant in tenants
            .map(|(tenant, _)| tenant.clone())
            .collect::<Vec<_>>()
        {
            if let Some((rankings, _)) = self.held_back.remove(&tenant) {
                self.rankings.insert(tenant, rankings);
                self.pending = true;
            }
        }
    }

    /// Looks for tenants and keys once a second.
    async fn poll_tenants(&mut self, is_reloaded: bool) -> Result<(), StoreError> {
        let is_told = self.parts.dirty.take_settings() || is_reloaded;
        let is_due = self.polled.is_none_or(|polled| polled.elapsed() >= POLL);
        if !is_told && !is_due {
            return Ok(());
        }
        let now_ms = self.parts.clock.now_ms();
        let mut found = settings::tenants(&self.parts.store, &self.terms.plans, now_ms).await?;
        for tenant in &mut found {
            if let Some(own) = self.terms.models.own.get(&tenant.id) {
                tenant.models = Arc::clone(own);
            }
        }
        self.parts.evaluations.add_keys(&mut found);
        self.polled = Some(Instant::now());
        self.read_wanted().await?;
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
        self.held_back.retain(|id, _| self.tenants.contains_key(id));
        self.parts.totals.retain(|id| self.tenants.contains_key(id));
        let apart = self.tenants.values().filter(|tenant| !tenant.is_pooled);
        let apart = apart.map(|tenant| tenant.id.clone()).collect();
        self.parts.totals.keep_apart(apart);
        self.drift.retain(|id| self.tenants.contains_key(id));
        let tenants = &self.tenants;
        self.promoted
            .promotions
            .retain(|id| tenants.contains_key(id));
        Ok(())
    }
}

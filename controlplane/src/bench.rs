//! A door for the benchmark of the refresh: its steps one by one, over a store filled for the purpose.

use std::{path::Path, sync::Arc};

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    ids::{CandidateKey, TenantId},
    ranking::Rankings,
    snapshot::Tenant,
};

use crate::{
    index::{
        build::{self, Policy},
        material,
        tables::Tables,
        totals::Totals,
    },
    learn::{
        alarm::Alarms,
        credit::{Cell, Credit, Source},
        policy::Goal,
        promotion::{Mode, UNSTAGED},
        rank::{Candidate, Incumbents, Platform},
        stats::TenantStats,
        sums::{ONE, Sums},
    },
    store::{Location, Store, StoreError, buckets},
};

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub tenants: usize,
    pub shapes: usize,
    pub candidates: usize,
    pub days: i64,
}

/// A filled store, and what a refresh makes of it.
#[derive(Debug)]
pub struct Bench {
    store: Store,
    totals: Totals,
    tenants: Vec<Arc<Tenant>>,
    catalog: Arc<Catalog>,
    candidates: Vec<Candidate>,
}

/// Scored replies of one candidate in one shape on one day.
const SCORED: i64 = 4;

fn failed(error: StoreError) -> crate::Error {
    error.into()
}

impl Bench {
    /// Fills a store in `dir`.
    pub async fn fill(dir: &Path, size: Size) -> Result<Self, crate::Error> {
        let store = Store::open(&Location::Directory(dir.to_owned())).await?;
        let mut tenants = Vec::new();
        for n in 0..size.tenants {
            let Ok(id) = TenantId::new(&format!("tenant-{n:04}")) else {
                continue;
            };
            let credit = (0..size.days).flat_map(|day| cells(size, n, day)).collect();
            let mut tx = store.write().await?;
            let mut deltas = [(id.clone(), credit)].into_iter().collect();
            buckets::apply(&mut tx, &mut deltas).await?;
            tx.commit().await.map_err(|e| failed(e.into()))?;
            tenants.push(Arc::new(Tenant::new(id)));
        }
        let keys = (0..size.candidates).filter_map(|n| CandidateKey::parse(&candidate(n)).ok());
        let models = keys.map(|key| CatalogModel::unlisted(key, ModelKind::Chat));
        let catalog = Catalog::new(models.collect()).map_err(|e| crate::Error::Config {
            key: "candidates".to_owned(),
            message: e.to_string(),
        })?;
        let catalog = Arc::new(catalog);
        let candidates = build::candidates(&catalog, &Default::default());
        Ok(Self {
            store,
            totals: Totals::default(),
            tenants,
            catalog,
            candidates,
        })
    }

    /// Reads every tenant's sums, as at a start.
    pub async fn read(&self) -> Result<(), crate::Error> {
        for tenants in self.tenants.chunks(64) {
            let ids: Vec<TenantId> = tenants.iter().map(|tenant| tenant.id.clone()).collect();
            let mut tx = self.store.write().await?;
            let number = self.store.write_number();
            for (tenant, cells) in buckets::totals(&mut tx, &ids, |_| None).await? {
                self.totals.put(tenant, cells?, (number, None));
            }
        }
        Ok(())
    }

    /// Every tenant's sums as the formulas read them.
    pub fn stats(&self) -> Vec<Arc<TenantStats>> {
        let stats = |tenant: &Arc<Tenant>| self.totals.stats(&tenant.id);
        self.tenants.iter().filter_map(stats).collect()
    }

    /// Every tenant's rankings.
    pub fn rank(&self, stats: &[Arc<TenantStats>]) -> Vec<Arc<Rankings>> {
        let policy = Policy {
            goal: Goal::Quality,
            shadow_rate: 0.1,
            shadow_spend: 0.1,
            canary_rate: 0.05,
            live_exploration: 0.0,
            quality_per_usd: 1.0,
            promotions: Mode::Immediate,
        };
        let (platform, none) = (Platform::default(), Alarms::new());
        let held = Incumbents::new();
        let rank = |(tenant, stats): (&Arc<Tenant>, &Arc<TenantStats>)| {
            let asked = (&**tenant, self.candidates.as_slice());
            build::rankings(
                asked,
                (stats, None),
                (&platform, &held, &none, &UNSTAGED),
                (&policy, 0),
            )
            .map(|ranked| Arc::new(ranked.rankings))
        };
        self.tenants.iter().zip(stats).filter_map(rank).collect()
    }

    /// How many rankings differ materially from others of the same tenants.
    pub fn material(&self, held: &[Arc<Rankings>], new: &[Arc<Rankings>]) -> usize {
        let pairs = held.iter().zip(new);
        pairs
            .filter(|(held, new)| material::differs(held, new))
            .count()
    }

    /// The tables that would be published.
    pub fn publish(&self, rankings: &[Arc<Rankings>]) -> usize {
        let wanted = build::tables(
            &self.catalog,
            self.tenants.iter(),
            rankings.iter(),
            std::iter::empty(),
            std::iter::empty(),
        );
        let tables = Tables::default();
        tables.with(tables.changes_to(wanted), 1).iter().count()
    }
}

fn candidate(n: usize) -> String {
    format!("provider-{}/model-{n}", n % 5)
}

/// A shape of a tenant: the root, then classes, then sites below them.
fn shape(n: usize) -> String {
    match n {
        0 => "all".to_owned(),
        1..=3 => format!("class:c{n}"),
        _ => format!("site:{n:016x}"),
    }
}

fn cells(size: Size, tenant: usize, day: i64) -> Credit {
    let pairs = (0..size.shapes).flat_map(|s| (0..size.candidates).map(move |c| (s, c)));
    let cell = |(s, c): (usize, usize)| {
        // Any spread of qualities will do, as long as it is the same each time.
        let quality = i64::try_from((tenant * 31 + s * 17 + c * 7) % 60).unwrap_or(0) + 40;
        let one = Sums::of(ONE, quality * ONE / 100);
        let sums = (0..SCORED).fold(Sums::default(), |sums, _| sums + one);
        let cell = Cell {
            shape: shape(s),
            arm: candidate(c),
            source: Source::Auto,
            day,
        };
        (cell, sums)
    };
    pairs.map(cell).collect()
}

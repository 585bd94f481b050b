//! Every tenant's sums over all days, kept in memory beside the store: what a refresh reads.
//!
//! A tenant is read from the store once. From then on what each transaction adds is added here too, while it is
//! committed; where that fails, its tenants are forgotten and read anew. Transactions are numbered in the order in which they had the one writer: what was read under
//! number `n` has all of those up to `n`, so that only later ones are added to it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use crate::{
    learn::{agreement::Agreement, credit::Credit, recent::Recent, stats::TenantStats},
    store::deltas::Deltas,
};

/// Tenants that must stand behind what is told of all of them.
const LEAST_TENANTS: usize = 5;

/// The tenants read so far.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    tenants: Mutex<HashMap<TenantId, Held>>,
    /// Tenants whose sums say nothing to others.
    apart: Mutex<BTreeSet<TenantId>>,
}

/// What was observed of a model, over tenants.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Observed {
    pub(crate) tenants: u64,
    /// Sessions with a rating, each by the share of it that the model served.
    pub(crate) sessions: f64,
    pub(crate) manual: f64,
    pub(crate) judged: f64,
    pub(crate) failed: f64,
}

#[derive(Debug)]
struct Held {
    /// The transaction under which it was read.
    read_at: u64,
    /// Shared with whoever ranks at the moment.
    stats: Arc<TenantStats>,
    /// The last days, of tenants whose gates can close.
    recent: Option<Arc<Recent>>,
}

impl Totals {
    /// Those of the tenants that must be read first; `true` beside one asks for its last days, too.
    pub(crate) fn missing<'a>(
        &self,
        tenants: impl IntoIterator<Item = (&'a TenantId, bool)>,
    ) -> Vec<TenantId> {
        let held = self.lock();
        let is_missing = |(id, by_day): &(&TenantId, bool)| {
            let held = held.get(*id);
            held.is_none_or(|held| *by_day && held.recent.is_none())
        };
        let missing = tenants.into_iter().filter(is_missing);
        missing.map(|(id, _)| id.clone()).collect()
    }

    /// Takes what was read of a tenant under transaction `read_at`, which must not have ended yet. The days from
    /// `since` on are kept one by one, too, where they were read so.
    pub(crate) fn put(
        &self,
        tenant: TenantId,
        cells: Credit,
        (read_at, since): (u64, Option<i64>),
    ) {
        let by_day = |since| Recent::collect(cells.iter().map(|(cell, sums)| (cell, *sums)), since);
        let held = Held {
            read_at,
            recent: since.map(by_day).map(Arc::new),
            stats: Arc::new(TenantStats::collect(cells)),
        };
        self.lock().insert(tenant, held);
    }

    /// Adds what transaction `number` adds; unless it is committed, its tenants must be forgotten.
    pub(crate) fn add(&self, deltas: &Deltas, number: u64) {
        let mut tenants = self.lock();
        deltas.each(|tenant, cell, sums| {
            let held = tenants.get_mut(tenant);
            if let Some(held) = held.filter(|held| held.read_at < number) {
                Arc::make_mut(&mut held.stats).add(cell, sums);
                if let Some(recent) = &mut held.recent {
                    Arc::make_mut(recent).add(cell, sums);
                }
            }
        });
    }

    /// Forgets tenants of whom it is not known whether a transaction was committed; they are read anew.
    pub(crate) fn forget<'a>(&self, tenants: impl IntoIterator<Item = &'a TenantId>) {
        let mut held = self.lock();
        for tenant in tenants {
            held.remove(tenant);
        }
    }

    /// Keeps only the tenants that are wanted.
    pub(crate) fn retain(&self, wanted: impl Fn(&TenantId) -> bool) {
        self.lock().retain(|tenant, _| wanted(tenant));
    }

    /// A tenant's sums as the formulas read them; `None` where it must be read first.
    pub(crate) fn stats(&self, tenant: &TenantId) -> Option<Arc<TenantStats>> {
        let held = self.lock();
        held.get(tenant).map(|held| Arc::clone(&held.stats))
    }

    /// A tenant's last days up to today; `None` where they are not kept.
    pub(crate) fn recent(&self, tenant: &TenantId, today: i64) -> Option<Arc<Recent>> {
        let mut held = self.lock();
        let recent = held.get_mut(tenant)?.recent.as_mut()?;
        if recent.is_behind(today) {
            Arc::make_mut(recent).catch_up(today);
        }
        Some(Arc::clone(recent))
    }

    /// Says whose sums say nothing to others.
    pub(crate) fn keep_apart(&self, apart: BTreeSet<TenantId>) {
        *lock(&self.apart) = apart;
    }

    /// How judges agree with people, over the tenants read so far that share what they know; nothing where so few know
    /// anything that one could tell what another's is.
    pub(crate) fn agreement(&self) -> Agreement {
        let (mut all, mut tenants) = (Agreement::default(), 0);
        let apart = lock(&self.apart);
        for (_, held) in self.lock().iter().filter(|(id, _)| !apart.contains(*id)) {
            all.merge(&held.stats.agreement);
            tenants += usize::from(held.stats.agreement != Agreement::default());
        }
        if tenants < LEAST_TENANTS {
            return Agreement::default();
        }
        all
    }

    /// What was observed of each model, over the same tenants.
    pub(crate) fn observed(&self) -> BTreeMap<CandidateKey, Observed> {
        let mut all: BTreeMap<CandidateKey, Observed> = BTreeMap::new();
        let apart = lock(&self.apart);
        for (_, held) in self.lock().iter().filter(|(id, _)| !apart.contains(*id)) {
            let root = held.stats.shapes.get(&ShapeKey::root());
            for (key, arm) in root.iter().flat_map(|root| &root.arms) {
                let seen = all.entry(key.clone()).or_default();
                seen.tenants += 1;
                seen.sessions += arm.session.weight();
                seen.manual += arm.manual.weight();
                seen.judged += arm.auto.weight();
                seen.failed += arm.failed.weight();
            }
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Held>> {
        lock(&self.tenants)
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way through a change.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::gates::Window;

    use super::*;
    use crate::learn::{
        credit::{self, Cell, Source},
        sums::{ONE, Sums},
    };

    fn tenant() -> TenantId {
        TenantId::new("acme").expect("valid")
    }

    fn cell(day: i64) -> Cell {
        Cell {
            shape: "all".into(),
            arm: "p/m".into(),
            source: Source::Auto,
            day,
        }
    }

    fn one(day: i64) -> Credit {
        Credit::from([(cell(day), Sums::of(ONE, ONE))])
    }

    fn added(credit: Credit) -> Deltas {
        [(tenant(), credit)].into_iter().collect()
    }

    fn scored(totals: &Totals) -> Option<f64> {
        let stats = totals.stats(&tenant())?;
        let shape = stats.shapes.get("all");
        Some(shape.map_or(0.0, |shape| shape.scored_requests()))
    }

    #[test]
    fn what_was_read_already_is_not_added_again() {
        let totals = Totals::default();
        totals.add(&added(one(1)), 4);
        assert_eq!(scored(&totals), None, "nothing is held before it was read");
        totals.put(
            tenant(),
            [one(1), one(2)].into_iter().flatten().collect(),
            (5, None),
        );
        totals.add(&added(one(1)), 4);
        assert_eq!(
            scored(&totals),
            Some(2.0),
            "days are added up, 4 was before 5"
        );
        totals.add(&added(one(3)), 6);
        assert_eq!(scored(&totals), Some(3.0));
    }

    #[test]
    fn a_cell_that_nothing_is_left_of_takes_no_room() {
        let totals = Totals::default();
        totals.put(tenant(), one(1), (1, None));
        let back = one(1).into_iter().map(|(cell, sums)| (cell, -sums));
        totals.add(&added(back.collect()), 2);
        assert_eq!(*totals.lock()[&tenant()].stats, TenantStats::default());
        totals.forget([&tenant()]);
        assert_eq!(totals.missing([(&tenant(), false)]), [tenant()]);
    }

    #[test]
    fn the_last_days_are_kept_where_they_are_asked_for_and_follow_what_is_added() {
        let totals = Totals::default();
        totals.put(tenant(), one(1), (1, None));
        assert_eq!(totals.missing([(&tenant(), false)]), []);
        assert_eq!(totals.missing([(&tenant(), true)]), [tenant()]);
        totals.put(tenant(), one(8), (2, Some(4)));
        assert_eq!(totals.missing([(&tenant(), true)]), []);
        totals.add(&added(one(9)), 3);
        let scored = |today| {
            let recent = totals.recent(&tenant(), today).expect("kept");
            let seen = recent.within((Window::Rolling7d, today), "all", "p/m");
            seen.auto.weight()
        };
        assert_eq!((scored(10), scored(15), scored(16)), (2.0, 1.0, 0.0));
    }

    /// Rated and judged replies of a tenant.
    fn paired(n: i64) -> Credit {
        let cell = |name: &str| Cell {
            shape: "all".into(),
            arm: name.into(),
            source: Source::Agreement,
            day: 1,
        };
        let moments = [credit::JUDGED, credit::RATED, credit::PRODUCT];
        let sums = |_| (0..n).fold(Sums::default(), |sums, _| sums + Sums::of(ONE, ONE));
        moments
            .into_iter()
            .map(|name| (cell(name), sums(name)))
            .collect()
    }

    #[test]
    fn how_judges_agree_is_told_of_five_tenants_or_more_and_of_nobody_who_keeps_apart() {
        let totals = Totals::default();
        let put = |name: &str, n: i64| {
            let id = TenantId::new(name).expect("valid");
            totals.put(id, paired(n), (1, None));
        };
        for name in ["a", "b", "c", "d"] {
            put(name, 9);
        }
        put("silent", 0);
        assert_eq!(totals.agreement(), Agreement::default());
        put("e", 9);
        assert_ne!(totals.agreement(), Agreement::default());
        totals.keep_apart(BTreeSet::from([TenantId::new("e").expect("valid")]));
        assert_eq!(totals.agreement(), Agreement::default());
    }
}

//! The drift monitors: who got worse, for one tenant or for all, and what follows.
//!
//! Monitors live in memory: after a restart they begin anew, a little later than they would have been. What
//! they found is kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Deref,
};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use super::{
    alarm::{Alarm, Alarms},
    drift::{Change, Reference, Watch},
    stats::TenantStats,
};

/// Tenants that must have seen a candidate lately before it is taken out for everybody: one tenant's odd
/// prompts are its own.
const PLATFORM_TENANTS: usize = 3;

/// One outcome of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub tenant: TenantId,
    /// The most specific shape of the call.
    pub shape: ShapeKey,
    pub arm: CandidateKey,
    pub outcome: Observed,
}

/// What was observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observed {
    /// A judge's score on 0..1.
    Scored(f64),
    Answered,
    Failed,
}

/// Something that a monitor found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Whom it concerns.
    pub tenants: Vec<TenantId>,
    pub candidate: CandidateKey,
    pub change: Change,
    pub is_platform: bool,
}

/// All monitors, and the alarms that hold.
#[derive(Debug, Default)]
pub struct Drift {
    tenants: HashMap<(TenantId, CandidateKey), Watch>,
    platform: HashMap<CandidateKey, (Watch, BTreeSet<TenantId>)>,
    references: HashMap<(TenantId, ShapeKey, CandidateKey), Reference>,
    alarms: BTreeMap<TenantId, Alarms>,
    none: Alarms,
}

impl Drift {
    /// With the alarms that the store kept.
    pub fn new(alarms: BTreeMap<TenantId, Alarms>) -> Self {
        Self {
            alarms,
            ..Self::default()
        }
    }

    /// The alarms of a tenant.
    pub fn alarms(&self, tenant: &TenantId) -> &Alarms {
        self.alarms.get(tenant).unwrap_or(&self.none)
    }

    /// An alarm of a tenant, to be changed.
    pub fn alarm_mut(&mut self, tenant: &TenantId, key: &CandidateKey) -> Option<&mut Alarm> {
        self.alarms.get_mut(tenant)?.get_mut(key)
    }

    /// The sums of a shape's day of a tenant are no longer kept.
    pub fn forget_day(&mut self, tenant: &TenantId, shape: &ShapeKey, day: i64) {
        let alarms = self.alarms.get_mut(tenant).into_iter();
        for alarm in alarms.flat_map(BTreeMap::values_mut) {
            alarm.forget_day(shape, day);
        }
    }

    /// Takes in outcomes, oldest first; what was found. `stats` gives a tenant's sums.
    pub fn observe<S: Deref<Target = TenantStats>>(
        &mut self,
        observations: impl IntoIterator<Item = Observation>,
        stats: impl Fn(&TenantId) -> Option<S>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for observation in observations {
            let Some(own) = stats(&observation.tenant) else {
                continue;
            };
            if let Some(finding) = self.observe_one(observation, &own) {
                self.raise(&finding, &stats);
                findings.push(finding);
            }
        }
        findings
    }

    /// Keeps only the tenants that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&TenantId) -> bool) {
        self.tenants.retain(|(tenant, _), _| wanted(tenant));
        self.references.retain(|(tenant, _, _), _| wanted(tenant));
        self.alarms.retain(|tenant, _| wanted(tenant));
    }

    fn observe_one(&mut self, observation: Observation, stats: &TenantStats) -> Option<Finding> {
        let Observation {
            tenant,
            shape,
            arm,
            outcome,
        } = observation;
        let pending = self.alarms(&tenant).get(&arm);
        if pending.is_some_and(|alarm| alarm.is_pending(stats, &arm)) {
            return None;
        }
        let reference = match outcome {
            Observed::Scored(_) => self.reference(stats, (&tenant, shape, &arm)),
            Observed::Answered | Observed::Failed => Reference::default(),
        };
        let take = |watch: &mut Watch| match outcome {
            Observed::Scored(score) => watch.scored(score, reference),
            Observed::Answered => watch.called(false),
            Observed::Failed => watch.called(true),
        };
        let watch = self
            .tenants
            .entry((tenant.clone(), arm.clone()))
            .or_default();
        let own = take(watch);
        let (watch, seen_by) = self.platform.entry(arm.clone()).or_default();
        seen_by.insert(tenant.clone());
        let found = take(watch);
        let is_platform = seen_by.len() >= PLATFORM_TENANTS
            && (watch.scores.is_platform_alarm() || watch.failures.is_platform_alarm());
        let everybody = found.filter(|_| is_platform);
        let (tenants, change) = match (everybody, own) {
            (Some(change), _) => (seen_by.iter().cloned().collect(), change),
            (None, Some(change)) => (vec![tenant], change),
            (None, None) => return None,
        };
        Some(Finding {
            tenants,
            candidate: arm,
            change,
            is_platform: everybody.is_some(),
        })
    }

    /// What was usual in this shape, renewed whenever twice as much was seen.
    fn reference(
        &mut self,
        stats: &TenantStats,
        (tenant, shape, arm): (&TenantId, ShapeKey, &CandidateKey),
    ) -> Reference {
        let seen = stats
            .shapes
            .get(&shape)
            .and_then(|shape| shape.arms.get(arm));
        let seen = seen.map(|arm| arm.auto.moments()).unwrap_or_default();
        let now = Reference {
            n: seen.n,
            mean: seen.mean().unwrap_or_default(),
            variance: seen.variance(),
        };
        let key = (tenant.clone(), shape, arm.clone());
        let held = self.references.entry(key).or_insert(now);
        *held = held.renewed(now);
        *held
    }

    fn raise<S: Deref<Target = TenantStats>>(
        &mut self,
        finding: &Finding,
        stats: &impl Fn(&TenantId) -> Option<S>,
    ) {
        let arm = &finding.candidate;
        for tenant in &finding.tenants {
            let Some(stats) = stats(tenant) else {
                continue;
            };
            let alarms = self.alarms.entry(tenant.clone()).or_default();
            alarms.insert(arm.clone(), Alarm::of(&stats, arm));
            self.tenants.remove(&(tenant.clone(), arm.clone()));
            self.references
                .retain(|(t, _, a), _| t != tenant || a != arm);
        }
        if finding.is_platform {
            self.platform.remove(arm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{
        credit::{Cell, Source},
        sums::{ONE, Sums, to_micro},
    };

    fn key() -> CandidateKey {
        CandidateKey::new("p", "m").expect("valid")
    }

    fn tenant(n: usize) -> TenantId {
        TenantId::new(&format!("t{n}")).expect("valid")
    }

    type World = BTreeMap<TenantId, TenantStats>;

    fn scored(world: &mut World, tenant: TenantId, score: f64) -> Observation {
        let cell = Cell {
            shape: "all".into(),
            arm: "p/m".into(),
            source: Source::Auto,
            day: 1,
        };
        let stats = world.entry(tenant.clone()).or_default();
        stats.add(&cell, Sums::of(ONE, to_micro(score)));
        Observation {
            tenant,
            shape: ShapeKey::root(),
            arm: key(),
            outcome: Observed::Scored(score),
        }
    }

    /// Feeds 200 usual scores per tenant, then others; how many of those until something was found.
    fn run(tenants: usize, then: impl Fn(usize) -> f64) -> Option<(usize, Finding)> {
        let (mut world, mut drift) = (World::new(), Drift::default());
        let usual = |i: usize| if i.is_multiple_of(5) { 0.3 } else { 0.9 };
        for i in 0..200 * tenants + 2_000 {
            let score = match i.checked_sub(200 * tenants) {
                None => usual(i / tenants),
                Some(late) => then(late),
            };
            let seen = scored(&mut world, tenant(i % tenants), score);
            if let Some(finding) = drift.observe([seen], |t| world.get(t)).pop() {
                for tenant in &finding.tenants {
                    assert!(drift.alarms(tenant).contains_key(&key()));
                }
                let late = i.checked_sub(200 * tenants);
                return Some((late.expect("the usual is no alarm"), finding));
            }
        }
        None
    }

    #[test]
    fn what_happens_to_all_is_found_sooner_than_by_each_alone_and_masks_for_all() {
        let bad = |i: usize| if i.is_multiple_of(2) { 0.3 } else { 0.9 };
        let (alone, own) = run(1, bad).expect("found");
        assert!(!own.is_platform && own.change == Change::Quality);
        let (together, all) = run(8, |i| bad(i / 8)).expect("found");
        assert!(all.is_platform && all.tenants.len() == 8, "{all:?}");
        assert!(together < 2 * alone, "{together} of eight, {alone} of one");
    }

    #[test]
    fn the_usual_is_never_an_alarm() {
        let found = run(4, |i| if (i / 4).is_multiple_of(5) { 0.3 } else { 0.9 });
        assert_eq!(found, None);
    }
}

//! The drift monitors: who got worse, for one tenant or for all, and what follows.
//!
//! What they know follows from the outcomes and their order alone. So it can be written down at any moment, and
//! after a restart they go on where they were: what came since is shown to them again.

mod state;
mod take_back;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Deref,
};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

pub use self::state::{Entries, Everybody, Own, State, Usual};
use super::{
    alarm::{Alarm, Alarms, PROOF},
    drift::{Change, Reference, Watch},
    recheck::Recheck,
    stats::TenantStats,
    sums::{ONE, Sums, to_micro},
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
    /// The shape whose ranking sent the call there; `None`: none did.
    pub ranked: Option<ShapeKey>,
    /// A hash of the session; `None`: it has none.
    pub session: Option<u32>,
}

/// What was observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observed {
    /// A judge's score on 0..1.
    Scored(f64),
    Answered(Call),
    Failed,
}

/// What is known of a call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Call {
    pub latency_ms: Option<u64>,
    /// `None`: the price is unknown.
    pub cost_micro_usd: Option<u64>,
    pub refused: bool,
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

/// A candidate in a shape of a tenant.
type Spot = (TenantId, ShapeKey, CandidateKey);

/// All monitors, and the alarms that hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drift {
    own: HashMap<(TenantId, CandidateKey), Own>,
    everybody: HashMap<CandidateKey, Everybody>,
    usual: HashMap<Spot, Usual>,
    rechecks: HashMap<CandidateKey, Recheck>,
    before: HashMap<Spot, f64>,
    changed: Changed,
    alarms: BTreeMap<TenantId, Alarms>,
    none: Alarms,
}

/// What differs from what was written down.
#[derive(Debug, Clone, Default, PartialEq)]
struct Changed {
    own: HashSet<(TenantId, CandidateKey)>,
    everybody: HashSet<CandidateKey>,
    usual: HashSet<Spot>,
    rechecks: HashSet<CandidateKey>,
    before: HashSet<Spot>,
}

impl Drift {
    /// With the alarms that the store kept, and what the monitors knew when that was written down.
    pub fn new(alarms: BTreeMap<TenantId, Alarms>, state: State) -> Self {
        Self {
            own: state.own.kept.into_iter().collect(),
            everybody: state.everybody.kept.into_iter().collect(),
            usual: state.usual.kept.into_iter().collect(),
            rechecks: state.rechecks.kept.into_iter().collect(),
            before: state.before.kept.into_iter().collect(),
            alarms,
            ..Self::default()
        }
    }

    /// What changed since it was written down.
    pub fn unsaved(&self) -> State {
        State {
            own: Entries::of(&self.own, &self.changed.own),
            everybody: Entries::of(&self.everybody, &self.changed.everybody),
            usual: Entries::of(&self.usual, &self.changed.usual),
            rechecks: Entries::of(&self.rechecks, &self.changed.rechecks),
            before: Entries::of(&self.before, &self.changed.before),
        }
    }

    /// It was written down.
    pub fn saved(&mut self) {
        self.changed = Changed::default();
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
            findings.extend(self.recheck(&observation));
            if let Some(finding) = self.observe_one(observation) {
                self.raise(&finding, &stats);
                findings.push(finding);
            }
        }
        findings
    }

    /// Keeps only the tenants that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&TenantId) -> bool) {
        let own = self.own.keys().filter(|(tenant, _)| !wanted(tenant));
        self.changed.own.extend(own.cloned());
        self.own.retain(|(tenant, _), _| wanted(tenant));
        let usual = self.usual.keys().filter(|(tenant, ..)| !wanted(tenant));
        self.changed.usual.extend(usual.cloned());
        self.usual.retain(|(tenant, ..), _| wanted(tenant));
        self.retain_rechecks(&wanted);
        self.alarms.retain(|tenant, _| wanted(tenant));
    }

    fn observe_one(&mut self, observation: Observation) -> Option<Finding> {
        let Observation {
            tenant,
            shape,
            arm,
            outcome,
            ranked: _,
            session: _,
        } = observation;
        if self.is_proving(&tenant, &arm, outcome) {
            return None;
        }
        let reference = match outcome {
            Observed::Scored(score) => self.reference((tenant.clone(), shape, arm.clone()), score),
            Observed::Answered(_) | Observed::Failed => Reference::default(),
        };
        let take = |watch: &mut Watch| match outcome {
            Observed::Scored(score) => watch.scored(score, reference),
            Observed::Answered(_) => watch.called(false),
            Observed::Failed => watch.called(true),
        };
        let key = (tenant.clone(), arm.clone());
        let own = take(&mut self.own.entry(key.clone()).or_default().watch);
        self.changed.own.insert(key);
        let everybody = self.everybody.entry(arm.clone()).or_default();
        everybody.tenants.insert(tenant.clone());
        let found = take(&mut everybody.watch);
        self.changed.everybody.insert(arm.clone());
        let watch = &everybody.watch;
        let is_platform = everybody.tenants.len() >= PLATFORM_TENANTS
            && (watch.scores.is_platform_alarm() || watch.failures.is_platform_alarm());
        let (tenants, change) = match (found.filter(|_| is_platform), own) {
            (Some(change), _) => (everybody.tenants.iter().cloned().collect(), change),
            (None, Some(change)) => (vec![tenant], change),
            (None, None) => return None,
        };
        Some(Finding {
            tenants,
            candidate: arm,
            change,
            is_platform: found.is_some() && is_platform,
        })
    }

    /// Whether a candidate has yet to prove itself after an alarm: what comes meanwhile is its proof, and no news.
    fn is_proving(&mut self, tenant: &TenantId, arm: &CandidateKey, outcome: Observed) -> bool {
        let key = (tenant.clone(), arm.clone());
        let Some(own) = self.own.get_mut(&key).filter(|own| own.unproven > 0) else {
            return false;
        };
        match outcome {
            Observed::Scored(_) | Observed::Failed => {
                own.unproven -= 1;
                self.changed.own.insert(key);
            }
            Observed::Answered(_) => {}
        }
        true
    }

    /// What was usual in this shape before this score, renewed whenever twice as much was seen.
    fn reference(&mut self, spot: Spot, score: f64) -> Reference {
        let usual = self.usual.entry(spot.clone()).or_default();
        let seen = usual.seen.moments();
        usual.held = usual.held.renewed(Reference {
            n: seen.n,
            mean: seen.mean().unwrap_or_default(),
            variance: seen.variance(),
        });
        usual.seen += Sums::of(ONE, to_micro(score));
        let held = usual.held;
        self.changed.usual.insert(spot);
        held
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
            if finding.is_platform {
                self.note_before(tenant, arm);
            } else {
                self.keep_own(tenant, arm);
            }
            let alarms = self.alarms.entry(tenant.clone()).or_default();
            alarms.insert(arm.clone(), Alarm::of(&stats, arm));
            let key = (tenant.clone(), arm.clone());
            self.changed.own.insert(key.clone());
            let own = Own {
                unproven: PROOF,
                ..Own::default()
            };
            self.own.insert(key, own);
            self.forget_usual(tenant, arm);
        }
        if finding.is_platform {
            self.everybody.remove(arm);
            self.changed.everybody.insert(arm.clone());
        }
    }

    /// What was usual of a candidate before it changed is so no longer.
    fn forget_usual(&mut self, tenant: &TenantId, arm: &CandidateKey) {
        let gone = self
            .usual
            .keys()
            .filter(|(t, _, a)| t == tenant && a == arm);
        let gone: Vec<Spot> = gone.cloned().collect();
        for spot in gone {
            self.usual.remove(&spot);
            self.changed.usual.insert(spot);
        }
    }
}

#[cfg(test)]
mod tests;

//! What becomes of an alarm for all tenants: it stays, or it was false and is taken back.

use floopy_shared::domain::ids::{CandidateKey, TenantId};

use super::{Drift, Finding, Observation, Observed, Spot};
use crate::learn::drift::Change;

/// Replies that made a mean with which later ones are compared. Fewer than a detector's reference takes: the
/// errors of many such means even out, and with more of them there are more replies to go by.
const KNOWN_REPLIES: f64 = 4.0;

impl Drift {
    /// Before an alarm for all tenants is raised for one of them: keeps what was usual, to compare replies with.
    /// Where it is raised anew, what was usual at first counts.
    pub(super) fn note_before(&mut self, tenant: &TenantId, arm: &CandidateKey) {
        let recheck = self.rechecks.entry(arm.clone()).or_default();
        recheck.capital = super::Recheck::default().capital;
        let alarms = self.alarms.get(tenant);
        if alarms.is_none_or(|alarms| !alarms.contains_key(arm)) {
            recheck.tenants.insert(tenant.clone());
        }
        self.changed.rechecks.insert(arm.clone());
        let known = self.usual.iter().filter(|((of, _, candidate), usual)| {
            of == tenant && candidate == arm && usual.held.n >= KNOWN_REPLIES
        });
        let known: Vec<(Spot, f64)> = known
            .map(|(spot, usual)| (spot.clone(), usual.held.mean))
            .collect();
        for (spot, mean) in known {
            self.changed.before.insert(spot.clone());
            self.before.entry(spot).or_insert(mean);
        }
    }

    /// A tenant has an alarm of its own: that one is not taken back with those of the others.
    pub(super) fn keep_own(&mut self, tenant: &TenantId, arm: &CandidateKey) {
        if let Some(recheck) = self.rechecks.get_mut(arm) {
            recheck.tenants.remove(tenant);
            self.changed.rechecks.insert(arm.clone());
        }
    }

    /// Looks at a reply after an alarm for all tenants; says so where the alarm was false, and takes it back.
    pub(super) fn recheck(&mut self, observation: &Observation) -> Option<Finding> {
        let recheck = self.rechecks.get_mut(&observation.arm)?;
        let score = match observation.outcome {
            Observed::Scored(score) => score,
            Observed::Failed => 0.0,
            Observed::Answered(_) => return None,
        };
        let Observation {
            tenant, shape, arm, ..
        } = observation;
        let spot = (tenant.clone(), shape.clone(), arm.clone());
        let usual = *self.before.get(&spot)?;
        self.changed.rechecks.insert(arm.clone());
        recheck.observe(score, usual).then(|| self.take_back(arm))
    }

    /// Everything that was forgotten of the candidate counts again. What is usual since the alarm stays: no choice
    /// was made by it.
    fn take_back(&mut self, arm: &CandidateKey) -> Finding {
        let recheck = self.rechecks.remove(arm).unwrap_or_default();
        self.forget_before(|(_, _, candidate)| candidate == arm);
        for tenant in &recheck.tenants {
            if let Some(alarms) = self.alarms.get_mut(tenant) {
                alarms.remove(arm);
            }
            let key = (tenant.clone(), arm.clone());
            if let Some(own) = self.own.get_mut(&key) {
                own.unproven = 0;
                self.changed.own.insert(key);
            }
        }
        Finding {
            tenants: recheck.tenants.into_iter().collect(),
            candidate: arm.clone(),
            change: Change::FalseAlarm,
            is_platform: true,
        }
    }

    /// Keeps only the tenants that are wanted.
    pub(super) fn retain_rechecks(&mut self, wanted: &impl Fn(&TenantId) -> bool) {
        self.forget_before(|(tenant, ..)| !wanted(tenant));
        for (arm, recheck) in &mut self.rechecks {
            let all = recheck.tenants.len();
            recheck.tenants.retain(wanted);
            if recheck.tenants.len() < all {
                self.changed.rechecks.insert(arm.clone());
            }
        }
    }

    fn forget_before(&mut self, gone: impl Fn(&Spot) -> bool) {
        let spots = self.before.keys().filter(|spot| gone(spot));
        let spots: Vec<Spot> = spots.cloned().collect();
        for spot in spots {
            self.before.remove(&spot);
            self.changed.before.insert(spot);
        }
    }
}

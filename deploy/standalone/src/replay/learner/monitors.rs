//! The product's drift monitors over the learners of all tenants.

use std::collections::BTreeMap;

use floopy_controlplane::learn::{
    alarm::Alarms,
    drift::Change,
    monitor::{Drift, Observation, Observed},
};
use floopy_shared::domain::ids::{CandidateKey, TenantId};

use super::Learner;
use crate::replay::policy::Alarm;

/// One learner's side: what it has to tell, and what was found for it.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    told: Vec<Observation>,
    alarms: Alarms,
    raised: Vec<Alarm>,
    /// All tenants' monitors; the first learner keeps them.
    drift: Drift,
}

impl Monitors {
    pub(super) fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    pub(super) fn raised(&self) -> &[Alarm] {
        &self.raised
    }

    fn note(&mut self, change: Change, at: usize, model: usize) {
        match change {
            Change::Quality | Change::Failures => self.raised.push(Alarm {
                at,
                model,
                taken_back: None,
            }),
            Change::FalseAlarm => {
                let standing = self.raised.iter_mut();
                for alarm in standing.filter(|alarm| alarm.model == model) {
                    alarm.taken_back.get_or_insert(at);
                }
            }
        }
    }
}

impl Learner {
    /// A reply was scored.
    pub(super) fn tell(&mut self, shape: usize, arm: CandidateKey, score: f64) {
        let (Some(tenant), Some(shape)) = (self.id(), self.setup.chains[shape].first()) else {
            return;
        };
        let observation = Observation {
            tenant,
            shape: shape.clone(),
            arm,
            outcome: Observed::Scored(score),
            ranked: None,
            session: None,
        };
        self.monitors.told.push(observation);
    }

    fn id(&self) -> Option<TenantId> {
        TenantId::new(&format!("t{}", self.number)).ok()
    }
}

/// Shows the monitors what happened to all tenants since, and tells everybody what was found. `at`: requests
/// that each tenant has made.
pub(super) fn exchange(learners: &mut [&mut Learner], at: usize) {
    let Some((first, _)) = learners.split_first_mut() else {
        return;
    };
    let mut drift = std::mem::take(&mut first.monitors.drift);
    let told: Vec<Vec<Observation>> = learners
        .iter_mut()
        .map(|learner| std::mem::take(&mut learner.monitors.told))
        .collect();
    // In turn, as they would have come.
    let longest = told.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|i| told.iter().filter_map(move |told| told.get(i)));
    let ids = learners.iter().enumerate();
    let positions: BTreeMap<TenantId, usize> = ids
        .filter_map(|(i, learner)| Some((learner.id()?, i)))
        .collect();
    let findings = drift.observe(in_turn.cloned(), |tenant| {
        positions.get(tenant).map(|i| &learners[*i].stats)
    });
    for finding in findings {
        for tenant in &finding.tenants {
            let Some(position) = positions.get(tenant) else {
                continue;
            };
            let learner = &mut learners[*position];
            let model = learner.position(&finding.candidate);
            learner.monitors.alarms = drift.alarms(tenant).clone();
            learner.monitors.note(finding.change, at, model);
        }
    }
    learners[0].monitors.drift = drift;
}

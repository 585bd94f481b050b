//! One model gets worse: how long policies stay with it, and whether they notice.

use std::str::FromStr;

use serde::Serialize;

use super::{
    measure::{Interval, Valued},
    policy::{Alarm, Kind},
    table::Table,
    world::{Drift, World},
};

/// `AT:MODEL:DROP`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DriftSpec {
    at: usize,
    /// `None`: the one that the oracle uses most.
    model: Option<String>,
    drop: f64,
}

/// Why it is none.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum InvalidDrift {
    #[error("it must be AT:MODEL:DROP, as in 5000:auto:0.2")]
    Parts,
    #[error("AT is {0:?}, it must be a number of requests")]
    At(String),
    #[error("DROP is {0:?}, it must be a number from 0 to 1")]
    Drop(String),
    #[error("AT is {at}, but a tenant has only {requests} requests")]
    Late { at: usize, requests: usize },
    #[error("no model is called {0:?}")]
    Model(String),
}

impl FromStr for DriftSpec {
    type Err = InvalidDrift;

    fn from_str(text: &str) -> Result<Self, InvalidDrift> {
        let (at, rest) = text.split_once(':').ok_or(InvalidDrift::Parts)?;
        // A model's name may itself contain colons.
        let (model, drop) = rest.rsplit_once(':').ok_or(InvalidDrift::Parts)?;
        let share = drop
            .parse::<f64>()
            .ok()
            .filter(|drop| (0.0..=1.0).contains(drop));
        Ok(Self {
            at: at.parse().map_err(|_| InvalidDrift::At(at.into()))?,
            model: (model != "auto").then(|| model.to_owned()),
            drop: share.ok_or_else(|| InvalidDrift::Drop(drop.into()))?,
        })
    }
}

impl DriftSpec {
    /// What it means in a world that has not drifted yet.
    pub(super) fn resolve(&self, world: &World<'_>) -> Result<Drift, InvalidDrift> {
        let (at, requests) = (self.at, world.requests());
        if at >= requests {
            return Err(InvalidDrift::Late { at, requests });
        }
        let model = match &self.model {
            None => most_used(world),
            Some(name) => position(world.table, name)?,
        };
        Ok(Drift {
            at,
            model,
            drop: self.drop,
        })
    }
}

fn position(table: &Table, name: &str) -> Result<usize, InvalidDrift> {
    let mut keys = table.models.iter();
    let found = keys.position(|key| key.as_str() == name || key.model() == name);
    found.ok_or_else(|| InvalidDrift::Model(name.into()))
}

/// The candidate that is best for the most requests.
fn most_used(world: &World<'_>) -> usize {
    let mut used = vec![0.0; world.table.models.len()];
    for tenant in &world.tenants {
        for (share, quality) in tenant.mix.iter().zip(&tenant.quality) {
            used[super::policy::first_best(quality)] += share;
        }
    }
    super::policy::first_best(&used)
}

/// Requests after the drift between which the traffic is looked at.
const PERIODS: [(usize, usize); 4] = [(0, 250), (250, 1_000), (1_000, 2_500), (2_500, 5_000)];
/// Requests before it that are compared.
const BEFORE: usize = 1_000;
/// Quality that must be lost by staying, for a shape to be affected.
const AFFECTED: f64 = 0.02;

/// Share of the affected traffic on the model that got worse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Stay {
    /// Counted from the drift.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) share: Option<f64>,
}

/// Alarms, where a policy raises any.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Detection {
    /// Tenants that were warned of the model that got worse, after it did.
    pub(super) tenants: usize,
    /// Requests of a tenant from the drift to the alarm; the median over these tenants.
    pub(super) median_delay: Option<usize>,
    /// Alarms about other models, or before the drift.
    pub(super) false_alarms: usize,
    /// Those of them that were found to be false.
    pub(super) false_taken_back: usize,
    /// Warnings of the model that got worse, after it did, that were taken for false.
    pub(super) true_taken_back: usize,
}

/// One policy under a drift.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DriftReport {
    pub(super) policy: &'static str,
    pub(super) regret_before: Interval,
    pub(super) regret_after: Interval,
    pub(super) share_before: Option<f64>,
    pub(super) stays: Vec<Stay>,
    pub(super) detection: Detection,
}

/// Of one policy.
pub(super) fn report(kind: Kind, valued: &Valued<'_>, drift: Drift) -> DriftReport {
    let all = valued.world.requests();
    let regret = |t: usize, at: usize| valued.regret(t, at);
    let stay = |(from, to): (usize, usize)| Stay {
        from,
        to,
        share: share(valued, drift, drift.at + from..(drift.at + to).min(all)),
    };
    let periods = PERIODS
        .into_iter()
        .filter(|(from, _)| drift.at + from < all);
    DriftReport {
        policy: kind.name(),
        regret_before: Interval::of(&valued.sums(&(0..drift.at), regret)),
        regret_after: Interval::of(&valued.sums(&(drift.at..all), regret)),
        share_before: share(valued, drift, drift.at.saturating_sub(BEFORE)..drift.at),
        stays: periods.map(stay).collect(),
        detection: detection(valued, drift),
    }
}

/// Of the requests where staying with the model hurts after the drift, those that it served.
fn share(valued: &Valued<'_>, drift: Drift, range: std::ops::Range<usize>) -> Option<f64> {
    let world = valued.world;
    let is_affected = |tenant: usize, shape: usize| {
        let after = |model: usize| world.quality(tenant, drift.at, shape, model);
        let best = (0..world.table.models.len()).map(after).fold(0.0, f64::max);
        best - after(drift.model) > AFFECTED
    };
    let (mut affected, mut stayed) = (0.0, 0.0);
    for (tenant, lane) in valued.lanes.iter().enumerate() {
        let shapes: Vec<bool> = (0..world.table.shapes.len())
            .map(|shape| is_affected(tenant, shape))
            .collect();
        for at in range.clone() {
            if shapes[world.tenants[tenant].requests[at].shape] {
                affected += 1.0;
                stayed += f64::from(u8::from(lane.trace.model(at) == drift.model));
            }
        }
    }
    (affected > 0.0).then(|| stayed / affected)
}

fn detection(valued: &Valued<'_>, drift: Drift) -> Detection {
    let (mut delays, mut false_alarms) = (Vec::new(), 0);
    let (mut false_taken_back, mut true_taken_back) = (0, 0);
    let taken_back = |alarms: &[Alarm]| {
        let taken_back = alarms.iter().filter(|alarm| alarm.taken_back.is_some());
        taken_back.count()
    };
    for lane in valued.lanes {
        let (right, wrong): (Vec<_>, Vec<_>) = lane
            .policy
            .alarms()
            .into_iter()
            .partition(|alarm| alarm.model == drift.model && alarm.at >= drift.at);
        false_alarms += wrong.len();
        false_taken_back += taken_back(&wrong);
        true_taken_back += taken_back(&right);
        delays.extend(right.into_iter().map(|alarm| alarm.at - drift.at).min());
    }
    delays.sort_unstable();
    Detection {
        tenants: delays.len(),
        median_delay: delays.get(delays.len() / 2).copied(),
        false_alarms,
        false_taken_back,
        true_taken_back,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_read_with_its_model_and_its_share() {
        let spec: DriftSpec = "5000:auto:0.2".parse().expect("a drift");
        assert_eq!((spec.at, spec.model, spec.drop), (5_000, None, 0.2));
        let spec: DriftSpec = "1:p/m:latest:1".parse().expect("a drift");
        assert_eq!(spec.model.as_deref(), Some("p/m:latest"));
    }

    #[test]
    fn what_is_wrong_with_a_drift_is_named() {
        let error = |text: &str| text.parse::<DriftSpec>().expect_err("wrong");
        assert_eq!(error("5000"), InvalidDrift::Parts);
        assert_eq!(error("x:auto:0.2"), InvalidDrift::At("x".into()));
        assert_eq!(error("5:auto:2"), InvalidDrift::Drop("2".into()));
    }
}

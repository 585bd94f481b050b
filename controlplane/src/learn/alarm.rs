//! What is done about a candidate that got worse: it is taken out, most of what was known of it is forgotten,
//! and it proves itself again in the shadow.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

use super::{
    stats::{ArmSums, TenantStats},
    sums::{ONE, Sums},
};

/// Of the evidence before the change a twentieth still counts.
const FORGOTTEN: (i64, i64) = (19, 20);
/// Scores and failures after the change from which the candidate is judged like any other again.
pub const PROOF: u32 = 20;
/// What is left of its prior: whatever made it good may be gone.
pub const DEMOTION: f64 = 0.85;

/// How far it may then lie from that: its own replies decide, in either direction.
pub const ALARMED_TAU: f64 = 0.15;

/// The changes of a tenant's candidates.
pub type Alarms = BTreeMap<CandidateKey, Alarm>;

/// One candidate's change in one tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alarm {
    /// What no longer counts, per shape.
    pub forgotten: BTreeMap<ShapeKey, ArmSums>,
    /// The same by the day it is of, as far as that is known: it goes when the sums of that day go.
    pub days: BTreeMap<(ShapeKey, i64), ArmSums>,
    /// Outcomes at the time of the change, in micro-units.
    pub outcomes: i64,
}

impl Alarm {
    /// Of a candidate that changed now.
    pub fn of(stats: &TenantStats, key: &CandidateKey) -> Self {
        let arms = stats
            .shapes
            .iter()
            .filter_map(|(shape, stats)| Some((shape.clone(), stats.arms.get(key)?)));
        Self {
            forgotten: arms.map(|(shape, arm)| (shape, most_of(arm))).collect(),
            days: BTreeMap::new(),
            outcomes: outcomes(stats, key),
        }
    }

    /// Takes the same part of each day's sums instead of the sums over all days.
    pub fn split(&mut self, days: &BTreeMap<i64, TenantStats>, key: &CandidateKey) {
        self.days = days
            .iter()
            .flat_map(|(day, stats)| stats.shapes.iter().map(move |shape| (*day, shape)))
            .filter_map(|(day, (shape, stats))| {
                Some(((shape.clone(), day), most_of(stats.arms.get(key)?)))
            })
            .collect();
        self.add_days();
    }

    /// The sums of a shape's day are no longer kept, so that there is nothing to forget of them; whether there
    /// was.
    pub fn forget_day(&mut self, shape: &ShapeKey, day: i64) -> bool {
        let gone = self.days.remove(&(shape.clone(), day)).is_some();
        if gone {
            self.add_days();
        }
        gone
    }

    fn add_days(&mut self) {
        self.forgotten.clear();
        for ((shape, _), sums) in &self.days {
            let all = self.forgotten.entry(shape.clone()).or_default();
            *all = all.with(sums);
        }
    }

    /// Whether it has yet to prove itself.
    pub fn is_pending(&self, stats: &TenantStats, key: &CandidateKey) -> bool {
        outcomes(stats, key) - self.outcomes < i64::from(PROOF) * ONE
    }
}

/// The sums without what no longer counts.
pub fn forget(stats: &TenantStats, alarms: &Alarms) -> TenantStats {
    let mut left = stats.clone();
    for (key, alarm) in alarms {
        for (shape, forgotten) in &alarm.forgotten {
            let arm = left
                .shapes
                .get_mut(shape)
                .and_then(|shape| shape.arms.get_mut(key));
            if let Some(arm) = arm {
                *arm = arm.without(forgotten);
            }
        }
    }
    left
}

/// Scores and failures of a candidate.
fn outcomes(stats: &TenantStats, key: &CandidateKey) -> i64 {
    let arm = stats.shapes.get(ROOT).and_then(|root| root.arms.get(key));
    arm.map_or(0, |arm| arm.auto.n.saturating_add(arm.failed.n))
}

fn most_of(arm: &ArmSums) -> ArmSums {
    let part = |x: i64| x.saturating_mul(FORGOTTEN.0) / FORGOTTEN.1;
    let parts = |sums: Sums| Sums {
        n: part(sums.n),
        sum: part(sums.sum),
        sumsq: part(sums.sumsq),
    };
    ArmSums {
        session: parts(arm.session),
        squares: part(arm.squares),
        auto: parts(arm.auto),
        manual: parts(arm.manual),
        failed: parts(arm.failed),
        latency: parts(arm.latency),
        implied: part(arm.implied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::credit::{Cell, Source};

    fn key() -> CandidateKey {
        CandidateKey::new("p", "m").expect("valid")
    }

    fn add(stats: &mut TenantStats, replies: i64, score: i64) {
        let cell = Cell {
            shape: ROOT.into(),
            arm: "p/m".into(),
            source: Source::Auto,
            day: 1,
        };
        stats.add(&cell, Sums::of(replies * ONE, score));
    }

    #[test]
    fn what_is_forgotten_of_a_day_goes_with_the_day_and_nothing_else_does() {
        let day = |replies, score| {
            let mut stats = TenantStats::default();
            add(&mut stats, replies, score);
            stats
        };
        let days: BTreeMap<i64, TenantStats> =
            [(1, day(100, 900_000)), (2, day(7, 400_000))].into();
        let mut stats = TenantStats::default();
        add(&mut stats, 100, 900_000);
        add(&mut stats, 7, 400_000);
        let mut alarm = Alarm::of(&stats, &key());
        alarm.split(&days, &key());
        let left = |stats: &TenantStats, alarm: &Alarm| {
            forget(stats, &[(key(), alarm.clone())].into()).shapes[ROOT].arms[&key()].auto
        };
        let both = left(&stats, &alarm);
        assert!((both.n - (107 * ONE) / 20).abs() <= 2, "{both:?}");
        let stats = days[&2].clone();
        assert!(
            left(&stats, &alarm).n < 0,
            "the day went, what is forgotten of it did not"
        );
        assert!(alarm.forget_day(&ShapeKey::root(), 1));
        assert_eq!(left(&stats, &alarm).n, 7 * ONE / 20);
        assert!(!alarm.forget_day(&ShapeKey::root(), 1), "it is gone");
        assert!(alarm.forget_day(&ShapeKey::root(), 2));
        assert_eq!(alarm.forgotten, BTreeMap::new());
    }

    #[test]
    fn a_twentieth_counts_on_and_new_replies_end_the_mask() {
        let mut stats = TenantStats::default();
        add(&mut stats, 100, 800_000);
        let alarm = Alarm::of(&stats, &key());
        assert!(alarm.is_pending(&stats, &key()));
        add(&mut stats, 20, 200_000);
        assert!(!alarm.is_pending(&stats, &key()));
        let left = forget(&stats, &[(key(), alarm)].into());
        let auto = left.shapes[ROOT].arms[&key()].auto.moments();
        assert!((auto.n - 25.0).abs() < 1e-9, "{auto:?}");
        assert!((auto.mean().expect("left") - 0.32).abs() < 1e-6, "{auto:?}");
    }
}

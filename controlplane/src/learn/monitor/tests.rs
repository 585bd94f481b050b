//! Who got worse is found, and what was said of them in vain is taken back.

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
        ranked: None,
        session: None,
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

/// The usual scores: four of five are good.
fn usual(i: usize) -> f64 {
    if i.is_multiple_of(5) { 0.3 } else { 0.9 }
}

/// A fifth less: seven of twelve are good.
fn dropped(i: usize) -> f64 {
    if i % 12 < 5 { 0.3 } else { 0.9 }
}

const TENANTS: usize = 8;

/// Everything that was said to the monitors so far, and what they know.
#[derive(Default)]
struct Told {
    world: World,
    drift: Drift,
    replies: usize,
}

impl Told {
    fn reply(&mut self, score: impl Fn(usize) -> f64) -> Option<Finding> {
        let i = self.replies;
        self.replies += 1;
        let seen = scored(&mut self.world, tenant(i % TENANTS), score(i / TENANTS));
        let world = &self.world;
        self.drift.observe([seen], |t| world.get(t)).pop()
    }

    /// Replies until something is found, of at most `most`.
    fn until_found(
        &mut self,
        most: usize,
        score: impl Fn(usize) -> f64 + Copy,
    ) -> Option<(usize, Finding)> {
        (1..=most).find_map(|n| Some((n, self.reply(score)?)))
    }

    /// After 200 usual replies of each tenant, and worse ones until an alarm for all.
    fn alarmed() -> Self {
        let mut told = Self::default();
        assert_eq!(told.until_found(200 * TENANTS, usual), None);
        let (_, found) = told.until_found(4_000, dropped).expect("an alarm");
        assert!(found.is_platform && found.tenants.len() == TENANTS);
        told
    }

    fn alarms(&self) -> usize {
        let alarms = (0..TENANTS).filter(|n| self.drift.alarms(&tenant(*n)).contains_key(&key()));
        alarms.count()
    }
}

#[test]
fn an_alarm_for_all_is_taken_back_once_replies_are_as_good_as_before() {
    let mut told = Told::alarmed();
    assert_eq!(told.alarms(), TENANTS);
    let (replies, found) = told.until_found(2_000, usual).expect("taken back");
    assert_eq!(found.change, Change::FalseAlarm);
    assert_eq!(found.tenants.len(), TENANTS);
    assert!(replies <= 600, "after {replies}");
    assert_eq!(told.alarms(), 0, "nothing is forgotten of it");
    assert!(told.drift.rechecks.is_empty() && told.drift.before.is_empty());
    assert!(told.drift.own.values().all(|own| own.unproven == 0));
}

#[test]
fn a_drop_that_lasts_is_never_taken_back() {
    let mut told = Told::alarmed();
    assert_eq!(told.until_found(20_000, dropped), None);
    assert_eq!(told.alarms(), TENANTS);
}

#[test]
fn a_model_that_gets_worse_once_more_after_its_alarm_was_taken_back_is_found_again() {
    let mut told = Told::alarmed();
    told.until_found(2_000, usual).expect("taken back");
    assert_eq!(told.until_found(200 * TENANTS, usual), None);
    let (_, found) = told.until_found(4_000, dropped).expect("an alarm");
    assert!(found.is_platform && found.change == Change::Quality);
}

#[test]
fn a_tenants_own_alarm_stays_when_that_of_everybody_is_taken_back() {
    let mut told = Told::default();
    assert_eq!(told.until_found(200 * TENANTS, usual), None);
    let stats = told.world[&tenant(3)].clone();
    let own = Finding {
        tenants: vec![tenant(3)],
        candidate: key(),
        change: Change::Quality,
        is_platform: false,
    };
    told.drift.raise(&own, &|_: &TenantId| Some(&stats));
    told.until_found(4_000, dropped).expect("an alarm");
    let (_, found) = told.until_found(2_000, usual).expect("taken back");
    assert_eq!(found.tenants.len(), TENANTS - 1);
    assert_eq!(told.alarms(), 1);
    assert!(told.drift.alarms(&tenant(3)).contains_key(&key()));
}

#[test]
fn who_goes_on_from_what_was_written_down_takes_the_alarm_back_at_the_same_reply() {
    let mut told = Told::alarmed();
    assert_eq!(told.until_found(50, usual), None);
    let alarms = (0..TENANTS).map(|n| (tenant(n), told.drift.alarms(&tenant(n)).clone()));
    let mut again = Told {
        drift: Drift::new(alarms.collect(), told.drift.unsaved()),
        world: told.world.clone(),
        replies: told.replies,
    };
    let (one, other) = (
        told.until_found(2_000, usual),
        again.until_found(2_000, usual),
    );
    assert!(one.is_some());
    assert_eq!(one, other);
}

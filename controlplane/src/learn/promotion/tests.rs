//! Candidates on their way, simulated: when they arrive, when they are taken back, and what is remembered.

use floopy_shared::domain::{gates::Gate, shape::ROOT};

use super::*;
use crate::learn::{
    monitor::{Call, Observed},
    simulation::Rng,
};

const LIMITS: Limits = Limits {
    quality_drop: 0.05,
    cost_ratio: Some(1.1),
};
const HOUR_MS: u64 = 3_600_000;

fn tenant() -> TenantId {
    TenantId::new("t").expect("valid")
}

fn key(model: &str) -> CandidateKey {
    CandidateKey::new("p", model).expect("valid")
}

fn seen(model: &str, outcome: Observed) -> Observation {
    Observation {
        tenant: tenant(),
        shape: ShapeKey::root(),
        arm: key(model),
        outcome,
        ranked: Some(ShapeKey::root()),
        session: None,
    }
}

fn answered(latency_ms: u64, cost_micro_usd: u64, refused: bool) -> Observed {
    Observed::Answered(Call {
        latency_ms: Some(latency_ms),
        cost_micro_usd: Some(cost_micro_usd),
        refused,
    })
}

/// What ranking says: `new` is wished for in place of `old`.
fn standing(gate: Option<Gate>) -> BTreeMap<ShapeKey, Standing> {
    let shares = |role, gate| Shares {
        role,
        gate,
        p_floor: 0.9,
    };
    let standing = Standing::new(
        key("old"),
        Some(key("new")),
        [
            (key("old"), shares(Role::Incumbent, None)),
            (key("new"), shares(Role::Fallback, gate)),
        ],
    );
    [(ShapeKey::root(), standing)].into()
}

struct World {
    promotions: Promotions,
    now_ms: u64,
    rng: Rng,
}

impl World {
    fn proposed(seed: u64) -> Self {
        let mut world = Self {
            promotions: Promotions::default(),
            now_ms: HOUR_MS,
            rng: Rng(seed),
        };
        world.consider(None);
        world
    }

    fn ladder(&self) -> Ladder {
        let staged = (true, BTreeMap::new());
        let at = (0.05, self.now_ms);
        self.promotions.ladder(&tenant(), staged, at)
    }

    fn consider(&mut self, gate: Option<Gate>) -> bool {
        let ladder = self.ladder();
        let standings = standing(gate);
        let about = (&tenant(), &standings);
        self.promotions.consider(about, &ladder, self.now_ms)
    }

    fn tell(&mut self, model: &str, outcome: Observed) {
        let now_ms = self.now_ms;
        self.promotions
            .observe(&[seen(model, outcome)], |_| LIMITS, now_ms);
    }

    /// One score of each.
    fn scores(&mut self, (old, new): (f64, f64)) {
        let mut right = |p: f64| if self.rng.unit() < p { 1.0 } else { 0.0 };
        let (old, new) = (right(old), right(new));
        self.tell("old", Observed::Scored(old));
        self.tell("new", Observed::Scored(new));
    }

    /// Where the newest promotion is; `None`: nothing is under way.
    fn stage(&self) -> Option<Stage> {
        let slot = self.promotions.slots.get(&(tenant(), ShapeKey::root()))?;
        let climbing = slot.climbing.as_ref().map(|p| p.stage);
        climbing.or(slot.live.as_ref().map(|p| p.stage))
    }

    /// Until it is live, or for so many scores.
    fn climb(&mut self, quality: (f64, f64), most: usize) -> Option<usize> {
        for step in 0..most {
            self.scores(quality);
            self.consider(None);
            match self.stage() {
                Some(Stage::Live) => return Some(step),
                None => return None,
                Some(_) => {}
            }
        }
        None
    }

    fn reason(&self) -> &str {
        let ended = self.promotions.ended.last().expect("one ended");
        &ended.trace.last().expect("a step").reason
    }
}

#[test]
fn a_candidate_goes_through_every_stage_and_each_step_says_why() {
    let mut world = World::proposed(1);
    assert_eq!(world.stage(), Some(Stage::Shadow));
    assert_eq!(world.ladder().places[ROOT].canary, None);
    world.climb((0.7, 0.8), 5_000).expect("it arrives");
    let slot = &world.promotions.slots[&(tenant(), ShapeKey::root())];
    let live = slot.live.as_ref().expect("live");
    let steps: Vec<(Stage, &str)> = live
        .trace
        .iter()
        .map(|s| (s.to, s.reason.as_str()))
        .collect();
    let expected = [
        (Stage::Shadow, "proposed"),
        (Stage::Canary, "qualified"),
        (Stage::WideCanary, "not_worse"),
        (Stage::Live, "not_worse"),
    ];
    assert_eq!(steps, expected);
    assert!(live.trace[2..].iter().all(|step| step.capital >= PROMOTION));
    let place = &world.ladder().places[ROOT];
    assert_eq!(
        (place.serves.clone(), place.back.clone()),
        (Some(key("new")), Some(key("old")))
    );
}

#[test]
fn whoever_is_as_good_is_hardly_ever_taken_back_however_long_it_is_watched() {
    let backs = (0..200).filter(|seed| {
        let mut world = World::proposed(*seed);
        for _ in 0..1_000 {
            world.scores((0.8, 0.8));
        }
        world.stage().is_none()
    });
    assert_eq!(backs.count(), 0, "of 200; the bound is one of 1,000");
}

#[test]
fn whoever_is_worse_by_the_margin_seldom_gets_to_serve() {
    let arrived = (0..200).filter(|seed| {
        let mut world = World::proposed(*seed);
        world.climb((0.8, 0.7), 2_000).is_some()
    });
    let arrived = arrived.count();
    assert!(arrived <= 6, "{arrived} of 200");
}

/// Calls of each until the canary is taken back, and why.
fn until_back(outcome: impl Fn(usize) -> (Observed, Observed)) -> (usize, String) {
    let mut world = World::proposed(3);
    for step in 0..5_000 {
        let (old, new) = outcome(step);
        world.tell("old", old);
        world.tell("new", new);
        if world.stage().is_none() {
            return (step + 1, world.reason().to_owned());
        }
    }
    panic!("it was never taken back");
}

#[test]
fn every_channel_takes_a_canary_back_within_a_few_calls() {
    let fine = answered(100, 10, false);
    let cases = [
        ("failures", Observed::Failed, 10),
        ("refusals", answered(100, 10, true), 30),
        ("latency", answered(1_000, 10, false), 30),
        ("cost", answered(100, 20, false), 30),
    ];
    for (reason, bad, most) in cases {
        let (calls, why) = until_back(|_| (fine, bad));
        assert_eq!(why, reason);
        assert!(calls <= most, "{reason}: {calls}");
    }
    let (scores, why) = until_back(|_| (Observed::Scored(0.8), Observed::Scored(0.2)));
    assert_eq!(why, "quality");
    assert!(scores <= 60, "{scores}");
}

#[test]
fn of_a_session_only_the_first_score_counts() {
    let mut world = World::proposed(10);
    let mut told = |model: &str, session, score| {
        let seen = Observation {
            session: Some(session),
            ..seen(model, Observed::Scored(score))
        };
        world.promotions.observe(&[seen], |_| LIMITS, 1);
    };
    for turn in 0..500 {
        told("old", turn, 1.0);
        told("new", 1_000, 0.0);
    }
    let slot = &world.promotions.slots[&(tenant(), ShapeKey::root())];
    let climbing = slot.climbing.as_ref().expect("under way");
    assert_eq!(climbing.guards.step_scores(), 1);
}

#[test]
fn slow_and_costly_by_what_is_allowed_is_fine() {
    let mut world = World::proposed(4);
    for _ in 0..3_000 {
        world.tell("old", answered(100, 100, false));
        world.tell("new", answered(290, 109, false));
    }
    assert_eq!(world.stage(), Some(Stage::Shadow));
}

#[test]
fn who_got_worse_after_it_arrived_is_taken_back_to_whom_it_replaced_and_is_barred() {
    let mut world = World::proposed(5);
    world.climb((0.7, 0.8), 5_000).expect("it arrives");
    for _ in 0..2_000 {
        world.tell("new", Observed::Scored(0.9));
    }
    let mut until = 0;
    while world.stage().is_some() {
        world.tell("new", Observed::Scored(0.3));
        until += 1;
        assert!(until < 100, "still live");
    }
    assert_eq!(world.reason(), "quality");
    let place = &world.ladder().places[ROOT];
    assert_eq!(place.serves, Some(key("old")));
    assert!(place.barred.contains(&key("new")));
    world.now_ms += BARRED_MS + HOUR_MS;
    assert!(world.ladder().places[ROOT].barred.is_empty());
}

#[test]
fn a_gate_that_closes_takes_a_canary_back_and_keeps_one_in_the_shadow() {
    let mut world = World::proposed(6);
    for _ in 0..60 {
        world.scores((0.8, 0.8));
    }
    assert!(!world.consider(Some(Gate::MinSamples)));
    assert_eq!(world.stage(), Some(Stage::Shadow));
    assert!(world.consider(None));
    assert_eq!(world.stage(), Some(Stage::Canary));
    assert!(world.consider(Some(Gate::MaxRegression)));
    assert_eq!(world.reason(), "constraint_max_regression");
}

#[test]
fn what_was_written_goes_on_where_it_was() {
    let mut world = World::proposed(7);
    for _ in 0..100 {
        world.scores((0.8, 0.8));
        world.consider(None);
    }
    let mut written: Vec<Promotion> = world.promotions.unsaved().cloned().collect();
    // As they are read.
    written.iter_mut().for_each(Promotion::tell);
    world.promotions.saved();
    let mut read = Promotions::new(written);
    assert_eq!(read.slots, world.promotions.slots);
    let more = [
        seen("old", Observed::Scored(0.5)),
        seen("new", Observed::Scored(0.9)),
    ];
    read.observe(&more, |_| LIMITS, 9);
    world.promotions.observe(&more, |_| LIMITS, 9);
    assert_eq!(read, world.promotions);
}

#[test]
fn a_pin_ends_what_is_under_way() {
    let mut world = World::proposed(8);
    let pins = BTreeMap::from([(ShapeKey::root(), key("old"))]);
    let ladder = world
        .promotions
        .ladder(&tenant(), (true, pins), (0.05, world.now_ms));
    let standings = standing(None);
    let about = (&tenant(), &standings);
    assert!(!world.promotions.consider(about, &ladder, world.now_ms));
    assert_eq!((world.stage(), world.reason()), (None, "pinned"));
}

#[test]
fn what_is_asked_back_goes_back_and_nothing_else_does() {
    let mut world = World::proposed(9);
    let id = world.promotions.unsaved().next().expect("one").id;
    let other = TenantId::new("other").expect("valid");
    assert!(!world.promotions.roll_back((&other, id), "key:k", 1));
    assert!(world.promotions.roll_back((&tenant(), id), "key:k", 1));
    let ended = world.promotions.ended.last().expect("ended");
    let step = ended.trace.last().expect("a step");
    assert_eq!(
        (step.to, step.by.as_str(), step.reason.as_str()),
        (Stage::RolledBack, "key:k", "asked")
    );
    assert!(!world.promotions.roll_back((&tenant(), id), "key:k", 2));
}

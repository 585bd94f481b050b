//! Facts about a tenant's rankings.

mod guarded;

use floopy_shared::domain::weights::Phase;

use super::*;
use crate::learn::{
    alarm::{Alarm, Alarms},
    stats::ArmSums,
    sums::{ONE, Sums, to_micro},
};

fn key(model: &str) -> CandidateKey {
    CandidateKey::new("p", model).expect("valid")
}

fn candidates() -> Vec<Candidate> {
    [("a", 0.9, 100), ("b", 0.8, 10), ("c", 0.7, 1)]
        .map(|(model, benchmark, cost)| Candidate {
            key: key(model),
            benchmark,
            shape_priors: Default::default(),
            cost: Some(cost),
        })
        .to_vec()
}

fn auto(n: i64, mean: f64) -> ArmSums {
    let spread = Sums {
        sumsq: n * 20_000,
        ..Sums::default()
    };
    ArmSums {
        auto: Sums::of(n * ONE, to_micro(mean)) + spread,
        ..ArmSums::default()
    }
}

fn failed(n: i64) -> ArmSums {
    ArmSums {
        failed: Sums::of(n * ONE, 0),
        ..ArmSums::default()
    }
}

fn shape(name: &str) -> ShapeKey {
    ShapeKey::named(name).expect("valid")
}

fn ask(stats: &TenantStats, incumbents: &Incumbents) -> (Rankings, Incumbents) {
    ask_after(&Alarms::new(), stats, incumbents)
}

fn ask_after(
    alarms: &Alarms,
    stats: &TenantStats,
    incumbents: &Incumbents,
) -> (Rankings, Incumbents) {
    ask_of((&candidates(), alarms), stats, incumbents)
}

fn ask_of(
    (candidates, alarms): (&[Candidate], &Alarms),
    stats: &TenantStats,
    incumbents: &Incumbents,
) -> (Rankings, Incumbents) {
    let tenant = TenantId::new("t").expect("valid");
    let question = Question {
        tenant: &tenant,
        candidates,
        stats,
        platform: &Platform::default(),
        incumbents,
        baseline: None,
        guarded: None,
        goal: Goal::Quality,
        shadow_rate: 0.1,
        shadow_spend: 1.0,
        canary_rate: 0.05,
        live_exploration: 0.0,
        constraints: &floopy_shared::domain::constraints::UNCONSTRAINED,
        quality_per_usd: 0.0,
        alarms,
        ladder: &crate::learn::promotion::UNSTAGED,
        implicit: &[],
    };
    rank(&question).expect("candidates")
}

fn stats(shapes: &[(&str, &[(&str, ArmSums)])]) -> TenantStats {
    let arms = |arms: &[(&str, ArmSums)]| arms.iter().map(|(m, s)| (key(m), *s)).collect();
    let one = |(name, list): &(&str, &[(&str, ArmSums)])| {
        (
            shape(name),
            ShapeStats {
                arms: arms(list),
                ..ShapeStats::default()
            },
        )
    };
    TenantStats {
        shapes: shapes.iter().map(one).collect(),
        ..TenantStats::default()
    }
}

#[test]
fn with_no_data_the_root_alone_is_ranked_by_benchmark() {
    let (rankings, incumbents) = ask(&TenantStats::default(), &Incumbents::new());
    rankings.validate().expect("valid");
    let root = &rankings.shapes[0];
    let order: Vec<&str> = root.candidates.iter().map(|c| c.key.as_str()).collect();
    assert_eq!(
        (order, rankings.shapes.len()),
        (vec!["p/a", "p/b", "p/c"], 1)
    );
    assert_eq!((root.phase, root.weights.benchmark), (Phase::Day0, 1.0));
    assert_eq!(incumbents[&ShapeKey::root()], key("a"));
}

#[test]
fn shapes_with_evidence_get_their_own_leader_and_the_rest_follow_the_root() {
    let code: &[(&str, ArmSums)] = &[("a", auto(60, 0.5)), ("b", auto(60, 0.9))];
    let all: &[(&str, ArmSums)] = &[("a", auto(200, 0.8)), ("b", auto(80, 0.78))];
    let thin: &[(&str, ArmSums)] = &[("b", auto(3, 1.0))];
    let found = ask(
        &stats(&[("all", all), ("class:code", code), ("class:chat", thin)]),
        &Incumbents::new(),
    );
    found.0.validate().expect("valid");
    let names: Vec<&str> = found.0.shapes.iter().map(|s| s.shape.as_str()).collect();
    assert_eq!(names, ["all", "class:code"]);
    assert_eq!(found.1[&shape("all")], key("a"));
    assert_eq!(found.1[&shape("class:code")], key("b"));
}

#[test]
fn a_shape_that_does_as_its_parent_is_not_told_apart() {
    let all: &[(&str, ArmSums)] = &[("a", auto(200, 0.8)), ("b", auto(80, 0.6))];
    let same: &[(&str, ArmSums)] = &[("a", auto(60, 0.8)), ("b", auto(24, 0.6))];
    let other: &[(&str, ArmSums)] = &[("a", auto(60, 0.6)), ("b", auto(24, 0.8))];
    let found = ask(
        &stats(&[("all", all), ("class:chat", same), ("class:code", other)]),
        &Incumbents::new(),
    );
    let names: Vec<&str> = found.0.shapes.iter().map(|s| s.shape.as_str()).collect();
    assert_eq!(names, ["all", "class:code"]);
}

#[test]
fn an_incumbent_is_kept_against_a_lead_within_the_noise() {
    let leader = |mean: f64, held: &Incumbents| {
        let near: &[(&str, ArmSums)] = &[("a", auto(50, 0.80)), ("b", auto(50, mean))];
        ask(&stats(&[("all", near)]), held).1[&ShapeKey::root()].clone()
    };
    let holding = |model: &str| Incumbents::from([(ShapeKey::root(), key(model))]);
    let nobody = Incumbents::new();
    // Where the two are close, whoever serves goes on; far from there, it does not matter who did.
    let means = || (80..100).map(|percent| f64::from(percent) / 100.0);
    let close = means().filter(|mean| {
        leader(*mean, &holding("a")) == key("a") && leader(*mean, &holding("b")) == key("b")
    });
    assert!(
        close.count() >= 3,
        "a lead within the noise changes nothing"
    );
    assert_eq!(leader(0.80, &holding("b")), key("a"));
    assert_eq!(leader(0.99, &nobody), key("b"));
    let near: &[(&str, ArmSums)] = &[("a", auto(50, 0.80)), ("b", auto(50, 0.80))];
    let held = Incumbents::from([(ShapeKey::root(), key("gone"))]);
    assert_eq!(
        ask(&stats(&[("all", near)]), &held).1[&ShapeKey::root()],
        key("a")
    );
}

#[test]
fn a_dead_incumbent_loses_to_an_untried_candidate() {
    let dead: &[(&str, ArmSums)] = &[("a", failed(15))];
    let held = Incumbents::from([(ShapeKey::root(), key("a"))]);
    assert_eq!(
        ask(&stats(&[("all", dead)]), &held).1[&ShapeKey::root()],
        key("b")
    );
}

#[test]
fn what_is_believed_of_a_candidate_after_an_alarm_is_open_so_that_its_own_replies_decide() {
    let before = stats(&[("all", &[("a", auto(1_000, 0.9)), ("b", auto(1_000, 0.8))])]);
    let after = stats(&[("all", &[("a", auto(1_100, 0.9)), ("b", auto(2_000, 0.8))])]);
    let alarms = Alarms::from([(key("a"), Alarm::of(&before, &key("a")))]);
    let reach = |alarms: &Alarms| {
        let (rankings, _) = ask_after(alarms, &after, &Incumbents::new());
        let found = rankings.shapes[0]
            .candidates
            .iter()
            .find(|c| c.key == key("a"));
        let posterior = found.expect("ranked").posterior;
        posterior.upper - posterior.mean
    };
    let (alarmed, trusted) = (reach(&alarms), reach(&Alarms::new()));
    assert!(alarmed > 1.3 * trusted, "{alarmed} {trusted}");
}

#[test]
fn a_call_site_starts_from_its_class_and_the_number_of_shapes_is_bounded() {
    let mut stats = stats(&[("all", &[("a", auto(40_000, 0.8)), ("c", auto(4_000, 0.5))])]);
    for i in 0..400 {
        let mut site = ShapeStats {
            parents: [(shape("class:code"), 9)].into(),
            ..ShapeStats::default()
        };
        site.arms.insert(key("a"), auto(10, 0.5));
        stats.shapes.insert(shape(&format!("site:{i:04}")), site);
    }
    let mut code = ShapeStats::default();
    code.arms.insert(key("c"), auto(4_000, 0.99));
    code.arms.insert(key("a"), auto(400, 0.5));
    stats.shapes.insert(shape("class:code"), code);
    let (rankings, incumbents) = ask(&stats, &Incumbents::new());
    assert_eq!(rankings.shapes.len(), levels::MAX_SHAPES);
    assert_eq!(rankings.shapes[1].shape, shape("class:code"));
    assert_eq!(incumbents[&shape("site:0000")], key("c"));
}

/// The usual candidates, and a test of code that turns their order around.
fn tested() -> Vec<Candidate> {
    let mut candidates = candidates();
    for (candidate, value) in candidates.iter_mut().zip([0.75, 0.93, 0.8]) {
        let prior = ShapePrior::new("class:code", value, "a test".into()).expect("valid");
        candidate.shape_priors = [prior].into();
    }
    candidates
}

fn names(rankings: &Rankings) -> Vec<&str> {
    rankings.shapes.iter().map(|s| s.shape.as_str()).collect()
}

#[test]
fn a_new_tenant_starts_from_what_public_tests_say_of_a_kind_of_task() {
    let (new, nothing) = (Incumbents::new(), TenantStats::default());
    let (rankings, incumbents) = ask_of((&tested(), &Alarms::new()), &nothing, &new);
    rankings.validate().expect("valid");
    assert_eq!(names(&rankings), ["all", "class:code"]);
    assert_eq!(incumbents[&shape("all")], key("a"));
    assert_eq!(incumbents[&shape("class:code")], key("b"));
    let (again, kept) = ask_of((&tested(), &Alarms::new()), &nothing, &incumbents);
    assert_eq!((again, kept), (rankings, incumbents), "and stays there");
}

#[test]
fn tests_that_put_nobody_else_in_front_make_no_ranking_of_their_own() {
    let mut candidates = tested();
    for candidate in &mut candidates {
        let value = candidate.benchmark;
        let prior = ShapePrior::new("class:code", value, "a test".into()).expect("valid");
        candidate.shape_priors = [prior].into();
    }
    let (new, nothing) = (Incumbents::new(), TenantStats::default());
    let (rankings, _) = ask_of((&candidates, &Alarms::new()), &nothing, &new);
    assert_eq!(names(&rankings), ["all"]);
}

#[test]
fn sessions_of_a_tenant_that_is_served_already_keep_their_model() {
    let served = Incumbents::from([(ShapeKey::root(), key("a"))]);
    let nothing = TenantStats::default();
    let (rankings, incumbents) = ask_of((&tested(), &Alarms::new()), &nothing, &served);
    assert_eq!((names(&rankings), &incumbents), (vec!["all"], &served));
}

#[test]
fn replies_overrule_what_public_tests_say() {
    let code: &[(&str, ArmSums)] = &[("a", auto(80, 0.9)), ("b", auto(80, 0.5))];
    let all: &[(&str, ArmSums)] = &[("a", auto(160, 0.9)), ("b", auto(160, 0.7))];
    let known = stats(&[("all", all), ("class:code", code)]);
    let held = Incumbents::from([
        (ShapeKey::root(), key("a")),
        (shape("class:code"), key("b")),
    ]);
    let (_, incumbents) = ask_of((&tested(), &Alarms::new()), &known, &held);
    let code = incumbents.get(&shape("class:code"));
    assert_eq!(code.unwrap_or(&incumbents[&ShapeKey::root()]), &key("a"));
}

#[test]
fn a_test_moves_a_class_and_the_call_sites_below_it() {
    let scored = |n: i64, mean: f64| [("a", auto(n, mean)), ("b", auto(1, mean))];
    let (all, code, site) = (scored(200, 0.8), scored(60, 0.5), scored(20, 0.1));
    let mut known = stats(&[("all", &all), ("class:code", &code), ("site:1", &site)]);
    if let Some(site) = known.shapes.get_mut(&shape("site:1")) {
        site.parents.insert(shape("class:code"), 1);
    }
    let score = |candidates: &[Candidate], name: &str| {
        let (rankings, _) = ask_of((candidates, &Alarms::new()), &known, &Incumbents::new());
        let shape = rankings.shapes.iter().find(|s| s.shape.as_str() == name);
        let shape = shape.unwrap_or_else(|| panic!("{name} is not ranked"));
        let of = |model: &str| {
            let found = shape.candidates.iter().find(|c| c.key == key(model));
            found.expect("a candidate").score
        };
        of("b") - of("a")
    };
    for name in ["class:code", "site:1"] {
        let (without, with) = (score(&candidates(), name), score(&tested(), name));
        assert!(with > without + 0.05, "{name}: {without} to {with}");
    }
    let (without, with) = (score(&candidates(), "all"), score(&tested(), "all"));
    assert_eq!(without, with, "the root has its own benchmark");
}

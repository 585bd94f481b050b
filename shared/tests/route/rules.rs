//! Rules in the place of the learned ranking: each strategy serves what it promises, and says so.

use floopy_shared::domain::{
    affinity::Affinity,
    catalog::CatalogModel,
    constraints::{Constraints, MinQuality},
    decision::{Filter, Load, Reason, Strategy},
    ranking::{Posterior, Rankings, Role},
    route::{Choice, Question, Selection, choose},
    rule::Rule,
    shape::ShapeKey,
};

use crate::world::{Ranked, World, filter, key, order, ranked, serving};

const NAMES: [&str; 3] = ["p/a", "p/b", "q/c"];

fn rule(strategy: Strategy, models: &[&str]) -> Rule {
    Rule {
        id: String::new(),
        name: "r".into(),
        strategy,
        models: models.iter().map(|name| key(name)).collect(),
        weights: Vec::new(),
        min_quality: None,
    }
}

/// The ranking would serve `q/c`.
fn world(rule: Rule) -> World {
    rule.validate().expect("a rule that can be followed");
    World {
        rule: Some(rule),
        ..World::new(vec![
            serving("q/c", 1.0, Role::Incumbent),
            ranked("p/a"),
            ranked("p/b"),
        ])
    }
}

fn open_at(name: &str) -> impl Fn(&CatalogModel) -> Option<Filter> {
    move |model| (model.key.as_str() == name).then_some(Filter::CircuitOpen)
}

fn propensities(choice: &Choice) -> Vec<f64> {
    choice.candidates.iter().map(|c| c.propensity).collect()
}

#[test]
fn a_list_is_served_in_its_order_without_open_circuits_and_what_is_forbidden() {
    let mut world = world(rule(Strategy::Fallback, &NAMES));
    let choice = world.choose();
    assert_eq!(order(&choice), NAMES);
    assert_eq!(
        (choice.strategy, choice.reason, choice.propensity),
        (Strategy::Fallback, Reason::Dispatched, 1.0)
    );
    assert_eq!(choice.rule.as_deref(), Some("r"));
    let choice = world.choose_where(open_at("p/a"));
    assert_eq!(order(&choice), ["p/b", "q/c"]);
    assert_eq!(filter(&choice, "p/a"), Some(Filter::CircuitOpen));
    world.constraints = Constraints {
        deny_providers: vec!["p".into()],
        ..Constraints::default()
    };
    let choice = world.choose();
    assert_eq!(order(&choice), ["q/c"]);
    assert_eq!(filter(&choice, "p/b"), Some(Filter::DenyProviders));
}

#[test]
fn a_rule_counts_for_auto_alone() {
    let named = World {
        selection: Selection::One(key("p/b")),
        ..world(rule(Strategy::Fallback, &["p/a"]))
    };
    let choice = named.choose();
    assert_eq!(order(&choice), ["p/b"]);
    assert_eq!(
        (choice.strategy, choice.rule),
        (Strategy::LegacyModel, None)
    );
}

#[test]
fn one_model_serves_auto_as_if_it_were_named() {
    let choice = world(rule(Strategy::LegacyModel, &["p/b"])).choose();
    assert_eq!(order(&choice), ["p/b"]);
    assert_eq!(choice.strategy, Strategy::LegacyModel);
    assert_eq!(choice.rule.as_deref(), Some("r"));
    let choice = world(rule(Strategy::LegacyModel, &["p/b"])).choose_where(open_at("p/b"));
    assert_eq!(order(&choice), ["p/b"], "as if it were named");
}

#[test]
fn whoever_got_worse_is_not_served_for_its_price() {
    let mut world = priced(rule(Strategy::SmartCost, &NAMES), Some("q/c"));
    world.candidates[1].role = Role::Masked;
    let choice = choose_sure(&world, 0.02);
    assert_eq!(order(&choice), ["q/c"]);
    assert_eq!(filter(&choice, "p/b"), Some(Filter::Drift));
}

/// Over many sessions, the share of each name as first, and whether every one keeps its model.
fn shares(world: &World, sessions: u32) -> [f64; 3] {
    let (catalog, rankings) = (world.catalog(), world.rankings());
    let mut shares = [0.0; 3];
    for n in 0..sessions {
        let one = World {
            session: format!("s{n}"),
            ..world.clone()
        };
        let choose = || one.choose_with((&catalog, &rankings), |_| None);
        let choice = choose().expect("served");
        let again = choose().expect("served");
        assert_eq!(choice, again, "a session keeps its model");
        assert_eq!(choice.order.len(), 3, "the others are fallbacks");
        let first = NAMES
            .iter()
            .position(|name| *name == choice.order[0].key.as_str());
        shares[first.expect("listed")] += 1.0 / f64::from(sessions);
    }
    shares
}

#[test]
fn sessions_are_shared_evenly_or_by_weights_with_exact_propensities() {
    let weighted = Rule {
        weights: vec![70.0, 30.0, 0.0],
        ..rule(Strategy::Weighted, &NAMES)
    };
    let cases = [
        (rule(Strategy::RoundRobin, &NAMES), [1.0 / 3.0; 3]),
        (weighted, [0.7, 0.3, 0.0]),
    ];
    for (rule, expected) in cases {
        let world = world(rule);
        assert_eq!(propensities(&world.choose()), expected);
        let found = shares(&world, 20_000);
        for (found, expected) in found.iter().zip(expected) {
            // Five standard deviations of the least certain share.
            assert!((found - expected).abs() < 0.018, "{found} for {expected}");
        }
    }
}

#[test]
fn an_open_circuit_leaves_the_others_their_relative_shares() {
    let world = world(Rule {
        weights: vec![60.0, 30.0, 10.0],
        ..rule(Strategy::Weighted, &NAMES)
    });
    let choice = world.choose_where(open_at("p/a"));
    assert_eq!(propensities(&choice), [0.0, 0.75, 0.25]);
    assert_eq!(choice.reason, Reason::Dispatched);
    let alone = World {
        rule: Some(Rule {
            weights: vec![1.0, 0.0],
            ..rule(Strategy::Weighted, &["p/a", "p/b"])
        }),
        ..world
    };
    let choice = alone.choose_where(open_at("p/a"));
    assert_eq!(order(&choice), ["p/b"]);
    assert_eq!(
        (choice.reason, choice.propensity),
        (Reason::DefaultModel, 1.0)
    );
}

#[test]
fn the_quickest_serves_and_the_unmeasured_are_measured_first_one_call_at_a_time() {
    let load = |first_byte_ms: Option<f64>, waiting| Load {
        first_byte_ms,
        waiting,
    };
    let with = |loads: [Load; 3]| World {
        loads: NAMES.iter().map(|name| key(name)).zip(loads).collect(),
        ..world(rule(Strategy::LatencyBased, &NAMES))
    };
    let slow = load(Some(800.0), 0);
    let quick = load(Some(300.0), 0);
    let busy = load(Some(300.0), 4);
    let (new, trying) = (load(None, 0), load(None, 1));
    for (loads, expected) in [
        ([slow, quick, busy], ["p/b", "p/a", "q/c"]),
        ([slow, busy, new], ["q/c", "p/a", "p/b"]),
        ([trying, slow, quick], ["q/c", "p/b", "p/a"]),
        ([quick, quick, quick], ["p/a", "p/b", "q/c"]),
    ] {
        let choice = with(loads).choose();
        assert_eq!(order(&choice), expected, "{loads:?}");
        let traced: Vec<_> = choice.candidates.iter().map(|c| c.load).collect();
        assert_eq!(traced, loads.map(Some));
        assert_eq!(choice.propensity, 1.0);
    }
}

/// `q/c` is the baseline at 5 USD; `p/a` costs 1 USD and `p/b` 2 USD a million.
fn priced(rule: Rule, baseline: Option<&str>) -> World {
    let at = |name: &str, score, price| Ranked {
        score,
        price: Some(price),
        ..ranked(name)
    };
    World {
        baseline: baseline.map(key),
        candidates: vec![
            Ranked {
                role: Role::Incumbent,
                probability: 1.0,
                ..at("q/c", 0.8, 5_000_000)
            },
            at("p/b", 0.79, 2_000_000),
            at("p/a", 0.6, 1_000_000),
        ],
        ..world(rule)
    }
}

/// Decides with posteriors this narrow.
fn choose_sure(world: &World, width: f64) -> Choice {
    let catalog = world.catalog();
    let mut rankings: Rankings = world.rankings();
    for candidate in &mut rankings.shapes[0].candidates {
        candidate.posterior = Posterior {
            mean: candidate.score,
            lower: candidate.score - width,
            upper: candidate.score + width,
            n: 50.0,
        };
    }
    world
        .choose_with((&catalog, &rankings), |_| None)
        .expect("served")
}

#[test]
fn the_cheapest_that_keeps_the_quality_of_the_baseline_serves() {
    let world = priced(rule(Strategy::SmartCost, &[]), Some("q/c"));
    let choice = choose_sure(&world, 0.02);
    assert_eq!(order(&choice), ["p/b", "q/c"]);
    assert_eq!(filter(&choice, "p/a"), Some(Filter::MinQuality));
    assert_eq!(choice.reason, Reason::Dispatched);
    assert_eq!(choice.baseline, Some(key("q/c")));
    let p_floor = |name: &str| {
        let of = choice.candidates.iter().find(|c| c.key.as_str() == name);
        of.expect("traced").p_floor
    };
    assert!(p_floor("p/b").expect("judged") > 0.7 && p_floor("p/a").expect("judged") < 0.01);
    let unsure = choose_sure(&world, 0.8);
    assert_eq!(order(&unsure), ["q/c"], "little is known yet");
}

#[test]
fn where_nobody_keeps_it_the_baseline_serves_and_the_decision_says_so() {
    let strict = Rule {
        min_quality: Some(MinQuality {
            floor: 1.0,
            assurance: 0.99,
        }),
        ..rule(Strategy::SmartCost, &["p/a", "p/b"])
    };
    let choice = choose_sure(&priced(strict, Some("q/c")), 0.02);
    assert_eq!(order(&choice), ["q/c"]);
    assert_eq!((choice.reason, choice.propensity), (Reason::Baseline, 1.0));
    assert_eq!(filter(&choice, "p/b"), Some(Filter::MinQuality));
}

#[test]
fn before_anything_is_learned_benchmarks_say_who_keeps_the_quality() {
    let world = priced(rule(Strategy::SmartCost, &NAMES), None);
    let benchmark = |key: &str| match key {
        "q/c" => 0.8,
        "p/b" => 0.78,
        _ => 0.5,
    };
    let models = world.catalog();
    let models = models.models().iter().map(|model| CatalogModel {
        benchmark: benchmark(model.key.as_str()),
        ..model.as_ref().clone()
    });
    let catalog = floopy_shared::domain::catalog::Catalog::new(models.collect()).expect("valid");
    let shapes = [ShapeKey::root()];
    let question = Question {
        rule: world.rule.as_ref(),
        ..Question::new(&catalog, &world.features, &shapes, "s")
    };
    let choice = choose(&question, |_| None).expect("served");
    assert_eq!(order(&choice), ["p/b", "q/c"]);
    assert_eq!(choice.ranked_shape, None);
}

#[test]
fn a_tool_loop_stays_with_whoever_began_it() {
    let rules = [
        rule(Strategy::Fallback, &NAMES),
        rule(Strategy::RoundRobin, &NAMES),
        rule(Strategy::LatencyBased, &NAMES),
        rule(Strategy::SmartCost, &NAMES),
        rule(Strategy::FeedbackDriven, &NAMES),
    ];
    for rule in rules {
        let strategy = rule.strategy;
        let world = World {
            affinity: Affinity {
                held: Some(key("p/b")),
                tool_loop: true,
                ..Affinity::default()
            },
            ..world(rule)
        };
        let choice = world.choose();
        let first = choice.order[0].key.as_str();
        assert_eq!(
            (first, choice.reason, choice.propensity),
            ("p/b", Reason::Pinned, 1.0),
            "{strategy:?}"
        );
    }
}

#[test]
fn learning_among_some_keeps_their_relative_probabilities() {
    let mut world = world(rule(Strategy::FeedbackDriven, &["p/a", "p/b"]));
    world.candidates = vec![
        serving("q/c", 0.5, Role::Incumbent),
        serving("p/a", 0.4, Role::Canary),
        serving("p/b", 0.1, Role::Canary),
    ];
    let choice = world.choose();
    let found = propensities(&choice);
    assert_eq!(found.len(), 2);
    assert!((found[0] - 0.8).abs() < 1e-12 && (found[1] - 0.2).abs() < 1e-12);
    assert_eq!(
        (choice.strategy, choice.rule.as_deref()),
        (Strategy::FeedbackDriven, Some("r"))
    );
    assert_eq!(choice.order.len(), 2);
}

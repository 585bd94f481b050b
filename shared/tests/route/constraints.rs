//! What a tenant forbids is never served, what it wishes is kept where anybody keeps it, and the baseline
//! serves where nobody does.

use floopy_shared::domain::{
    constraints::{Constraints, MinQuality},
    decision::{Filter, Reason},
    ranking::Role,
    route::Selection,
};

use crate::world::{Ranked, World, filter, key, order, ranked, serving};

fn world() -> World {
    let cheap = Ranked {
        latency_p95_ms: Some(300),
        p_floor: Some(0.6),
        price: Some(100_000),
        ..serving("p/cheap", 0.9, Role::Incumbent)
    };
    let good = Ranked {
        latency_p95_ms: Some(2_000),
        p_floor: Some(0.9),
        ..serving("q/good", 0.1, Role::Canary)
    };
    let base = Ranked {
        price: Some(9_000_000),
        latency_p95_ms: Some(4_000),
        ..ranked("r/base")
    };
    World {
        baseline: Some(key("r/base")),
        ..World::new(vec![cheap, good, base, ranked("s/new")])
    }
}

fn constrained(constraints: Constraints) -> World {
    World {
        constraints,
        ..world()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn each_constraint_filters_by_its_own_name() {
    let floor = Constraints {
        min_quality: Some(MinQuality {
            floor: 0.95,
            assurance: 0.7,
        }),
        ..Constraints::default()
    };
    let choice = constrained(floor).choose();
    assert_eq!(order(&choice), ["q/good", "r/base"]);
    assert_eq!(filter(&choice, "p/cheap"), Some(Filter::MinQuality));
    assert_eq!(
        filter(&choice, "s/new"),
        Some(Filter::MinQuality),
        "nothing is proven of it"
    );
    assert_eq!(
        filter(&choice, "r/base"),
        None,
        "the reference need not prove itself"
    );
    let fast = Constraints {
        max_latency_ms: Some(1_000),
        ..Constraints::default()
    };
    let choice = constrained(fast).choose();
    assert_eq!(order(&choice), ["p/cheap", "s/new", "r/base"]);
    assert_eq!(filter(&choice, "q/good"), Some(Filter::MaxLatency));
    let thrifty = Constraints {
        max_cost_micro_usd: Some(1_000),
        ..Constraints::default()
    };
    let choice = constrained(thrifty).choose();
    assert_eq!(filter(&choice, "q/good"), Some(Filter::MaxCost));
    assert_eq!(choice.order[0].key, key("p/cheap"));
}

#[test]
fn where_only_the_baseline_keeps_a_floor_the_decision_says_so() {
    let floor = Constraints {
        min_quality: Some(MinQuality {
            floor: 0.95,
            assurance: 0.95,
        }),
        ..Constraints::default()
    };
    let alone = ("r/base".to_owned(), "constraint_no_candidate");
    assert_eq!(constrained(floor.clone()).served(), alone);
    let drawn = |share: f64| {
        let mut world = constrained(floor.clone());
        world.candidates[2] = Ranked {
            price: Some(9_000_000),
            ..serving("r/base", share, Role::Incumbent)
        };
        world
    };
    assert_eq!(drawn(0.5).served(), alone);
    // Whoever proved that it keeps the floor serves as ever.
    let mut proven = drawn(0.0);
    proven.candidates[1].p_floor = Some(0.96);
    assert_eq!(proven.served(), ("q/good".to_owned(), "explored"));
}

#[test]
fn a_price_that_nobody_knows_keeps_no_limit_of_cost() {
    let mut world = constrained(Constraints {
        max_cost_micro_usd: Some(1_000_000),
        ..Constraints::default()
    });
    world.candidates[0].price = None;
    let choice = world.choose();
    assert_eq!(filter(&choice, "p/cheap"), Some(Filter::MaxCost));
    assert_eq!(choice.order[0].key, key("q/good"));
}

#[test]
fn the_baseline_serves_where_nobody_keeps_the_wishes_and_says_so() {
    let impossible = Constraints {
        max_cost_micro_usd: Some(1),
        ..Constraints::default()
    };
    let choice = constrained(impossible.clone()).choose();
    assert_eq!(order(&choice), ["r/base"]);
    assert_eq!(choice.reason.as_str(), "constraint_no_candidate");
    assert_eq!((choice.propensity, choice.exploration_rate), (1.0, 0.0));
    assert_eq!(filter(&choice, "r/base"), Some(Filter::MaxCost));
    // Without a published one, the tenant's default model is it, and without that the best candidate.
    let default = World {
        baseline: None,
        default_model: Some(key("q/good")),
        ..constrained(impossible.clone())
    };
    assert_eq!(
        default.served(),
        ("q/good".into(), "constraint_no_candidate")
    );
    let neither = World {
        baseline: None,
        ..constrained(impossible)
    };
    assert_eq!(
        neither.served(),
        ("p/cheap".into(), "constraint_no_candidate")
    );
}

#[test]
fn a_baseline_that_cannot_serve_does_not() {
    let world = constrained(Constraints {
        max_cost_micro_usd: Some(1),
        ..Constraints::default()
    });
    let (catalog, rankings) = (world.catalog(), world.rankings());
    let open = |name: &'static str| {
        move |model: &floopy_shared::domain::catalog::CatalogModel| {
            (model.key.as_str() == name).then_some(Filter::CircuitOpen)
        }
    };
    let none = world.choose_with((&catalog, &rankings), open("r/base"));
    let traced = none.expect_err("nobody").candidates;
    assert!(traced.iter().all(|c| c.filter.is_some()));
    let denied = World {
        constraints: Constraints {
            deny_providers: names(&["r"]),
            ..world.constraints.clone()
        },
        ..world
    };
    assert!(denied.choose_with((&catalog, &rankings), |_| None).is_err());
}

#[test]
fn what_is_forbidden_is_never_served_not_even_as_a_fallback() {
    let choice = constrained(Constraints {
        allow_providers: names(&["p", "q"]),
        deny_models: names(&["cheap"]),
        ..Constraints::default()
    })
    .choose();
    assert_eq!(order(&choice), ["q/good"]);
    assert_eq!(filter(&choice, "p/cheap"), Some(Filter::DenyModels));
    assert_eq!(filter(&choice, "r/base"), Some(Filter::AllowProviders));
}

#[test]
fn of_named_models_only_what_is_forbidden_is_refused() {
    let strict = Constraints {
        deny_models: names(&["p/cheap"]),
        max_cost_micro_usd: Some(1),
        max_latency_ms: Some(1),
        min_quality: Some(MinQuality {
            floor: 1.0,
            assurance: 0.99,
        }),
        ..Constraints::default()
    };
    let asked = |selection| World {
        selection,
        ..constrained(strict.clone())
    };
    assert_eq!(
        asked(Selection::One(key("q/good"))).choose().reason,
        Reason::Dispatched
    );
    let list = Selection::Ordered(vec![key("p/cheap"), key("q/good")]);
    assert_eq!(order(&asked(list).choose()), ["q/good"]);
    let denied = asked(Selection::One(key("p/cheap")));
    let (catalog, rankings) = (denied.catalog(), denied.rankings());
    let none = denied
        .choose_with((&catalog, &rankings), |_| None)
        .expect_err("denied");
    assert_eq!(none.candidates[0].filter, Some(Filter::DenyModels));
}

#[test]
fn the_masked_serve_only_where_nobody_else_is_left_and_prove_themselves_in_the_shadow() {
    let masked = Ranked {
        shadow: 1.0,
        role: Role::Masked,
        ..ranked("p/drifted")
    };
    let world = World {
        shadow_rate: 1.0,
        ..World::new(vec![masked, serving("q/other", 1.0, Role::Incumbent)])
    };
    let choice = world.choose();
    assert_eq!(order(&choice), ["q/other", "p/drifted"]);
    assert_eq!(filter(&choice, "p/drifted"), Some(Filter::Drift));
    assert_eq!(choice.shadow.expect("drawn").model.key, key("p/drifted"));
    let alone = world.choose_where(|m| (m.key.provider() == "q").then_some(Filter::CircuitOpen));
    assert_eq!(
        (order(&alone), alone.reason),
        (vec!["p/drifted"], Reason::DefaultModel)
    );
}

#[test]
fn explorers_never_gain_what_the_filtered_leave() {
    let world = World::new(vec![
        serving("p/a", 0.9, Role::Incumbent),
        serving("p/b", 0.06, Role::Canary),
        serving("q/x", 0.04, Role::Explorer),
    ]);
    let without = |names: &'static [&'static str]| {
        world.choose_where(|m| {
            names
                .contains(&m.key.as_str())
                .then_some(Filter::CircuitOpen)
        })
    };
    let all = without(&[]);
    assert!((all.exploration_rate - 0.10).abs() < 1e-12);
    let one_less = without(&["p/a"]);
    let shares: Vec<f64> = one_less.candidates.iter().map(|c| c.propensity).collect();
    assert_eq!(shares, [0.0, 0.96, 0.04]);
    let alone = without(&["p/a", "p/b"]);
    assert_eq!(
        (order(&alone), alone.reason),
        (vec!["q/x"], Reason::DefaultModel)
    );
    assert_eq!(alone.exploration_rate, 0.0);
}

//! Whom a gate keeps back serves only where everybody else, the baseline included, has failed, and every decision names
//! the gate.

use floopy_shared::domain::{
    decision::{Filter, Reason, Strategy},
    explanation::of_decision,
    gates::Gate,
    ranking::Role,
    rule::Rule,
};

use crate::{
    replay::record,
    world::{Ranked, World, filter, key, order, ranked, serving},
};

fn gated(name: &str, gate: Gate) -> Ranked {
    Ranked {
        gate: Some(gate),
        shadow: 0.5,
        ..ranked(name)
    }
}

/// `b` and `c` are kept back; `a` is the baseline and serves.
fn world() -> World {
    let candidates = vec![
        serving("p/a", 1.0, Role::Incumbent),
        gated("p/b", Gate::MaxRegression),
        gated("q/c", Gate::RequireShadow),
    ];
    World {
        baseline: Some(key("p/a")),
        default_model: Some(key("p/a")),
        request: uuid::Uuid::nil().to_string(),
        ..World::new(candidates)
    }
}

#[test]
fn the_baseline_serves_alone_and_says_so_where_gates_keep_back_everybody_else() {
    let choice = world().choose();
    assert_eq!(
        order(&choice),
        ["p/a", "p/b", "q/c"],
        "who is kept back is the last resort"
    );
    let shares: Vec<f64> = choice.candidates.iter().map(|c| c.propensity).collect();
    assert_eq!(shares, [1.0, 0.0, 0.0]);
    assert_eq!(choice.reason, Reason::Baseline);
    assert_eq!(choice.propensity, 1.0);
    assert_eq!(
        filter(&choice, "p/b"),
        Some(Filter::Gate(Gate::MaxRegression))
    );
    let reasons: Vec<&str> = choice
        .candidates
        .iter()
        .filter_map(|c| c.filter.map(Filter::as_str))
        .collect();
    assert_eq!(
        reasons,
        [
            "constraint_max_regression",
            "constraint_require_shadow_before_live"
        ]
    );
}

#[test]
fn who_passes_the_gates_serves_as_ever() {
    let mut world = world();
    world.candidates[0].probability = 0.1;
    world.candidates[0].role = Role::Canary;
    world
        .candidates
        .insert(0, serving("r/d", 0.9, Role::Incumbent));
    let choice = world.choose();
    assert_eq!(choice.reason, Reason::Dispatched);
    assert_eq!(order(&choice), ["r/d", "p/a", "p/b", "q/c"]);
}

#[test]
fn the_last_resort_is_nobody_whom_the_tenant_forbids_or_finds_too_dear() {
    let mut dear = world();
    dear.candidates[1].price = Some(900_000_000);
    dear.constraints.max_cost_micro_usd = Some(100_000);
    dear.constraints.deny_providers = vec!["q".into()];
    let choice = dear.choose();
    assert_eq!(order(&choice), ["p/a"], "{:?}", choice.candidates);
}

#[test]
fn gates_are_lifted_where_the_baseline_itself_cannot_serve() {
    let world = world();
    let blocked = |why: Filter| {
        let is_baseline = |name: &str| name == "p/a";
        let rankings = world.rankings();
        world
            .choose_with((&world.catalog(), &rankings), |model| {
                is_baseline(model.key.as_str()).then_some(why)
            })
            .expect("somebody serves")
    };
    for why in [
        Filter::CircuitOpen,
        Filter::NoProviderKey,
        Filter::CapabilityMissing,
    ] {
        let choice = blocked(why);
        assert_eq!(order(&choice), ["p/b", "q/c"], "{why:?}");
        assert_eq!(filter(&choice, "p/b"), None);
        assert_eq!(choice.reason, Reason::DefaultModel);
    }
}

#[test]
fn a_rule_that_does_not_list_the_baseline_is_not_held_back_and_one_that_does_is() {
    let rule = |strategy, models: &[&str]| Rule {
        id: String::new(),
        name: "r".into(),
        strategy,
        models: models.iter().map(|name| key(name)).collect(),
        weights: Vec::new(),
        min_quality: None,
    };
    let by = |strategy, models: &[&str]| {
        World {
            rule: Some(rule(strategy, models)),
            ..world()
        }
        .choose()
    };
    let learned = Strategy::FeedbackDriven;
    assert_eq!(order(&by(learned, &["p/b", "q/c"])), ["p/b", "q/c"]);
    assert_eq!(order(&by(learned, &["p/a", "p/b"])), ["p/a", "p/b"]);
    // The cheapest that keeps the quality would be tried instead of the baseline, too; who is not sure to keep it is no
    // last resort of such a rule.
    assert_eq!(order(&by(Strategy::SmartCost, &["p/b"])), ["p/a"]);
    assert_eq!(
        order(&by(Strategy::Fallback, &["p/b", "p/a"])),
        ["p/b", "p/a"],
        "an order that was written down stands"
    );
}

#[test]
fn the_shadow_tries_whom_a_gate_keeps_back() {
    let world = World {
        shadow_rate: 1.0,
        ..world()
    };
    let shadow = world.choose().shadow.expect("somebody is tried");
    assert_ne!(shadow.model.key, key("p/a"));
}

#[test]
fn a_record_is_explained_by_its_gates() {
    let world = world();
    let decision = record(&world, &world.choose());
    assert_eq!(of_decision(&decision).template_id(), "constraint_filtered");
    let unsure = World {
        candidates: vec![
            serving("p/a", 1.0, Role::Incumbent),
            gated("p/b", Gate::ConfidenceThreshold),
        ],
        ..world
    };
    let decision = record(&unsure, &unsure.choose());
    assert_eq!(
        of_decision(&decision).template_id(),
        "low_confidence_default"
    );
}

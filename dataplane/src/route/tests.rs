//! Calls become plans, by their model, their headers and what is open.

use bytes::Bytes;
use floopy_shared::domain::{
    catalog::Catalog,
    decision::{Reason, Strategy},
    experiment::{Arrangement, Experiment, Scope},
    ids::TenantId,
    rule::Rule,
};
use uuid::Uuid;

use super::*;
use crate::{call::Endpoint, config};

struct World {
    snapshot: Snapshot,
    providers: Providers,
    breakers: Breakers,
    conversations: Conversations,
    tenant: Tenant,
}

fn world() -> World {
    let model = |key: &str, benchmark: f64| {
        let key = CandidateKey::parse(key).expect("valid");
        let kind = if key.model().contains("embed") {
            ModelKind::Embedding
        } else {
            ModelKind::Chat
        };
        CatalogModel {
            benchmark,
            ..CatalogModel::unlisted(key, kind)
        }
    };
    let catalog = Catalog::new(vec![
        model("a/best", 0.9),
        model("b/next", 0.8),
        model("b/embed", 0.5),
        model("c/keyless", 0.4),
    ]);
    let id = TenantId::new("t").expect("valid");
    let tenant = Tenant::new(id);
    let provider = |name: &str| config::Provider {
        base_url: Some(format!("http://{name}.test/v1")),
        ..config::Provider::named(name)
    };
    World {
        snapshot: Snapshot::cold(catalog.expect("valid"), [tenant.clone()]),
        providers: Providers::new(&[provider("a"), provider("b")]).expect("valid"),
        breakers: Breakers::new(&config::Breaker {
            failures: 1,
            open_ms: 60_000,
            ..config::Breaker::default()
        }),
        conversations: Conversations::default(),
        tenant,
    }
}

fn plan(world: &World, model: &str, fallback: Option<&str>) -> Result<Plan, Unroutable> {
    planned(world, model, (fallback, None))
}

fn planned(
    world: &World,
    model: &str,
    (fallback, smart_select): (Option<&str>, Option<&str>),
) -> Result<Plan, Unroutable> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
    let call = Call::parse(Bytes::from(body), Endpoint::Chat, None).expect("valid");
    let view = View {
        snapshot: &world.snapshot,
        providers: &world.providers,
        breakers: &world.breakers,
        conversations: &world.conversations,
        latencies: &Latencies::default(),
        now_ms: 0,
        attempts: 4,
    };
    let caller = Caller {
        tenant: &world.tenant,
        key_id: "k",
        is_evaluation: false,
        session: None,
        request_id: RequestId(Uuid::nil()),
        fallback,
        provider: None,
        rule: None,
        passthrough: None,
        smart_select,
    };
    decide(&view, &call, &caller)
}

fn order(plan: &Plan) -> Vec<&str> {
    plan.choice
        .order
        .iter()
        .map(|model| model.key.as_str())
        .collect()
}

#[test]
fn auto_goes_to_the_best_prior_with_the_rest_as_fallbacks() {
    let plan = plan(&world(), "auto", None).expect("routable");
    assert_eq!(order(&plan), ["a/best", "b/next"]);
    assert_eq!(plan.choice.strategy, Strategy::FeedbackDriven);
    assert!(plan.draw_key.starts_with("implicit:"));
}

/// One of two models that decides on calls that name no rule.
fn compare(world: &mut World, b: &str) {
    let rule = |name: &str, model: &str| Rule {
        id: String::new(),
        name: name.into(),
        strategy: Strategy::LegacyModel,
        models: vec![CandidateKey::parse(model).expect("valid")],
        weights: Vec::new(),
        min_quality: None,
    };
    world.tenant.routing.rules = vec![rule("x-a", "b/next"), rule("x-b", b)];
    world.tenant.routing.experiments = vec![Experiment {
        id: Uuid::nil(),
        a: "x-a".into(),
        b: "x-b".into(),
        percentage: 50,
        arrangement: Arrangement::Canary,
        scope: Scope::Unnamed,
    }];
}

#[test]
fn an_experiment_whose_models_cannot_both_be_asked_is_left_out() {
    let served = |world: &World| {
        let plan = plan(world, "auto", None).expect("served");
        (plan.experiment.is_some(), order(&plan).len())
    };
    let mut world = world();
    compare(&mut world, "a/best");
    assert_eq!(served(&world), (true, 1));
    world.tenant.constraints.deny_providers = vec!["b".into()];
    assert_eq!(served(&world), (false, 1), "a model is forbidden");
    world.tenant.constraints.deny_providers.clear();
    for gone in ["a/gone", "c/keyless"] {
        compare(&mut world, gone);
        assert_eq!(served(&world), (false, 2), "{gone}");
    }
}

#[test]
fn an_open_circuit_takes_a_candidate_out() {
    let world = world();
    let best = CandidateKey::parse("a/best").expect("valid");
    world.breakers.failed(&best);
    let left = plan(&world, "auto", None).expect("one is left");
    assert_eq!(order(&left), ["b/next"]);
    assert_eq!(left.choice.reason, Reason::Dispatched);
    world
        .breakers
        .failed(&CandidateKey::parse("b/next").expect("valid"));
    let error = plan(&world, "auto", None).expect_err("all open");
    assert!(error.is_temporary());
    assert!(
        error.to_string().contains("a/best (failed repeatedly"),
        "{error}"
    );
    assert_eq!(
        order(&plan(&world, "a/best", None).expect("named by the caller")),
        ["a/best"]
    );
}

#[test]
fn the_fallback_serves_auto_when_the_ranking_has_nobody_left() {
    let world = world();
    for key in ["a/best", "b/next"] {
        let key = CandidateKey::parse(key).expect("valid");
        world.breakers.failed(&key);
    }
    let plan = plan(&world, "auto", Some("b/other")).expect("the fallback is left");
    assert_eq!(order(&plan), ["b/other"]);
    assert_eq!(plan.choice.strategy, Strategy::Fallback);
}

#[test]
fn a_fallback_header_makes_a_list_and_is_the_last_resort_of_auto() {
    let world = world();
    let listed = plan(&world, "a/best", Some("b/other")).expect("routable");
    assert_eq!(order(&listed), ["a/best", "b/other"]);
    assert_eq!(listed.choice.strategy, Strategy::Fallback);
    let auto = plan(&world, "auto", Some("b/other")).expect("routable");
    assert_eq!(order(&auto), ["a/best", "b/next", "b/other"]);
}

#[test]
fn of_a_list_that_is_no_order_the_best_is_chosen_and_the_rest_comes_after() {
    let world = world();
    let listed = "b/other,b/next,a/best";
    for word in ["true", "ucb1", "thompson"] {
        let plan = planned(&world, listed, (None, Some(word))).expect("routable");
        assert_eq!(order(&plan), ["a/best", "b/next", "b/other"], "{word}");
        assert_eq!(plan.choice.strategy, Strategy::FeedbackDriven);
        assert_eq!(plan.choice.rule, None);
    }
    let ordered = planned(&world, listed, (None, Some("false"))).expect("routable");
    assert_eq!(order(&ordered), ["b/other", "b/next", "a/best"]);
    let unknown = planned(&world, "b/new,b/other", (None, Some("true"))).expect("routable");
    assert_eq!(order(&unknown), ["b/new", "b/other"]);
    let one = planned(&world, "b/next", (None, Some("true"))).expect("routable");
    assert_eq!(one.choice.strategy, Strategy::LegacyModel);
    let error = planned(&world, listed, (None, Some("best"))).expect_err("no word of it");
    assert!(error.to_string().contains("thompson"), "{error}");
}

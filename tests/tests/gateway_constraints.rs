//! What a tenant's configuration allows is what its calls get, and every decision says what was left out.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream,
    checks::{assert_decision_headers, assert_error},
    in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    what_is_forbidden_is_filtered_hidden_and_refused_by_name,
    the_baseline_serves_where_nothing_keeps_the_constraints,
    the_baseline_serves_where_nobody_is_sure_to_keep_a_floor,
    other_tenants_are_not_constrained,
);

async fn start(shape: Shape, tenant: &str) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(tenant);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

fn filtered(decision: &Value) -> Vec<(&str, &str)> {
    decision["decision_trace"]["filtered"]
        .as_array()
        .expect("filtered")
        .iter()
        .filter_map(|f| Some((f["model"].as_str()?, f["reason"].as_str()?)))
        .collect()
}

const NO_ALPHA: &str = "[tenants.constraints]\ndeny_models = [\"alpha\"]";

async fn what_is_forbidden_is_filtered_hidden_and_refused_by_name(shape: Shape) {
    let (upstream, _floopy, api) = start(shape, NO_ALPHA).await;
    let answer = api.chat("s", &hello("auto")).await.ok();
    assert_eq!(answer.header("floopy-model"), "up/beta");
    let decision = api.decision(&answer.request_id()).await;
    assert!(
        filtered(&decision).contains(&("alpha", "constraint_deny_models")),
        "{decision}"
    );
    let named = api.chat("s", &hello("up/alpha")).await;
    let mentions = ["up/alpha", "deny_models"];
    assert_error(&named, 403, "model_not_allowed", &mentions);
    let list = api.chat("s", &hello("up/alpha,up/beta")).await.ok();
    assert_eq!(list.header("floopy-model"), "up/beta");
    assert_eq!(upstream.count("alpha"), 0);
    let models = api.get("/v1/models").await.ok().text();
    assert!(
        models.contains("up/beta") && !models.contains("up/alpha"),
        "{models}"
    );
}

async fn the_baseline_serves_where_nothing_keeps_the_constraints(shape: Shape) {
    let tenant = "default_model = \"up/beta\"\n[tenants.constraints]\nmax_cost_micro_usd = 1";
    let (_upstream, _floopy, api) = start(shape, tenant).await;
    let answer = api.chat("s", &hello("auto")).await.ok();
    assert_decision_headers(&answer, "up/beta", "constraint_no_candidate");
    let decision = api.decision(&answer.request_id()).await;
    let max_cost = "constraint_max_cost_micro_usd";
    let expected = [("alpha", max_cost), ("beta", max_cost)];
    let mut found = filtered(&decision);
    found.sort_unstable();
    assert_eq!(found, expected, "{decision}");
    let trace = &decision["decision_trace"];
    assert_eq!(trace["reason"], "constraint_no_candidate");
    assert_eq!(
        trace["baseline"],
        json!({"provider": "up", "model": "beta"})
    );
    assert_eq!(trace["propensity"], 1.0);
    assert_eq!(
        decision["explanation_detail"]["template_id"],
        "constraint_filtered"
    );
    // Whoever names a model gets it, whatever it costs.
    let named = api.chat("s", &hello("up/alpha")).await.ok();
    assert_decision_headers(&named, "up/alpha", "dispatched");
}

async fn the_baseline_serves_where_nobody_is_sure_to_keep_a_floor(shape: Shape) {
    let tenant = "default_model = \"up/alpha\"\n[tenants.constraints]\nmin_quality = { floor = 1.0, assurance = 0.99 }";
    let (_upstream, _floopy, api) = start(shape, tenant).await;
    let answer = api.chat("s", &hello("auto")).await.ok();
    assert_decision_headers(&answer, "up/alpha", "constraint_no_candidate");
    let decision = api.decision(&answer.request_id()).await;
    let expected = [("beta", "constraint_min_quality")];
    assert_eq!(filtered(&decision), expected, "{decision}");
    assert_eq!(
        decision["explanation_detail"]["template_id"],
        "low_confidence_default"
    );
}

async fn other_tenants_are_not_constrained(shape: Shape) {
    let (_upstream, floopy, _api) = start(shape, NO_ALPHA).await;
    let answer = floopy.other_api().chat("s", &hello("auto")).await.ok();
    assert_decision_headers(&answer, "up/alpha", "dispatched");
}

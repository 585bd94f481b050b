//! Routing rules: every strategy serves what it promises, wrong rules are refused with their place, and calls
//! that are forwarded untouched arrive as they were sent.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use floopy_tests::{
    Answer, Api, Floopy, Reply, Settings, Shape, Upstream,
    checks::{assert_decision_headers, assert_error},
    in_both_shapes,
    process::binary,
};
use serde_json::{Value, json};

in_both_shapes!(
    every_strategy_serves_what_it_promises,
    shares_of_sessions_follow_the_weights_and_a_session_keeps_its_model,
    calls_that_pass_through_arrive_as_they_were_sent,
);

/// `alpha` is the best and costs as much as `beta`; `tiny` costs a tenth.
const RULES: &str = r#"
default_model = "up/alpha"
rule = "list"

[[tenants.rules]]
name = "list"
strategy = "fallback"
models = ["up/beta", "up/alpha"]

[[tenants.rules]]
name = "even"
strategy = "round_robin"
models = ["up/alpha", "up/beta"]

[[tenants.rules]]
name = "mostly"
strategy = "weighted"
models = ["up/alpha", "up/beta"]
weights = [10, 90]

[[tenants.rules]]
name = "quick"
strategy = "latency_based"
models = ["up/alpha", "up/beta"]

[[tenants.rules]]
name = "frugal"
strategy = "smart_cost"
models = ["up/alpha", "up/tiny"]
floor = 0.3
assurance = 0.5

[[tenants.rules]]
name = "strict"
strategy = "smart_cost"
models = ["up/tiny"]
floor = 1.0
assurance = 0.99

[[tenants.rules]]
name = "single"
strategy = "legacy_model"
models = ["up/beta"]

[[tenants.rules]]
name = "learned"
strategy = "feedback_driven"
models = ["up/beta"]

[[models]]
provider = "up"
model = "tiny"
benchmark = 0.5
input_usd_per_mtok = 0.2
output_usd_per_mtok = 0.6
"#;

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant(RULES);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn by_rule(api: &Api, session: &str, rule: &str) -> Answer {
    api.post("/v1/chat/completions")
        .header("floopy-session-id", session)
        .header("floopy-routing-rule", rule)
        .json(&hello("auto"))
        .send()
        .await
}

async fn every_strategy_serves_what_it_promises(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let late = Duration::from_millis(200);
    let cases = [
        ("list", "fallback", "up/beta", "dispatched"),
        ("frugal", "smart_cost", "up/tiny", "dispatched"),
        (
            "strict",
            "smart_cost",
            "up/alpha",
            "constraint_no_candidate",
        ),
        ("single", "legacy_model", "up/beta", "dispatched"),
    ];
    for (rule, strategy, model, reason) in cases {
        let answer = by_rule(&api, "s", rule).await.ok();
        assert_decision_headers(&answer, model, reason);
        let decision = api.decision(&answer.request_id()).await;
        let trace = &decision["decision_trace"];
        assert_eq!(trace["routing_strategy"], strategy, "{decision}");
        assert_eq!(trace["routing_rule"], rule, "{decision}");
        let id = trace["routing_rule_id"].as_str().expect("an id");
        let named = api.get(&format!("/v1/routing/rules/{id}")).await.ok();
        assert_eq!(named.json()["name"], rule, "{decision}");
        assert_eq!(trace["propensity"], 1.0, "{decision}");
    }
    let learned = by_rule(&api, "s", "learned").await.ok();
    assert_eq!(learned.header("floopy-model"), "up/beta");
    // The tenant's own rule counts where the call names none, but not for a model that the call names.
    let usual = api.chat("s", &hello("auto")).await.ok();
    assert_decision_headers(&usual, "up/beta", "dispatched");
    let named = api.chat("s", &hello("up/alpha")).await.ok();
    assert_decision_headers(&named, "up/alpha", "dispatched");
    assert_embeds(&api).await;

    upstream.script("alpha", Reply::Late(late));
    by_rule(&api, "slow", "list").await.ok();
    api.chat("slow", &hello("up/alpha")).await.ok();
    let quick = by_rule(&api, "s", "quick").await.ok();
    assert_eq!(quick.header("floopy-model"), "up/beta");
    upstream.script(
        "beta",
        Reply::json(500, &json!({"error": {"message": "down"}})),
    );
    let stepped_in = by_rule(&api, "s", "list").await.ok();
    assert_decision_headers(&stepped_in, "up/alpha", "fallback");

    let unknown = by_rule(&api, "s", "chep").await;
    let mentions = ["floopy-routing-rule", "\"chep\"", "list, even, mostly"];
    assert_error(&unknown, 400, "invalid_request", &mentions);
    let listed = api
        .get("/v1/decisions?routing_strategy=smart_cost")
        .await
        .ok();
    assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(2));
}

/// Rules for chats are none for embeddings, and the default model, which chats, could not have done it.
async fn assert_embeds(api: &Api) {
    let embedding = json!({"model": "auto", "input": "hello"});
    let asked = api.post("/v1/embeddings").json(&embedding);
    let embedded = asked.send().await.ok();
    assert_eq!(embedded.header("floopy-model"), "up/embed");
    let decision = api.decision(&embedded.request_id()).await;
    let trace = &decision["decision_trace"];
    assert_eq!(
        trace["savings"]["baseline_model"],
        Value::Null,
        "{decision}"
    );
    assert_eq!(trace["confidence_reason"], "single_candidate", "{decision}");
    let text = decision["explanation"].as_str().unwrap_or_default();
    assert!(
        text.contains("up/embed was the only candidate"),
        "{decision}"
    );
}

async fn shares_of_sessions_follow_the_weights_and_a_session_keeps_its_model(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for (rule, expected) in [("even", 0.5), ("mostly", 0.9)] {
        let mut models = BTreeMap::<String, f64>::new();
        for n in 0..100 {
            let session = format!("s{n}");
            let first = by_rule(&api, &session, rule).await.ok();
            let again = by_rule(&api, &session, rule).await.ok();
            let model = first.header("floopy-model");
            assert_eq!(again.header("floopy-model"), model, "{session} by {rule}");
            *models.entry(model.to_owned()).or_default() += 0.01;
        }
        // Five standard deviations of a fair coin.
        let share = models.get("up/beta").copied().unwrap_or(0.0);
        assert!((share - expected).abs() < 0.25, "{rule}: {models:?}");
    }
    let answer = by_rule(&api, "s0", "mostly").await.ok();
    let decision = api.decision(&answer.request_id()).await;
    let candidates = decision["decision_trace"]["candidates"].as_array();
    let propensities: Vec<f64> = candidates
        .expect("candidates")
        .iter()
        .filter_map(|c| c["propensity"].as_f64())
        .collect();
    assert_eq!(propensities, [0.1, 0.9], "{decision}");
}

async fn calls_that_pass_through_arrive_as_they_were_sent(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let body = "{\"messages\" : [{\"content\":\"ol\\u00e1\",\"role\":\"user\"}],\n \"stream\": true, \"model\":\"alpha\" }";
    let through = |body: &'static str| {
        api.post("/v1/chat/completions")
            .header("floopy-passthrough", "true")
            .bytes(body)
            .send()
    };
    let answer = through(body).await.ok();
    assert_decision_headers(&answer, "up/alpha", "passthrough");
    assert_eq!(upstream.only("alpha").body, body.as_bytes());
    let decision = api.decision(&answer.request_id()).await;
    let trace = &decision["decision_trace"];
    assert_eq!(trace["routing_strategy"], "legacy_model", "{decision}");
    assert_eq!(trace["passthrough"], true, "{decision}");
    assert_eq!(
        decision["explanation_detail"]["template_id"],
        "no_router_invoked"
    );
    assert_eq!(
        decision["explanation_detail"]["params"]["cause"],
        "passthrough"
    );
    let auto = through(r#"{"model":"auto","messages":[{"role":"user","content":"hi"}]}"#).await;
    assert_error(
        &auto,
        400,
        "invalid_request",
        &["floopy-passthrough: false"],
    );
    let message =
        json!({"model": "alpha", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    let foreign = api
        .post("/v1/messages")
        .header("floopy-passthrough", "true");
    let foreign = foreign.json(&message).send().await;
    assert_eq!(foreign.status, 400, "{}", foreign.text());
    assert!(
        foreign.text().contains("floopy-passthrough"),
        "{}",
        foreign.text()
    );
}

#[test]
fn wrong_rules_are_refused_with_their_field_and_value() {
    let tenant = "[[models]]\nprovider = \"p\"\nmodel = \"a\"\n[[tenants]]\nid = \"acme\"\n";
    let rule = "[[tenants.rules]]\nname = \"r\"\n";
    let list = "strategy = \"fallback\"\nmodels = [\"p/a\"]\n";
    let cases = [
        (
            format!("{rule}strategy = \"best\""),
            ["strategy", "\"best\""],
        ),
        (
            format!("{rule}strategy = \"fallback\"\nmodels = []"),
            ["models", "[]"],
        ),
        (
            format!("{rule}strategy = \"fallback\"\nmodels = [\"p/x\"]"),
            ["tenants[0].rules[0].models", "\"p/x\""],
        ),
        (
            format!("{rule}strategy = \"weighted\"\nmodels = [\"p/a\"]\nweights = [0]"),
            ["weights", "sum to 0"],
        ),
        (
            format!("{rule}strategy = \"weighted\"\nmodels = [\"p/a\"]\nweights = [-1]"),
            ["weights", "-1"],
        ),
        (
            format!("{rule}strategy = \"weighted\"\nmodels = [\"p/a\"]\nweights = [1, 2]"),
            ["weights", "2 numbers for 1"],
        ),
        (
            format!("{rule}{list}weights = [1]"),
            ["weights", "fallback"],
        ),
        (
            format!("{rule}{list}{rule}{list}"),
            ["tenants[0].rules[1].name", "\"r\""],
        ),
        (
            format!("rule = \"s\"\n{rule}{list}"),
            ["tenants[0].rule", "\"s\""],
        ),
    ];
    for (lines, expected) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("floopy.toml"), format!("{tenant}{lines}\n")).expect("written");
        let output = Command::new(binary("floopy"))
            .arg("check")
            .current_dir(dir.path())
            .env_clear()
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{lines} is accepted");
        assert!(said.contains("floopy.toml:"), "{said}");
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    }
}

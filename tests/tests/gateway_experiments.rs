//! Experiments on the real binaries: who serves, that it stays so, what is told of it, and that it ends.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::collections::BTreeMap;

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    in_both_shapes, python,
};
use serde_json::{Value, json};

in_both_shapes!(
    sessions_are_split_keep_their_variant_and_all_return_after_a_rollback,
    the_form_of_the_documentation_takes_calls_that_name_no_rule,
    copies_go_to_a_candidate_in_the_shadow_and_nobody_sees_them,
    a_revised_rating_changes_the_results,
    an_experiment_whose_model_cannot_be_asked_leaves_calls_as_they_were,
    the_python_package_runs_experiments,
);

/// Waiting for an experiment asks often.
const EXPLAINS: &str = "tenant_explains_per_minute = 5000\nkey_explains_per_minute = 5000";

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy("limits", EXPLAINS);
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello() -> Value {
    json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]})
}

/// Rules `a` and `b`, each of one model; their ids.
async fn rules(api: &Api) -> (String, String) {
    let mut ids = Vec::new();
    for (name, model) in [("a", "up/alpha"), ("b", "up/beta")] {
        let body = json!({"name": name, "strategy": "legacy_model", "models": [model]});
        let made = api.post("/v1/routing/rules").json(&body).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        ids.push(made.json()["id"].as_str().expect("an id").to_owned());
    }
    let b = ids.pop().expect("two");
    (ids.pop().expect("two"), b)
}

async fn confirmed(api: &Api, path: &str, body: &Value) -> Answer {
    api.post(path)
        .header("x-floopy-confirm", "experiments")
        .json(body)
        .send()
        .await
}

/// Begins an experiment and waits until the proxy knows it; its id.
async fn begin(api: &Api, body: &Value, rule: Option<&str>) -> String {
    let made = confirmed(api, "/v1/experiments", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    eventually(|| async {
        let said = explained(api, rule).await;
        (said["experiment"]["id"] == id.as_str())
            .then_some(())
            .ok_or(said)
    })
    .await;
    id
}

async fn explained(api: &Api, rule: Option<&str>) -> Value {
    let call = api
        .post("/v1/routing/explain")
        .header("floopy-session-id", "asked");
    let call = match rule {
        Some(rule) => call.header("floopy-routing-rule", rule),
        None => call,
    };
    call.json(&hello()).send().await.json()
}

async fn by_rule(api: &Api, session: &str, rule: &str) -> Answer {
    api.post("/v1/chat/completions")
        .header("floopy-session-id", session)
        .header("floopy-routing-rule", rule)
        .json(&hello())
        .send()
        .await
        .ok()
}

/// The results once they are of this many calls.
async fn results(api: &Api, id: &str, calls: u64) -> Value {
    eventually(|| async {
        let found = api
            .get(&format!("/v1/experiments/{id}/results"))
            .await
            .json();
        let size = |variant: &str| found[variant]["sample_size"].as_u64().unwrap_or(0);
        let whole = size("variant_a") + size("variant_b") == calls;
        whole.then(|| found.clone()).ok_or(found)
    })
    .await
}

/// A session that was served by this model is served by it again, and its record says why.
async fn check_again(api: &Api, id: &str, (session, model): (&str, &str)) {
    let again = by_rule(api, session, "a").await;
    assert_eq!(again.header("floopy-model"), model, "{session}");
    let decision = api.decision(&again.request_id()).await;
    let trace = &decision["decision_trace"];
    let is_b = model == "up/beta";
    let expected = json!({
        "id": id, "type": "canary", "variant": if is_b { "B" } else { "A" }, "split_percentage": 30,
        "probability": if is_b { 0.3 } else { 0.7 },
    });
    assert_eq!(trace["experiment"], expected, "{decision}");
    assert_eq!(trace["routing_rule"], if is_b { "b" } else { "a" });
    assert_eq!(trace["propensity"], 1.0, "{decision}");
    let asked = json!({"request_id": again.request_id()});
    let replayed = api.post("/v1/routing/replay").json(&asked).send().await;
    let replayed = replayed.ok().json();
    assert_eq!(replayed["reproducible"], true, "{replayed}");
    assert_eq!(replayed["replayed"]["winner"], decision["chosen"]);
}

async fn sessions_are_split_keep_their_variant_and_all_return_after_a_rollback(shape: Shape) {
    const SESSIONS: u32 = 300;
    let (_upstream, _floopy, api) = start(shape).await;
    let (a, b) = rules(&api).await;
    let body = json!({
        "name": "beta", "variant_a_routing_rule_id": a, "variant_b_routing_rule_id": b, "split_percentage": 30,
    });
    let id = begin(&api, &body, Some("a")).await;
    let mut first = BTreeMap::new();
    for n in 0..SESSIONS {
        let session = format!("s{n}");
        let answer = by_rule(&api, &session, "a").await;
        first.insert(session, answer.header("floopy-model").to_owned());
    }
    let tried = first.values().filter(|model| *model == "up/beta").count();
    let share = tried as f64 / f64::from(SESSIONS);
    // Five standard deviations of a binomial.
    let tolerance = 5.0 * (0.3_f64 * 0.7 / f64::from(SESSIONS)).sqrt();
    assert!((share - 0.3).abs() < tolerance, "{share} for 0.3");
    for (session, model) in first.iter().take(20) {
        check_again(&api, &id, (session, model)).await;
    }
    // Who names the other rule, or a model, is no part of it.
    let named = by_rule(&api, "s0", "b").await;
    let decision = api.decision(&named.request_id()).await;
    assert_eq!(
        decision["decision_trace"]["experiment"],
        Value::Null,
        "{decision}"
    );
    let found = results(&api, &id, u64::from(SESSIONS) + 20).await;
    assert_eq!(found["variant_b"]["success_rate"], 1.0, "{found}");
    assert!(found["candidate"]["p50_latency_ms"].is_u64(), "{found}");
    assert_eq!(found["candidate"]["model"], "beta", "{found}");
    let rolled = confirmed(&api, &format!("/v1/experiments/{id}/rollback"), &json!({}))
        .await
        .ok();
    assert_eq!(rolled.json()["status"], "rolled_back");
    let session = first
        .iter()
        .find(|(_, model)| *model == "up/beta")
        .expect("one of B")
        .0;
    eventually(|| async {
        let model = by_rule(&api, session, "a")
            .await
            .header("floopy-model")
            .to_owned();
        (model == "up/alpha").then_some(()).ok_or(model)
    })
    .await;
    for session in first.keys() {
        let answer = by_rule(&api, session, "a").await;
        assert_eq!(answer.header("floopy-model"), "up/alpha", "{session}");
    }
}

fn by_models(arrangement: &str, percentage: u32) -> Value {
    json!({
        "type": arrangement, "traffic_pct": percentage,
        "baseline": {"provider": "up", "model": "beta"},
        "candidate": {"provider": "up", "model": "alpha"},
    })
}

/// It is listed for its own tenant, and does not exist for another.
async fn check_listed(floopy: &Floopy, id: &str) {
    let stranger = floopy.other_api();
    let foreign = stranger.get(&format!("/v1/experiments/{id}/results")).await;
    let unknown = "/v1/experiments/2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f/results";
    let unknown = stranger.get(unknown).await;
    assert_eq!((foreign.status, foreign.text()), (404, unknown.text()));
    let listed = floopy.api().get("/v1/experiments?shape=array").await.ok();
    assert_eq!(listed.json()[0]["id"], id);
}

async fn the_form_of_the_documentation_takes_calls_that_name_no_rule(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let unconfirmed = api
        .post("/v1/experiments")
        .json(&by_models("canary", 40))
        .send()
        .await;
    assert_error(
        &unconfirmed,
        400,
        "confirmation_required",
        &["x-floopy-confirm"],
    );
    let id = begin(&api, &by_models("canary", 40), None).await;
    let mut served = BTreeMap::<String, u32>::new();
    for n in 0..200 {
        let answer = api.chat(&format!("s{n}"), &hello()).await.ok();
        *served
            .entry(answer.header("floopy-model").to_owned())
            .or_default() += 1;
    }
    let share = f64::from(served["up/alpha"]) / 200.0;
    // Five standard deviations of a binomial.
    assert!(
        (share - 0.4).abs() < 5.0 * (0.24_f64 / 200.0).sqrt(),
        "{served:?}"
    );
    let embedding = json!({"model": "auto", "input": "hello"});
    api.post("/v1/embeddings")
        .json(&embedding)
        .send()
        .await
        .ok();
    let found = results(&api, &id, 200).await;
    assert_eq!(found["candidate"]["samples"], served["up/alpha"], "{found}");
    check_listed(&floopy, &id).await;
    let done = confirmed(&api, &format!("/v1/experiments/{id}/complete"), &json!({}))
        .await
        .ok();
    assert_eq!(
        done.json()["summary"]["candidate"]["samples"],
        served["up/alpha"]
    );
    // Without it, calls that name no rule follow what was learned, as before.
    eventually(|| async {
        let said = explained(&api, None).await;
        (said["experiment"].is_null() && said["routing_rule_id"].is_null())
            .then_some(())
            .ok_or(said)
    })
    .await;
}

async fn copies_go_to_a_candidate_in_the_shadow_and_nobody_sees_them(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let id = begin(&api, &by_models("shadow", 100), None).await;
    for n in 0..20 {
        let answer = api.chat(&format!("s{n}"), &hello()).await.ok();
        assert_eq!(answer.header("floopy-model"), "up/beta");
    }
    let found = results(&api, &id, 40).await;
    assert_eq!(found["variant_a"]["sample_size"], 20, "{found}");
    assert_eq!(upstream.count("alpha"), 20);
    let copies = api.get("/v1/decisions?shadow=only").await.ok().json();
    let trace = &copies["items"][0]["decision_trace"];
    assert_eq!(trace["experiment"]["variant"], "B", "{trace}");
    assert_eq!(
        (&trace["experiment"]["type"], &trace["propensity"]),
        (&json!("shadow"), &json!(1.0))
    );
}

async fn a_revised_rating_changes_the_results(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let (a, b) = rules(&api).await;
    let body = json!({
        "name": "all", "variant_a_routing_rule_id": a, "variant_b_routing_rule_id": b, "split_percentage": 100,
    });
    let id = begin(&api, &body, Some("a")).await;
    by_rule(&api, "rated", "a").await;
    results(&api, &id, 1).await;
    let quality = async |expected: f64| {
        eventually(|| async {
            let found = results(&api, &id, 1).await;
            let mean = found["variant_b"]["quality"]["mean"]
                .as_f64()
                .unwrap_or(-1.0);
            // Whatever the judge says has a weight of 0.3 beside the session's 0.5.
            let session = (mean * 0.8 - 0.5 * expected) / 0.3;
            (0.0..=1.0).contains(&session).then_some(mean).ok_or(found)
        })
        .await
    };
    api.rate(&json!({"session_id": "rated", "score": 10, "useful": true}))
        .await
        .ok();
    let high = quality(1.0).await;
    api.rate(&json!({"session_id": "rated", "score": 0, "useful": false, "revise": true}))
        .await
        .ok();
    let low = quality(0.0).await;
    assert!(low < high, "{low} after {high}");
}

async fn an_experiment_whose_model_cannot_be_asked_leaves_calls_as_they_were(shape: Shape) {
    let upstream = Upstream::start().await;
    // Known, but at a provider that the proxy has no key for.
    let lines = "[[models]]\nprovider = \"nokey\"\nmodel = \"gone\"";
    let settings = Settings::for_upstream(&upstream).tenant(lines);
    let floopy = Floopy::with(shape, settings.proxy("limits", EXPLAINS)).await;
    let api = floopy.api();
    let body = json!({
        "type": "canary", "traffic_pct": 50,
        "baseline": {"provider": "up", "model": "alpha"},
        "candidate": {"provider": "nokey", "model": "gone"},
    });
    begin_unexplained(&api, &body).await;
    for n in 0..40 {
        let answer = api.chat(&format!("s{n}"), &hello()).await.ok();
        let decision = api.decision(&answer.request_id()).await;
        let trace = &decision["decision_trace"];
        assert_eq!(trace["experiment"], Value::Null, "{decision}");
    }
}

/// The same where explaining may say that nobody would serve: the rules of the experiment are known with it.
async fn begin_unexplained(api: &Api, body: &Value) -> String {
    let made = confirmed(api, "/v1/experiments", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let rule = format!("experiment-{id}-a");
    eventually(|| async {
        let answer = api
            .post("/v1/routing/explain")
            .header("floopy-routing-rule", &rule)
            .json(&hello())
            .send()
            .await;
        (answer.status == 200).then_some(()).ok_or(answer)
    })
    .await;
    id
}

async fn the_python_package_runs_experiments(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let (a, b) = rules(&api).await;
    let base = format!("{}/v1", api.base());
    for check in ["sync", "async"] {
        // The proxy must know the rule that calls name.
        eventually(|| async {
            let said = explained(&api, Some("a")).await;
            (said["routing_rule"] == "a").then_some(()).ok_or(said)
        })
        .await;
        python::run("floopy_experiments.py", &[&base, api.key(), check, &a, &b]).await;
    }
}

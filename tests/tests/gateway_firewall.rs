//! Calls that look like attacks, on the real binaries: refused or recorded as their tenant wants it, in every API.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream,
    checks::assert_error,
    firewall::{ATTACK, HARMLESS, ask, everywhere, holds, said, set, settings, start, verdict},
    in_both_shapes, python,
};
use serde_json::{Value, json};

in_both_shapes!(
    attacks_are_refused_told_recorded_and_counted,
    attacks_that_are_only_logged_are_served_and_marked,
    what_cannot_be_scored_goes_the_way_that_its_tenant_chose,
    every_api_is_looked_at_and_so_are_tools_and_documents,
    a_call_asks_for_it_and_cannot_switch_it_off,
    a_stored_reply_is_not_given_to_an_attack,
    real_clients_read_why_they_were_refused,
);

async fn attacks_are_refused_told_recorded_and_counted(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let (api, other) = (floopy.api(), floopy.other_api());
    let told = api.get("/v1/firewall").await.ok().json();
    assert_eq!(
        (&told["mode"], &told["month"]["scanned"]),
        (&json!("off"), &json!(0))
    );
    let unseen = ask(&api, &said(ATTACK)).await.ok();
    assert_eq!(verdict(&unseen), "");
    set(&api, json!({"mode": "block"})).await.ok();
    let refused = holds(&api, "blocked").await;
    assert_refused(&refused, "messages[1].content", "user");
    let before = upstream.received().len();
    let refused = ask(&api, &said(ATTACK)).await;
    assert_eq!((refused.status, upstream.received().len()), (400, before));
    let served = ask(&api, &said(HARMLESS)).await.ok();
    assert_eq!(verdict(&served), "passed");
    assert_eq!(
        verdict(&ask(&other, &said(ATTACK)).await.ok()),
        "",
        "another tenant's"
    );
    let decision = api.decision(&refused.request_id()).await;
    assert_recorded(&decision);
    assert!(
        !decision.to_string().contains("word for word"),
        "{decision}"
    );
    let passed = api.decision(&served.request_id()).await;
    let outcome = &passed["decision_trace"]["outcome"];
    assert_eq!(
        (&outcome["firewall"]["verdict"], &outcome["threat_blocked"]),
        (&json!("passed"), &json!(false))
    );
    assert_counted(&api).await;
    assert_explained(&api).await;
    let metrics = floopy.admin_api().get("/metrics").await.text();
    for line in [
        "floopy_firewall_scans_total{verdict=\"blocked\"}",
        "floopy_firewall_models 1",
        "floopy_firewall_seconds_count",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

/// What was looked at this month is told.
async fn assert_counted(api: &Api) {
    let month = api.get("/v1/firewall").await.ok().json()["month"].clone();
    let counts = ["scanned", "flagged", "blocked", "skipped"].map(|key| month[key].as_i64());
    let [Some(scanned), Some(flagged), blocked, Some(0)] = counts else {
        panic!("{month}");
    };
    assert!(
        flagged >= 2 && blocked == Some(flagged) && scanned > flagged,
        "{month}"
    );
    let usage = api.get("/v1/usage").await.ok().json()["total"].clone();
    assert_eq!(usage["firewall_blocked"], month["blocked"]);
}

/// What the caller of an attack is told.
fn assert_refused(refused: &Answer, at: &str, role: &str) {
    assert_error(refused, 400, "firewall_blocked", &[at, "threshold"]);
    let error = &refused.json()["error"];
    let firewall = &error["firewall"];
    assert_eq!(
        (&error["param"], &error["type"]),
        (&json!(at), &json!("invalid_request_error"))
    );
    assert_eq!(
        (&firewall["at"], &firewall["role"]),
        (&json!(at), &json!(role))
    );
    let [score, threshold] =
        ["score", "threshold"].map(|key| firewall[key].as_f64().expect("a number"));
    assert!(score >= threshold && threshold > 0.0, "{error}");
    let [start, end] =
        ["start", "end"].map(|key| firewall["span"][key].as_u64().expect("a number"));
    assert!(start < end, "{error}");
}

fn assert_recorded(decision: &Value) {
    let trace = &decision["decision_trace"];
    assert_eq!(decision["reason"], "firewall");
    assert_eq!(
        decision["explanation_detail"]["template_id"],
        "firewall_blocked"
    );
    let outcome = &trace["outcome"];
    assert_eq!(
        (&outcome["status"], &outcome["threat_blocked"]),
        (&json!(400), &json!(true))
    );
    let firewall = &outcome["firewall"];
    assert_eq!(
        (&firewall["verdict"], &firewall["role"]),
        (&json!("blocked"), &json!("user"))
    );
    assert_eq!(firewall["at"], "messages[1].content");
    assert_eq!(trace["attempts"], json!([]));
}

async fn assert_explained(api: &Api) {
    let explain = async |text| {
        api.post("/v1/routing/explain")
            .json(&said(text))
            .send()
            .await
            .ok()
            .json()
    };
    let refused = explain(ATTACK).await;
    assert_eq!(
        (&refused["firewall_decision"], &refused["firewall_verdict"]),
        (&json!("block_input"), &json!("blocked"))
    );
    assert_eq!(
        (&refused["would_select"], &refused["would_refuse"]["code"]),
        (&Value::Null, &json!("firewall_blocked"))
    );
    assert_eq!(
        refused["explanation_detail"]["template_id"],
        "firewall_blocked"
    );
    let passed = explain(HARMLESS).await;
    assert_eq!(
        (&passed["firewall_decision"], &passed["firewall_verdict"]),
        (&json!("allow"), &json!("passed"))
    );
    assert_eq!(passed["would_select"]["model"], "alpha");
}

async fn attacks_that_are_only_logged_are_served_and_marked(shape: Shape) {
    let upstream = Upstream::start().await;
    let lines = "[tenants.firewall]\nmode = \"log\"\nallow_list = [\"a noise that is let pass\"]\n";
    let floopy = Floopy::with(shape, settings(&upstream).tenant(lines)).await;
    let api = floopy.api();
    let served = ask(&api, &said(ATTACK)).await.ok();
    assert_eq!(verdict(&served), "flagged");
    let decision = api.decision(&served.request_id()).await;
    let outcome = &decision["decision_trace"]["outcome"];
    assert_eq!(
        (&outcome["firewall"]["verdict"], &decision["model"]),
        (&json!("flagged"), &json!("alpha"))
    );
    // What is allowed does not count, and neither does whom nobody looks at.
    let allowing = json!({"mode": "log", "allow_list": [ATTACK]});
    set(&api, allowing).await.ok();
    holds(&api, "passed").await;
    set(&api, json!({"mode": "log", "roles": ["tool"]}))
        .await
        .ok();
    let told = api.get("/v1/firewall").await.ok().json();
    assert_eq!(
        (&told["roles"], &told["allow_list"]),
        (&json!(["tool"]), &json!([]))
    );
    set(&api, json!({"mode": "log"})).await.ok();
    holds(&api, "flagged").await;
    set(&api, json!({"mode": "log", "threshold": 1.0}))
        .await
        .ok();
    holds(&api, "passed").await;
    for (wrong, param) in [
        (json!({"mode": "on"}), "mode"),
        (json!({"threshold": 0}), "threshold"),
        (json!({"on_failure": "fail"}), "on_failure"),
        (json!({"allow_list": ["a"]}), "allow_list"),
        (json!({"roles": ["robot"]}), "roles"),
        (json!({"rules": []}), "rules"),
    ] {
        let refused = set(&api, wrong).await;
        assert_error(&refused, 400, "invalid_body", &[param]);
    }
}

async fn what_cannot_be_scored_goes_the_way_that_its_tenant_chose(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy(
        "firewall",
        "library = \"/nowhere/libonnxruntime.so\"\ndeadline_ms = 60000",
    );
    let floopy = Floopy::with(shape, settings).await;
    let (open, closed) = (floopy.api(), floopy.other_api());
    set(&open, json!({"mode": "block"})).await.ok();
    set(&closed, json!({"mode": "block", "on_failure": "refuse"}))
        .await
        .ok();
    let served = holds(&open, "skipped").await.ok();
    let refused = holds(&closed, "refused").await;
    assert_error(
        &refused,
        503,
        "firewall_unavailable",
        &["firewall", "model"],
    );
    assert_eq!(refused.header("retry-after"), "1");
    let decision = open.decision(&served.request_id()).await;
    let firewall = &decision["decision_trace"]["outcome"]["firewall"];
    assert_eq!(
        (&firewall["verdict"], &firewall["skipped"]),
        (&json!("skipped"), &json!("unavailable"))
    );
    assert_eq!(firewall["score"], Value::Null);
    let metrics = floopy.admin_api().get("/metrics").await.text();
    let line = "floopy_firewall_skipped_total{reason=\"unavailable\"}";
    assert!(metrics.contains(line), "{metrics}");
    assert!(floopy.logs().contains("/nowhere/libonnxruntime.so"));
}

/// A call with an attack in this place.
async fn assert_refused_at(api: &Api, (path, body): (&str, &Value), (at, role): (&str, &str)) {
    let refused = api.post(path).json(body).send().await;
    assert_eq!(
        verdict(&refused),
        "blocked",
        "{path} {at}: {}",
        refused.text()
    );
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["type"]),
        (400, &json!("invalid_request_error"))
    );
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|message| message.contains(at)),
        "{error}"
    );
    let decision = api.decision(&refused.request_id()).await;
    let firewall = &decision["decision_trace"]["outcome"]["firewall"];
    assert_eq!(
        (&firewall["at"], &firewall["role"]),
        (&json!(at), &json!(role)),
        "{path}"
    );
}

async fn every_api_is_looked_at_and_so_are_tools_and_documents(shape: Shape) {
    let (upstream, floopy) = start(shape).await;
    let api = floopy.api();
    set(&api, json!({"mode": "block"})).await.ok();
    holds(&api, "blocked").await;
    let asked = upstream.received().len();
    let long = format!(
        "{ATTACK} {}",
        "The committee met in the old library and nobody objected. ".repeat(6_000)
    );
    for (path, mut body, at, role) in everywhere() {
        body["model"] = json!("up/alpha");
        assert_refused_at(&api, (path, &body), (at, role)).await;
    }
    // Most of it is not looked at, and its record says so.
    let served = ask(&api, &said(&long)).await;
    let decision = api.decision(&served.request_id()).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["firewall"]["partial"],
        true
    );
    let embedded = json!({"model": "up/embed", "input": ATTACK});
    let embedded = api.post("/v1/embeddings").json(&embedded).send().await.ok();
    assert_eq!(verdict(&embedded), "", "nothing acts on it");
    assert!(upstream.received().len() <= asked + 2);
}

async fn a_call_asks_for_it_and_cannot_switch_it_off(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let asking = async |text, value| {
        let call = api.post("/v1/chat/completions").json(&said(text));
        call.header("floopy-llm-security-enabled", value)
            .send()
            .await
    };
    assert_eq!(verdict(&asking(ATTACK, "true").await), "blocked");
    assert_eq!(verdict(&asking(HARMLESS, "true").await.ok()), "passed");
    assert_eq!(verdict(&asking(ATTACK, "false").await.ok()), "");
    let wrong = asking(HARMLESS, "maybe").await;
    assert_error(
        &wrong,
        400,
        "invalid_request",
        &["floopy-llm-security-enabled", "maybe", "true or false"],
    );
    set(&api, json!({"mode": "block"})).await.ok();
    holds(&api, "blocked").await;
    assert_eq!(asking(ATTACK, "false").await.status, 400);
}

async fn a_stored_reply_is_not_given_to_an_attack(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    let cached = async || {
        let call = api.post("/v1/chat/completions").json(&said(ATTACK));
        call.header("floopy-cache-enabled", "true").send().await
    };
    cached().await.ok();
    assert_eq!(cached().await.ok().header("floopy-cache-status"), "exact");
    set(&api, json!({"mode": "block"})).await.ok();
    holds(&api, "blocked").await;
    assert_eq!(cached().await.status, 400);
    set(&api, json!({"mode": "log"})).await.ok();
    holds(&api, "flagged").await;
    let given = cached().await.ok();
    assert_eq!(
        (
            given.header("floopy-cache-status"),
            verdict(&given).as_str()
        ),
        ("exact", "flagged")
    );
}

async fn real_clients_read_why_they_were_refused(shape: Shape) {
    let (_upstream, floopy) = start(shape).await;
    let api = floopy.api();
    set(&api, json!({"mode": "block"})).await.ok();
    holds(&api, "blocked").await;
    for check in [
        "openai_chat",
        "openai_stream",
        "openai_responses",
        "anthropic",
    ] {
        python::check("firewall_client.py", check, &api).await;
    }
}

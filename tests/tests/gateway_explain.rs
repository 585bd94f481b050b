//! Explaining a call before it is made, and replaying it afterwards, on the real binaries.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream,
    checks::{assert_error, number},
    in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    the_very_next_call_of_a_session_is_what_was_explained,
    asking_leaves_no_trace,
    a_decision_replays_as_it_was_and_under_other_constraints,
    the_decision_of_another_tenant_cannot_be_replayed,
    a_configured_limit_holds,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy(
        "limits",
        "tenant_explains_per_minute = 1000\nkey_explains_per_minute = 1000",
    );
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn explain(api: &Api, session: &str, body: &Value) -> Answer {
    api.post("/v1/routing/explain")
        .header("floopy-session-id", session)
        .json(body)
        .send()
        .await
}

async fn replay(api: &Api, body: &Value) -> Answer {
    api.post("/v1/routing/replay").json(body).send().await
}

/// An explanation and the call after it, of one snapshot: asked again if a new one came between the two.
async fn explained_and_served(api: &Api, session: &str, body: &Value) -> (Value, Value) {
    for _ in 0..20 {
        let said = explain(api, session, body).await.ok();
        assert_eq!(said.header("content-language"), "en");
        let said = said.json();
        let served = api.chat(session, body).await.ok();
        let decision = api.decision(&served.request_id()).await;
        if said["snapshot_version"] == decision["snapshot_version"] {
            return (said, decision);
        }
    }
    panic!("no two calls in a row were decided on one snapshot");
}

async fn the_very_next_call_of_a_session_is_what_was_explained(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for index in 0..6 {
        let session = format!("session-{}", index % 3);
        let model = ["auto", "up/beta"][index % 2];
        let (said, decision) = explained_and_served(&api, &session, &hello(model)).await;
        assert_eq!(said["would_select"], decision["chosen"], "{said}");
        assert_eq!(said["strategy_id"], decision["routing_strategy"]);
        assert_eq!(said["reason"], decision["reason"]);
        assert_eq!(said["affinity"], decision["affinity"]);
        assert_eq!(
            number(&said, "/propensity").to_bits(),
            number(&decision, "/propensity").to_bits()
        );
        let shown = |of: &Value| -> Vec<Value> {
            let each = of["candidates"].as_array().expect("candidates").iter();
            each.map(|c| {
                json!([
                    c["provider"],
                    c["model"],
                    c["propensity"],
                    c["filtered_reason"]
                ])
            })
            .collect()
        };
        assert_eq!(shown(&said), shown(&decision));
    }
}

async fn asking_leaves_no_trace(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for _ in 0..5 {
        explain(&api, "ghost", &hello("auto")).await.ok();
        let enveloped =
            json!({"request": hello("auto"), "headers": {"Floopy-Session-Id": "ghost"}});
        explain(&api, "", &enveloped).await.ok();
    }
    let unnamed = api.rate(&json!({"score": 9, "useful": true})).await;
    assert_error(&unnamed, 400, "invalid_request", &["no session open"]);
    assert_eq!(upstream.received().len(), 0);
    // The record of a real call is there: one of an explanation would be there before it.
    let real = api.chat("real", &hello("auto")).await.ok().request_id();
    api.decision(&real).await;
    let ghosts = api.get("/v1/decisions?session_id=ghost").await.ok().json();
    assert_eq!(ghosts["items"], json!([]));
    assert_eq!(api.decisions().await.len(), 1);
}

async fn a_decision_replays_as_it_was_and_under_other_constraints(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    let decision = api.decision(&id).await;
    assert_eq!(decision["chosen"]["model"], "alpha");
    let same = replay(&api, &json!({"request_id": id})).await.ok().json();
    assert_eq!(
        (&same["reproducible"], &same["changed"]),
        (&json!(true), &json!(false)),
        "{same}"
    );
    assert_eq!(same["original"]["winner"], decision["chosen"]);
    let without = json!({"request_id": id, "constraints": {"deny_models": ["alpha"]}});
    let other = replay(&api, &without).await.ok().json();
    assert_eq!(
        (&other["reproducible"], &other["changed"]),
        (&json!(true), &json!(true)),
        "{other}"
    );
    assert_eq!(other["replayed"]["winner"]["model"], "beta");
    assert!(number(&other, "/delta/mean_quality") < 0.0, "{other}");
    let bad = json!({"request_id": id, "constraints": {"deny_models": ["gamma"]}});
    let refused = replay(&api, &bad).await;
    assert_error(
        &refused,
        400,
        "invalid_request",
        &["constraints.deny_models", "gamma"],
    );
    assert_eq!(api.decisions().await.len(), 1, "replaying is not deciding");
}

async fn the_decision_of_another_tenant_cannot_be_replayed(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let id = api.chat("s", &hello("auto")).await.ok().request_id();
    api.decision(&id).await;
    let other = floopy.other_api();
    let foreign = replay(&other, &json!({"request_id": id})).await;
    let unknown = json!({"request_id": "8f14e45f-ceea-467f-a8b3-5f3b1c2d3e4f"});
    let unknown = replay(&other, &unknown).await;
    assert_error(&foreign, 404, "not_found", &[]);
    assert_eq!(
        (foreign.status, foreign.body),
        (unknown.status, unknown.body)
    );
    let get = api.get("/v1/routing/replay").await;
    assert_error(&get, 405, "method_not_allowed", &[]);
    assert_eq!(get.header("allow"), "POST");
}

async fn a_configured_limit_holds(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy(
        "limits",
        "tenant_explains_per_minute = 3\nkey_explains_per_minute = 2",
    );
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    for _ in 0..2 {
        explain(&api, "s", &hello("auto")).await.ok();
    }
    let refused = explain(&api, "s", &hello("auto")).await;
    assert_error(&refused, 429, "rate_limited", &["2 times in a minute"]);
    let seconds: u64 = refused
        .header("retry-after")
        .parse()
        .expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    explain(&floopy.other_api(), "s", &hello("auto")).await.ok();
    api.chat("s", &hello("auto")).await.ok();
}

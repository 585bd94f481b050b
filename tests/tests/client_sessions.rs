//! Sessions told again to the real Python package `floopy-sdk`, and forgotten.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream,
    checks::{assert_error, files_with},
    eventually, in_both_shapes, python,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    a_conversation_is_told_to_be_gone_on_with,
    sessions_that_are_not_there_are_not_found,
    asynchronous_calls_work,
    a_deleted_session_is_gone_and_the_others_stay,
    calls_of_other_apis_are_told_as_chat_completions,
    nothing_is_kept_where_it_is_not_wanted,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

async fn check(shape: Shape, name: &str) {
    let (_upstream, _floopy, api) = start(shape).await;
    python::check("session_client.py", name, &api).await;
}

async fn a_conversation_is_told_to_be_gone_on_with(shape: Shape) {
    check(shape, "sync").await;
}

async fn sessions_that_are_not_there_are_not_found(shape: Shape) {
    check(shape, "unknown").await;
}

async fn asynchronous_calls_work(shape: Shape) {
    check(shape, "async").await;
}

fn hello(content: &str) -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": content}]})
}

async fn told(api: &Api, session: &str) -> Value {
    eventually(|| async {
        let answer = api.get(&format!("/v1/session/{session}")).await;
        if answer.status == 200 {
            Ok(answer.json())
        } else {
            Err(answer.text())
        }
    })
    .await
}

async fn a_deleted_session_is_gone_and_the_others_stay(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    for session in ["a", "b"] {
        api.chat(session, &hello(session)).await.ok();
        told(&api, session).await;
    }
    let foreign = floopy.other_api().get("/v1/session/a").await;
    assert_error(&foreign, 404, "not_found", &[]);
    let path = "/v1/session/a";
    let gone = api.call(Method::DELETE, path).send().await.ok();
    assert_eq!(gone.json()["turn_count"], 1);
    let missing = api.get(path).await;
    assert_eq!(
        (missing.status, missing.text()),
        (foreign.status, foreign.text())
    );
    assert_eq!(told(&api, "b").await["messages"][0]["content"], "b");
    let audit = api.get("/v1/audit").await.ok().json();
    assert_eq!(audit["items"][0]["resource"], "session/a");
    // The decisions stay.
    let decisions = api.decisions().await;
    assert!(
        decisions
            .iter()
            .any(|decision| decision["session_id"] == "a")
    );
}

async fn calls_of_other_apis_are_told_as_chat_completions(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let body = json!({"model": "up/alpha", "max_tokens": 50, "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}]});
    let call = api.post("/v1/messages").header("floopy-session-id", "m");
    call.json(&body).send().await.ok();
    let session = told(&api, "m").await;
    let roles: Vec<&Value> = session["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| &message["role"])
        .collect();
    assert_eq!(roles, ["system", "user", "assistant"], "{session}");
}

async fn nothing_is_kept_where_it_is_not_wanted(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).tenant("zero_retention = true\n");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    let secret = "tell nobody of the blue heron";
    let answer = api.chat("s", &hello(secret)).await.ok();
    api.decision(&answer.request_id()).await;
    let missing = api.get("/v1/session/s").await;
    assert_error(&missing, 404, "not_found", &[]);
    assert_eq!(files_with(floopy.dir(), secret), [""; 0]);
}

//! Tools for agents, called by the real Python package `mcp`.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{Api, Floopy, Shape, Upstream, eventually, in_both_shapes, python};
use http::Method;
use serde_json::json;

in_both_shapes!(
    clients_of_either_era_of_the_protocol_find_the_tools,
    models_and_their_prices_are_told,
    a_call_is_made_explained_rated_and_counted,
    what_goes_wrong_is_told_by_its_code_and_its_argument,
    who_asks_too_often_is_told_when_to_come_again,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

async fn check(shape: Shape, name: &str) {
    let (_upstream, _floopy, api) = start(shape).await;
    python::check("mcp_client.py", name, &api).await;
}

async fn clients_of_either_era_of_the_protocol_find_the_tools(shape: Shape) {
    check(shape, "both_eras").await;
}

async fn models_and_their_prices_are_told(shape: Shape) {
    check(shape, "models").await;
}

async fn a_call_is_made_explained_rated_and_counted(shape: Shape) {
    check(shape, "a_call_and_its_story").await;
}

async fn what_goes_wrong_is_told_by_its_code_and_its_argument(shape: Shape) {
    check(shape, "what_goes_wrong").await;
}

async fn who_asks_too_often_is_told_when_to_come_again(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let limits = json!([{"name": "few", "by": "key", "max_requests": 1, "window_seconds": 86_400}]);
    let call = api.call(Method::PUT, "/v1/constraints");
    call.json(&json!({"rate_limits": limits})).send().await.ok();
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]});
    eventually(|| async {
        match api.chat("s", &body).await {
            answer if answer.status == 429 => Ok(()),
            answer => Err(answer.text()),
        }
    })
    .await;
    python::check("mcp_client.py", "limits", &api).await;
}

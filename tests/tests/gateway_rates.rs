//! Limits of a tenant's own making and of addresses, on the real binaries.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    in_both_shapes,
};
use http::Method;
use serde_json::{Value, json};

in_both_shapes!(
    limits_hold_for_whom_they_name_and_say_who_they_are,
    limits_that_cannot_be_meant_are_refused,
    an_address_is_limited_before_its_keys_are_looked_at,
);

async fn ask(api: &Api, headers: &[(&str, &str)]) -> Answer {
    let body =
        json!({"model": "up/alpha", "messages": [{"role": "user", "content": "Good morning"}]});
    let mut call = api.post("/v1/chat/completions").json(&body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

async fn put(api: &Api, limits: Value) -> Answer {
    let call = api.call(Method::PUT, "/v1/constraints");
    call.json(&json!({"rate_limits": limits})).send().await
}

async fn limits_hold_for_whom_they_name_and_say_who_they_are(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    // A day: nothing comes back while the test runs.
    let limits = json!([
        {"name": "each", "by": "property:customer", "max_requests": 2, "window_seconds": 86_400},
        {"name": "strict", "by": "key", "max_requests": 1, "window_seconds": 86_400, "when_named": true},
        {"name": "tokens", "by": "property:spender", "max_tokens": 1, "window_seconds": 86_400},
    ]);
    let told = put(&api, limits).await.ok().json();
    assert_eq!(told["rate_limits"][1]["when_named"], true);
    assert_eq!(told["rate_limits"][1]["max_tokens"], Value::Null);
    let strict = [("floopy-ratelimit-policy", "strict")];
    eventually(|| async {
        match ask(&api, &strict).await {
            answer if answer.status == 429 => Ok(()),
            answer => Err(answer.text()),
        }
    })
    .await;
    let refused = ask(&api, &strict).await;
    assert_error(&refused, 429, "rate_limited", &["\"strict\"", "1 requests"]);
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    let customer = |name: &'static str| [("floopy-property-customer", name)];
    let first = ask(&api, &customer("a")).await.ok();
    assert_eq!(first.header("x-ratelimit-remaining"), "1");
    ask(&api, &customer("a")).await.ok();
    let refused = ask(&api, &customer("a")).await;
    assert_error(&refused, 429, "rate_limited", &["\"each\""]);
    ask(&api, &customer("b")).await.ok();
    ask(&api, &[]).await.ok();
    assert_tokens_are_limited(&api).await;
    let unknown = ask(&api, &[("floopy-ratelimit-policy", "strct")]).await;
    assert_error(&unknown, 400, "invalid_request", &["strct", "strict"]);
    ask(&floopy.other_api(), &customer("a")).await.ok();
    let kept = api.call(Method::PUT, "/v1/constraints");
    let kept = kept.json(&json!({"max_requests_per_minute": 900}));
    let kept = kept.send().await.ok().json();
    assert_eq!(kept["rate_limits"], told["rate_limits"]);
    let none = put(&api, Value::Null).await.ok().json();
    assert_eq!(none["rate_limits"], json!([]));
}

/// The limit lets one token pass.
async fn assert_tokens_are_limited(api: &Api) {
    let spender = [("floopy-property-spender", "x")];
    let first = ask(api, &spender).await.ok();
    assert_eq!(first.header("x-ratelimit-remaining-tokens"), "1");
    let refused = ask(api, &spender).await;
    assert_error(&refused, 429, "rate_limited", &["\"tokens\"", "1 tokens"]);
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "0");
    assert_eq!(
        refused.header("x-ratelimit-reset-tokens"),
        refused.header("retry-after")
    );
}

async fn limits_that_cannot_be_meant_are_refused(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    for (limit, says) in [
        (
            json!({"name": "a", "by": "user", "max_requests": 1}),
            "user",
        ),
        (json!({"name": "a", "by": "tenant"}), "limits nothing"),
        (
            json!({"name": "a", "by": "tenant", "max_requests": 0}),
            "0 lets nothing",
        ),
        (
            json!({"name": "a b", "by": "tenant", "max_requests": 1}),
            "a b",
        ),
        (
            json!({"name": "a", "by": "tenant", "requests": 1}),
            "requests",
        ),
    ] {
        let refused = put(&api, json!([limit])).await;
        assert_error(&refused, 400, "invalid_body", &[says]);
    }
    assert_eq!(put(&api, json!({})).await.status, 400);
}

async fn an_address_is_limited_before_its_keys_are_looked_at(shape: Shape) {
    let upstream = Upstream::start().await;
    // The test itself is the load balancer.
    let lines = "requests_per_minute = 3\ntrusted = [\"127.0.0.1\"]";
    let settings = Settings::for_upstream(&upstream).proxy("addresses", lines);
    let floopy = Floopy::with(shape, settings).await;
    let stranger = floopy.api().without_key();
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let refused = eventually(|| async {
        match ask(&stranger, &from("198.51.100.1")).await {
            answer if answer.status == 429 => Ok(answer),
            answer => Err(answer.text()),
        }
    })
    .await;
    assert_error(&refused, 429, "rate_limited", &["3 requests"]);
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    let other = ask(&stranger, &from("198.51.100.1, 198.51.100.2")).await;
    assert_eq!(other.status, 401, "another address: {}", other.text());
}

//! Every bad input is refused at once, with a status, a code, and a message that names field and value.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{Api, Floopy, Settings, Shape, Upstream, checks::assert_error, in_both_shapes};
use http::Method;
use serde_json::json;

in_both_shapes!(
    bad_bodies_are_refused_before_any_provider_is_called,
    bad_keys_are_refused,
    unknown_models_and_paths_are_named,
    models_that_no_provider_is_known_for_are_named,
    bad_ratings_are_refused,
    a_body_over_the_limit_is_refused,
    both_doors_tell_head_all_but_the_body_and_take_no_key_of_a_query_twice,
    nothing_secret_reaches_the_log,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

/// A body, the code it is refused with, and what the message must name.
const BAD_CHATS: &[(&str, &str, &[&str])] = &[
    ("", "invalid_body", &[]),
    ("{\"model\":", "invalid_body", &[]),
    ("\u{feff}{}", "invalid_body", &[]),
    ("[1]", "invalid_body", &["array", "object"]),
    (
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        "invalid_request",
        &["model"],
    ),
    ("{\"model\":\"up/alpha\"}", "invalid_request", &["messages"]),
    (
        "{\"model\":7,\"messages\":[]}",
        "invalid_request",
        &["model", "7"],
    ),
    (
        "{\"model\":\"\",\"messages\":[{}]}",
        "invalid_request",
        &["model"],
    ),
    (
        "{\"model\":\"up/alpha\",\"messages\":\"hello\"}",
        "invalid_request",
        &["messages"],
    ),
    (
        "{\"model\":\"up/alpha\",\"messages\":[]}",
        "invalid_request",
        &["messages"],
    ),
    (
        "{\"model\":\"up/alpha\",\"messages\":[3]}",
        "invalid_request",
        &["messages[0]"],
    ),
    (
        "{\"model\":\"up/alpha\",\"messages\":[{}]}",
        "invalid_request",
        &["messages[0].role"],
    ),
    (
        "{\"model\":\"up/alpha\",\"model\":\"x\",\"messages\":[{}]}",
        "invalid_request",
        &["model", "twice"],
    ),
    (
        "{\"model\":\"up/alpha\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":\"yes\"}",
        "invalid_request",
        &["stream", "yes"],
    ),
];

async fn bad_bodies_are_refused_before_any_provider_is_called(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for (body, code, mentions) in BAD_CHATS {
        let answer = api.post("/v1/chat/completions").bytes(*body).send().await;
        assert_error(&answer, 400, code, mentions);
        assert!(
            uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok(),
            "{body}: no x-request-id"
        );
    }
    let embeddings = [
        ("{\"model\":\"up/embed\"}", "input"),
        ("{\"input\":\"x\"}", "model"),
    ];
    for (body, mention) in embeddings {
        let answer = api.post("/v1/embeddings").bytes(body).send().await;
        assert_error(&answer, 400, "invalid_request", &[mention]);
    }
    assert_eq!(upstream.received().len(), 0);
}

async fn bad_keys_are_refused(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]});
    for stranger in [
        api.without_key(),
        api.with_key("fl_wrong"),
        api.with_key(" "),
    ] {
        let answer = stranger
            .post("/v1/chat/completions")
            .json(&body)
            .send()
            .await;
        assert_error(&answer, 401, "invalid_api_key", &[]);
        assert!(
            !answer.text().contains("fl_wrong"),
            "the key is shown: {}",
            answer.text()
        );
        for path in [
            "/v1/models",
            "/v1/decisions",
            "/v1/decisions/8f14e45f-ceea-467f-a8b3-5f3b1c2d3e4f",
        ] {
            assert_error(&stranger.get(path).await, 401, "invalid_api_key", &[]);
        }
    }
    let anonymous = api.without_key();
    let basic = anonymous
        .post("/v1/chat/completions")
        .header("authorization", "Basic eA==");
    assert_error(&basic.json(&body).send().await, 401, "invalid_api_key", &[]);
    assert_eq!(upstream.received().len(), 0);
}

async fn unknown_models_and_paths_are_named(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let ask = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    // A known provider without a key, a list, a list with `auto`, nothing between commas.
    let cases = [
        (
            "openai/gpt-4o",
            400,
            "provider_not_configured",
            "OPENAI_API_KEY",
        ),
        ("up/alpha,auto", 400, "invalid_request", "auto"),
        (" , ", 400, "invalid_request", "lists no model"),
    ];
    for (model, status, code, mention) in cases {
        let answer = api.chat("s", &ask(model)).await;
        assert_error(&answer, status, code, &[mention]);
        assert_eq!(answer.json()["error"]["param"], "model");
    }
    assert_error(&api.get("/v1/nothing").await, 404, "not_found", &[]);
    let wrong_method = api.get("/v1/chat/completions").await;
    assert_error(&wrong_method, 405, "method_not_allowed", &["Allow"]);
    assert_eq!(wrong_method.header("allow"), "POST");
    assert_eq!(upstream.received().len(), 0);
}

async fn both_doors_tell_head_all_but_the_body_and_take_no_key_of_a_query_twice(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    for door in [api.clone(), floopy.control_api()] {
        for (path, status) in [("/v1/keys", 200), ("/v1/nothing", 404)] {
            let head = door.call(Method::HEAD, path).send().await;
            assert_eq!((head.status, head.text().as_str()), (status, ""), "{path}");
            assert_eq!(head.header("content-type"), "application/json");
            assert!(!head.request_id().is_empty());
            let length = head.header("content-length");
            assert_eq!(length, door.get(path).await.text().len().to_string());
        }
        let twice = door.get("/v1/decisions?limit=1&limit=2").await;
        assert_error(&twice, 400, "invalid_request", &["limit", "once"]);
        assert_eq!(twice.json()["error"]["param"], "limit");
        let both = "/v1/decisions?property=a=1&property=b=2";
        door.get(both).await.ok();
    }
    let post_only = api.call(Method::HEAD, "/v1/chat/completions").send().await;
    assert_eq!((post_only.status, post_only.header("allow")), (405, "POST"));
    assert_eq!(
        api.call(Method::HEAD, "/v1/models").send().await.status,
        200
    );
}

async fn models_that_no_provider_is_known_for_are_named(shape: Shape) {
    let upstream = Upstream::start().await;
    // With a single provider an unknown name would simply be asked there.
    let settings = Settings::for_upstream(&upstream).provider("other", "http://127.0.0.1:9/v1");
    let floopy = Floopy::with(shape, settings).await;
    for model in ["no-such-model", "nowhere/x", "up/alpha,no-such-model"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        let answer = floopy.api().chat("s", &body).await;
        let named = model.rsplit(',').next().unwrap_or(model);
        assert_error(&answer, 404, "model_not_found", &[named]);
    }
    assert_eq!(upstream.received().len(), 0);
}

async fn bad_ratings_are_refused(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let cases = [
        ("{", "invalid_body", vec![]),
        (
            "{\"useful\":true,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["score"],
        ),
        (
            "{\"score\":11,\"useful\":true,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["score", "11"],
        ),
        (
            "{\"score\":-1,\"useful\":true,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["score", "-1"],
        ),
        (
            "{\"score\":7.5,\"useful\":true,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["score", "7.5"],
        ),
        (
            "{\"score\":\"9\",\"useful\":true,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["score"],
        ),
        (
            "{\"score\":9,\"session_id\":\"s\"}",
            "invalid_request",
            vec!["useful"],
        ),
        (
            "{\"score\":9,\"useful\":\"yes\",\"session_id\":\"s\"}",
            "invalid_request",
            vec!["useful"],
        ),
        (
            "{\"score\":9,\"useful\":true,\"session_id\":\" \"}",
            "invalid_request",
            vec!["session"],
        ),
        (
            "{\"score\":9,\"useful\":true,\"request_id\":\"x\"}",
            "invalid_request",
            vec!["request_id", "x"],
        ),
        (
            "{\"score\":9,\"useful\":true}",
            "invalid_request",
            vec!["session_id"],
        ),
    ];
    for (body, code, mentions) in cases {
        let answer = api.post("/v1/feedback").bytes(body).send().await;
        assert_error(&answer, 400, code, &mentions);
    }
}

async fn a_body_over_the_limit_is_refused(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy("limits", "body_bytes = 1000");
    let floopy = Floopy::with(shape, settings).await;
    let body = |filler: usize| {
        let text = "x".repeat(filler);
        json!({"model": "up/alpha", "messages": [{"role": "user", "content": text}]})
    };
    floopy.api().chat("s", &body(500)).await.ok();
    let answer = floopy.api().chat("s", &body(2000)).await;
    assert_error(&answer, 413, "body_too_large", &["1000"]);
    assert_eq!(upstream.received().len(), 1);
}

async fn nothing_secret_reaches_the_log(shape: Shape) {
    let (_upstream, floopy, api) = start(shape).await;
    let secret = "my-private-prompt-7f3a";
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": secret}]});
    let answer = api.chat("s", &body).await.ok();
    api.post("/v1/chat/completions")
        .bytes(format!("{{\"model\": {secret}"))
        .send()
        .await;
    api.with_key("fl_private_key_9c1b").get("/v1/models").await;
    api.decision(&answer.request_id()).await;
    let log = floopy.logs();
    for leaked in [secret, "fl_private_key_9c1b", api.key(), "sk-up"] {
        assert!(!log.contains(leaked), "{leaked} is in the log:\n{log}");
    }
}

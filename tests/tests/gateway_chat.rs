//! What applications send reaches the provider, and what the provider answers reaches them, byte for byte.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Reply, Shape, Stream, Upstream, checks::assert_decision_headers, in_both_shapes,
};
use serde_json::{Value, json};

in_both_shapes!(
    request_bytes_travel_untouched_but_for_the_model,
    reply_bytes_travel_untouched,
    stream_bytes_travel_untouched,
    tools_images_and_response_format_reach_the_provider,
    credentials_are_replaced_and_our_headers_stay_here,
    upstream_errors_keep_status_and_body,
    a_comma_list_falls_back_in_its_order,
    a_bare_model_name_finds_its_provider,
    auto_serves_the_best_benchmark_before_anything_was_learned,
    auto_leaves_out_models_that_cannot_serve_the_request,
    embeddings_come_as_floats_or_as_base64,
    models_are_listed_as_openai_lists_them,
);

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

async fn request_bytes_travel_untouched_but_for_the_model(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let sent = r#"{ "messages":[{"role":"user","content":"h\u00e9 😀 \"model\": \"x\""}],
      "temperature": 0.100,"metadata":{"model":"kept"},  "model" : "up/alpha" ,
      "vendor_field":{"deep":[1,2e0,{"x":null}]},"seed":9007199254740993 }"#;
    api.post("/v1/chat/completions")
        .bytes(sent)
        .send()
        .await
        .ok();
    let expected = sent.replace("\"up/alpha\"", "\"alpha\"");
    assert_eq!(
        String::from_utf8_lossy(&upstream.only("alpha").body),
        expected
    );
}

async fn reply_bytes_travel_untouched(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let reply = "{ \"id\":\"chatcmpl-1\", \"object\":\"chat.completion\",\"choices\":[{\"index\":0,\
                 \"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},\"finish_reason\":\"stop\"}],\
                 \"vendor\": 1.50 }\n";
    upstream.script(
        "alpha",
        Reply::raw(200, "application/json; charset=utf-8", reply),
    );
    let answer = api.chat("s", &hello("up/alpha")).await.ok();
    assert_eq!(answer.text(), reply);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_decision_headers(&answer, "up/alpha", "dispatched");
}

async fn stream_bytes_travel_untouched(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut script = Stream::of_words(&["one", " two", " thr\u{e9}\u{e9}"]);
    script.frames.insert(1, ": keep-alive\r\n\r\n".to_owned());
    let frames = script.frames.clone();
    upstream.script("alpha", Reply::Stream(script));
    let mut body = hello("up/alpha");
    body["stream"] = json!(true);
    let answer = api.chat("s", &body).await.ok();
    // Only we asked what it cost.
    let reports_usage = |frame: &&String| frame.contains("\"choices\":[]");
    let unasked: Vec<&String> = frames.iter().filter(|f| !reports_usage(f)).collect();
    assert_eq!(unasked.len(), frames.len() - 1);
    assert_eq!(
        answer.text(),
        unasked.into_iter().map(String::as_str).collect::<String>()
    );
    body["stream_options"] = json!({"include_usage": true});
    let answer = api.chat("s", &body).await.ok();
    assert_eq!(answer.text(), frames.concat());
    assert!(
        answer
            .header("content-type")
            .starts_with("text/event-stream"),
        "{:?}",
        answer.headers
    );
    assert_decision_headers(&answer, "up/alpha", "dispatched");
}

async fn tools_images_and_response_format_reach_the_provider(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut body = hello("up/alpha");
    body["tools"] =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    body["tool_choice"] = json!("required");
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}});
    body["messages"] = json!([{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]}]);
    api.chat("s", &body).await.ok();
    let mut expected = body.clone();
    expected["model"] = json!("alpha");
    assert_eq!(upstream.only("alpha").json(), expected);
}

async fn credentials_are_replaced_and_our_headers_stay_here(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let call = api.post("/v1/chat/completions").json(&hello("up/alpha"));
    call.header("floopy-session-id", "s")
        .header("cookie", "secret=1")
        .send()
        .await
        .ok();
    let headers = upstream.only("alpha").headers;
    assert_eq!(headers["authorization"], "Bearer sk-up");
    assert_eq!(headers["content-type"], "application/json");
    let leaked: Vec<_> = headers
        .keys()
        .filter(|k| k.as_str().starts_with("floopy-"))
        .collect();
    assert!(
        leaked.is_empty() && !headers.contains_key("cookie"),
        "{headers:?}"
    );
}

async fn upstream_errors_keep_status_and_body(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for status in [400, 404, 422, 500, 503] {
        let error = json!({"error": {"message": "of the provider", "type": "t", "param": "p", "code": "c"}});
        upstream.script("alpha", Reply::json(status, &error));
        let answer = api.chat("s", &hello("up/alpha")).await;
        assert_eq!((answer.status, answer.json()), (status, error));
    }
    let limited = Reply::Raw {
        status: 429,
        headers: vec![
            ("retry-after", "7".to_owned()),
            ("content-type", "application/json".to_owned()),
        ],
        body: "{\"error\":{\"message\":\"slow down\"}}".into(),
    };
    upstream.script("beta", limited);
    let answer = api.chat("s", &hello("up/beta")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "7"));
    assert_eq!(answer.json()["error"]["message"], "slow down");
}

async fn a_comma_list_falls_back_in_its_order(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let answer = api.chat("s", &hello("up/beta, up/alpha")).await.ok();
    assert_decision_headers(&answer, "up/beta", "dispatched");
    upstream.script(
        "beta",
        Reply::json(500, &json!({"error": {"message": "broken"}})),
    );
    let answer = api.chat("s", &hello("up/beta, up/alpha")).await.ok();
    assert_decision_headers(&answer, "up/alpha", "fallback");
    let decision = api.decision(&answer.request_id()).await;
    assert_eq!(decision["outcome"]["fallback_used"], true, "{decision}");
    assert_eq!(decision["routing_strategy"], "fallback", "{decision}");
    assert_eq!(
        (decision["provider"].as_str(), decision["model"].as_str()),
        (Some("up"), Some("alpha"))
    );
}

async fn a_bare_model_name_finds_its_provider(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let answer = api.chat("s", &hello("beta")).await.ok();
    assert_decision_headers(&answer, "up/beta", "dispatched");
    assert_eq!(upstream.only("beta").path, "/v1/chat/completions");
}

async fn auto_serves_the_best_benchmark_before_anything_was_learned(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    for session in ["s1", "s2", "s3"] {
        let answer = api.chat(session, &hello("auto")).await.ok();
        assert_decision_headers(&answer, "up/alpha", "dispatched");
    }
}

async fn auto_leaves_out_models_that_cannot_serve_the_request(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut body = hello("auto");
    // Of the test's models only `beta` takes images.
    body["messages"] = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]}]);
    let answer = api.chat("s", &body).await.ok();
    assert_eq!(
        (answer.header("floopy-model"), upstream.count("beta")),
        ("up/beta", 1)
    );
}

async fn embeddings_come_as_floats_or_as_base64(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut body = json!({"model": "up/embed", "input": ["a", "b"]});
    let answer = api.post("/v1/embeddings").json(&body).send().await.ok();
    assert_eq!(answer.json()["data"][1]["embedding"], json!([1.0, -2.0]));
    assert_decision_headers(&answer, "up/embed", "dispatched");
    body["encoding_format"] = json!("base64");
    let answer = api.post("/v1/embeddings").json(&body).send().await.ok();
    assert_eq!(answer.json()["data"][0]["embedding"], "AACAPwAAAMA=");
    assert_eq!(upstream.received()[1].json()["encoding_format"], "base64");
}

async fn models_are_listed_as_openai_lists_them(shape: Shape) {
    let (_upstream, _floopy, api) = start(shape).await;
    let list = api.get("/v1/models").await.ok().json();
    assert_eq!(list["object"], "list");
    let models = list["data"].as_array().expect("a list");
    let ids: Vec<&str> = models.iter().filter_map(|m| m["id"].as_str()).collect();
    for id in ["auto", "up/alpha", "up/beta", "up/embed"] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    for model in models {
        assert_eq!(model["object"], "model", "{model}");
        assert!(
            model["created"].is_u64() && model["owned_by"].is_string(),
            "{model}"
        );
    }
}

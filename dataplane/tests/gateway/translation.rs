//! Calls whose provider speaks another API than their caller, or another dialect of it.

use floopy_proto::v1::AttemptResult;
use floopy_shared::process::config::Secret;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, no_control},
    upstream::{Script, Upstream, completion, delta, events, json as json_reply},
};

/// A proxy whose providers `a`, `b`, … are of these kinds.
async fn proxy(upstream: &Upstream, kinds: &[&str]) -> Proxy {
    let urls = vec![upstream.base_url(); kinds.len()];
    Proxy::start_with(&urls, no_control(), |config| set_kinds(config, kinds)).await
}

fn set_kinds(config: &mut floopy_dataplane::Config, kinds: &[&str]) {
    for (provider, kind) in config.providers.iter_mut().zip(kinds) {
        provider.kind = Some((*kind).to_owned());
    }
}

fn body(model: &str, more: Value) -> String {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

/// What arrived at the upstream.
fn sent(upstream: &Upstream, index: usize) -> Value {
    serde_json::from_slice(&upstream.seen()[index].body).unwrap()
}

#[tokio::test]
async fn a_strict_dialect_gets_its_own_words_and_the_rest_is_named() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let proxy = proxy(&upstream, &["mistral"]).await;
    let more = json!({"seed": 7, "user": "u", "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}]});
    let got = proxy
        .send(proxy.post("/v1/chat/completions", &body("a/m", more)))
        .await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.header("floopy-dropped-params"), "user");
    assert_eq!(got.json()["choices"][0]["message"]["content"], "hello");
    assert_eq!(got.json()["usage"]["prompt_tokens"], 10);
    assert!(got.json()["created"].as_u64().unwrap() > 1_700_000_000);
    let sent = sent(&upstream, 0);
    assert_eq!(
        (&sent["random_seed"], &sent["tool_choice"], &sent["model"]),
        (&json!(7), &json!("any"), &json!("m"))
    );
    assert!(sent.get("seed").is_none() && sent.get("user").is_none());
    proxy.finish().await;
}

#[tokio::test]
async fn what_a_dialect_takes_is_sent_byte_by_byte() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let proxy = proxy(&upstream, &["mistral"]).await;
    let plain = r#"{ "model":"a/m",  "messages":[{"role":"user","content":"h\u0069"}] }"#;
    let got = proxy.send(proxy.post("/v1/chat/completions", plain)).await;
    assert_eq!(got.status, StatusCode::OK);
    let expected = plain.replace("a/m", "m");
    assert_eq!(upstream.seen()[0].body, expected.as_bytes());
    proxy.finish().await;
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_by_field_and_provider_and_nothing_is_sent() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let proxy = proxy(&upstream, &["mistral"]).await;
    let got = proxy
        .send(proxy.post(
            "/v1/chat/completions",
            &body("a/m", json!({"logprobs": true})),
        ))
        .await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    let error = &got.json()["error"];
    assert_eq!(
        (&error["param"], &error["code"]),
        (&json!("logprobs"), &json!("unsupported_field"))
    );
    let message = got.message();
    assert!(
        message.contains("logprobs cannot be sent to mistral"),
        "{message}"
    );
    assert!(upstream.seen().is_empty());
    proxy.finish().await;
}

#[tokio::test]
async fn a_candidate_that_cannot_be_told_is_passed_over_and_the_record_says_so() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let (control, dialer) = Control::start();
    let urls = vec![upstream.base_url(); 2];
    let proxy = Proxy::start_with(&urls, dialer, |config| {
        set_kinds(config, &["mistral", "openai"]);
    })
    .await;
    let asked = body("a/m,b/n", json!({"logprobs": true}));
    let got = proxy.send(proxy.post("/v1/chat/completions", &asked)).await;
    assert_eq!(got.header("floopy-model"), "b/n", "{}", got.text());
    let decision = eventually("the decision arrives", || control.finished()).await;
    let results: Vec<i32> = decision.attempts.iter().map(|a| a.result).collect();
    assert_eq!(
        results,
        [
            i32::from(AttemptResult::Unsupported),
            i32::from(AttemptResult::Ok)
        ]
    );
    proxy.finish().await;
}

/// A stream of two words that says what it cost.
fn words() -> Script {
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let text = [&delta("a"), &delta("b"), stop, usage, "data: [DONE]\n\n"].concat();
    events(&[(0, &text)])
}

#[tokio::test]
async fn a_translated_stream_is_whole_recorded_and_tells_its_cost_only_to_who_asked() {
    let upstream = Upstream::start(|_, _| words()).await;
    let (control, dialer) = Control::start();
    let urls = [upstream.base_url()];
    let proxy = Proxy::start_with(&urls, dialer, |config| set_kinds(config, &["mistral"])).await;
    for asks in [true, false] {
        let options = json!({"stream": true, "seed": 1, "stream_options": {"include_usage": asks}});
        let got = proxy
            .send(proxy.post("/v1/chat/completions", &body("a/m", options)))
            .await;
        let text = got.text();
        assert!(
            text.contains(r#""content":"a""#) && text.ends_with("data: [DONE]\n\n"),
            "{text}"
        );
        assert_eq!(text.contains(r#""prompt_tokens":3"#), asks, "{text}");
        assert_eq!(got.header("content-type"), "text/event-stream");
    }
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!((outcome.input_tokens, outcome.output_tokens), (3, 4));
    proxy.finish().await;
}

#[tokio::test]
async fn a_translated_stream_that_breaks_says_so() {
    let upstream = Upstream::start(|_, _| events(&[(0, &delta("a"))])).await;
    let proxy = proxy(&upstream, &["mistral"]).await;
    let asked = body("a/m", json!({"stream": true, "seed": 1}));
    let got = proxy.send(proxy.post("/v1/chat/completions", &asked)).await;
    let text = got.text();
    assert!(
        text.contains("upstream_stream_broken") && !text.contains("[DONE]"),
        "{text}"
    );
    proxy.finish().await;
}

#[tokio::test]
async fn gemini_is_asked_in_its_own_api_and_answered_in_the_callers() {
    let reply = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Paris"}]},"finishReason":"STOP","index":0}],
        "usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"thoughtsTokenCount":3,"totalTokenCount":10},
        "modelVersion":"gemini-x","responseId":"r1"}"#;
    let upstream = Upstream::start(move |_, _| json_reply(200, reply)).await;
    let proxy = proxy(&upstream, &["gemini"]).await;
    let asked = body("a/gemini-x", json!({"max_tokens": 9}));
    let got = proxy.send(proxy.post("/v1/chat/completions", &asked)).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.json()["choices"][0]["message"]["content"], "Paris");
    assert_eq!(got.json()["usage"]["completion_tokens"], 5);
    let seen = &upstream.seen()[0];
    assert!(
        seen.head
            .starts_with("post /v1/models/gemini-x:generatecontent "),
        "{}",
        seen.head
    );
    assert!(seen.head.contains("x-goog-api-key: sk-a") && !seen.head.contains("authorization"));
    assert_eq!(sent(&upstream, 0)["generationConfig"]["maxOutputTokens"], 9);
    proxy.finish().await;
}

#[tokio::test]
async fn a_providers_error_is_told_in_the_callers_words() {
    let error = r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"6.2s"}]}}"#;
    let upstream = Upstream::start(move |_, _| json_reply(429, error)).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        set_kinds(config, &["gemini"]);
        config.retry.times = 0;
    })
    .await;
    let got = proxy.chat("a/g").await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    assert_eq!(got.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(got.message(), "Quota exceeded");
    assert_eq!(got.header("retry-after"), "7");
    proxy.finish().await;
}

/// A Converse stream, its frames cut into pieces of seven bytes.
fn converse_stream() -> Script {
    use floopy_protocols::event_stream::Frame;
    let frame =
        |name: &str, payload: &str| Frame::event(name, payload.to_owned()).encode().unwrap();
    let frames = [
        frame("messageStart", r#"{"role":"assistant"}"#),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hel"}}"#),
        frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"lo"}}"#),
        frame("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        frame("messageStop", r#"{"stopReason":"end_turn"}"#),
        frame("metadata", r#"{"usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9},"metrics":{"latencyMs":5}}"#),
    ]
    .concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nx-amzn-requestid: aws-1\r\nconnection: close\r\n\r\n";
    let mut script = vec![(crate::upstream::NOW, head.as_bytes().to_vec())];
    script.extend(
        frames
            .chunks(7)
            .map(|piece| (crate::upstream::NOW, piece.to_vec())),
    );
    script
}

#[tokio::test]
async fn bedrock_is_signed_and_its_frames_become_the_callers_events() {
    let upstream = Upstream::start(|_, _| converse_stream()).await;
    let (control, dialer) = Control::start();
    let proxy = Proxy::start_with(&[upstream.base_url()], dialer, |config| {
        set_kinds(config, &["bedrock"]);
        let provider = &mut config.providers[0];
        provider.api_key = None;
        provider.region = Some("eu-west-1".to_owned());
        provider.access_key_id = Some("AKIDEXAMPLE".to_owned());
        provider.secret_access_key = Some(Secret::new("secret"));
    })
    .await;
    let asked = body("a/anthropic.claude-v2:0", json!({"stream": true}));
    let got = proxy.send(proxy.post("/v1/chat/completions", &asked)).await;
    let text = got.text();
    assert!(
        text.contains(r#""content":"Hel""#) && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert!(text.contains(r#""finish_reason":"stop""#), "{text}");
    assert_eq!(got.header("x-upstream-request-id"), "aws-1");
    let head = upstream.seen()[0].head.clone();
    assert!(
        head.contains("/model/anthropic.claude-v2%3a0/converse-stream"),
        "{head}"
    );
    assert!(
        head.contains("authorization: aws4-hmac-sha256 credential=akidexample/"),
        "{head}"
    );
    assert!(
        head.contains("/eu-west-1/bedrock/aws4_request") && head.contains("x-amz-date: "),
        "{head}"
    );
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!((outcome.input_tokens, outcome.output_tokens), (7, 2));
    assert!(decision.completion_id.starts_with("chatcmpl-"));
    proxy.finish().await;
}

#[tokio::test]
async fn a_frame_that_is_corrupt_breaks_the_stream() {
    let corrupt = || {
        let mut script = converse_stream();
        let last = script.len() - 3;
        script[last].1[0] ^= 1;
        script
    };
    let upstream = Upstream::start(move |_, _| corrupt()).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        set_kinds(config, &["bedrock"]);
        config.providers[0].region = Some("eu-west-1".to_owned());
    })
    .await;
    let got = proxy
        .send(proxy.post(
            "/v1/chat/completions",
            &body("a/m", json!({"stream": true})),
        ))
        .await;
    let text = got.text();
    assert!(!text.contains("[DONE]"), "{text}");
    assert!(text.contains("upstream_invalid_response"), "{text}");
    proxy.finish().await;
}

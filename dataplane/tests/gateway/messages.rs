//! Anthropic's Messages API at the front: passed on as it came, or to whoever speaks something else.

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::{
    control::{Control, eventually},
    proxy::{KEY, Proxy, Reply, no_control},
    upstream::{Script, Upstream, completion, delta, events, json as json_reply},
};

const ASKED: &str =
    r#"{ "model":"a/claude-x", "max_tokens":9,"messages":[{"role":"user","content":"h\u0069"}] }"#;

const REPLY: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":4,"cache_read_input_tokens":6,"output_tokens":2}}"#;

async fn proxy(upstream: &Upstream, kind: &str, control: bool) -> (Proxy, Option<Control>) {
    let (control, dialer) = if control {
        let (control, dialer) = Control::start();
        (Some(control), dialer)
    } else {
        (None, no_control())
    };
    let urls = [upstream.base_url()];
    let proxy = Proxy::start_with(&urls, dialer, |config| {
        config.providers[0].kind = Some(kind.to_owned());
    })
    .await;
    (proxy, control)
}

fn post(proxy: &Proxy, path: &str, body: &str) -> Request<Full<bytes::Bytes>> {
    Request::post(format!("http://{}{path}", proxy.addr))
        .header("x-api-key", KEY)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn between_callers_and_providers_of_one_api_bytes_pass_and_are_accounted_for() {
    let upstream = Upstream::start(|_, _| json_reply(200, REPLY)).await;
    let (proxy, control) = proxy(&upstream, "anthropic", true).await;
    let got = proxy.send(post(&proxy, "/v1/messages", ASKED)).await;
    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, REPLY));
    let seen = &upstream.seen()[0];
    assert_eq!(
        seen.body,
        ASKED.replace("a/claude-x", "claude-x").as_bytes()
    );
    assert!(seen.head.starts_with("post /v1/messages "), "{}", seen.head);
    assert!(seen.head.contains("x-api-key: sk-a") && !seen.head.contains(KEY));
    assert!(seen.head.contains("anthropic-version: 2023-06-01"));
    let control = control.unwrap();
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!(
        (
            outcome.input_tokens,
            outcome.cached_input_tokens,
            outcome.output_tokens
        ),
        (10, 6, 2)
    );
    assert_eq!(decision.completion_id, "msg_1");
    proxy.finish().await;
}

const EVENTS: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_2\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn streamed() -> String {
    ASKED.replace("\"max_tokens\"", "\"stream\":true,\"max_tokens\"")
}

#[tokio::test]
async fn a_stream_of_the_same_api_passes_as_it_came() {
    let upstream = Upstream::start(|_, _| events(&[(0, EVENTS)])).await;
    let (proxy, control) = proxy(&upstream, "anthropic", true).await;
    let got = proxy.send(post(&proxy, "/v1/messages", &streamed())).await;
    assert_eq!(got.text(), EVENTS);
    let control = control.unwrap();
    let decision = eventually("the decision arrives", || control.finished()).await;
    let outcome = decision.outcome.unwrap();
    assert_eq!((outcome.input_tokens, outcome.output_tokens), (3, 5));
    assert!(!outcome.usage_estimated);
    proxy.finish().await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_of_the_callers_api() {
    let (head, _) = EVENTS.split_at(EVENTS.find("event: content_block_stop").unwrap());
    let upstream = Upstream::start(move |_, _| events(&[(0, head)])).await;
    let (proxy, _) = proxy(&upstream, "anthropic", false).await;
    let text = proxy
        .send(post(&proxy, "/v1/messages", &streamed()))
        .await
        .text();
    assert!(text.starts_with(head), "{text}");
    assert!(
        text[head.len()..].starts_with("event: error\ndata: {\"type\":\"error\""),
        "{text}"
    );
    proxy.finish().await;
}

fn openai_words() -> Script {
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let text = [&delta("a"), &delta("b"), stop, usage, "data: [DONE]\n\n"].concat();
    events(&[(0, &text)])
}

#[tokio::test]
async fn others_are_asked_in_their_api_and_answer_in_the_callers() {
    let upstream = Upstream::start(|seen, _| {
        if seen.body.windows(13).any(|part| part == b"\"stream\":true") {
            openai_words()
        } else {
            completion("hello")
        }
    })
    .await;
    let (proxy, _) = proxy(&upstream, "openai", false).await;
    let got = proxy.send(post(&proxy, "/v1/messages", ASKED)).await;
    let reply = got.json();
    assert_eq!(
        reply["content"],
        json!([{"type": "text", "text": "hello"}]),
        "{reply}"
    );
    assert_eq!(
        (&reply["type"], &reply["stop_reason"]),
        (&json!("message"), &json!("end_turn"))
    );
    assert_eq!(reply["usage"]["input_tokens"], 10);
    let text = proxy
        .send(post(&proxy, "/v1/messages", &streamed()))
        .await
        .text();
    for part in [
        "event: message_start",
        r#""text_delta","text":"a""#,
        "event: content_block_stop",
        r#""stop_reason":"end_turn""#,
        "event: message_stop",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    proxy.finish().await;
}

#[tokio::test]
async fn errors_of_ours_are_in_the_callers_envelope() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    let (proxy, _) = proxy(&upstream, "openai", false).await;
    let unlimited = ASKED.replace("\"max_tokens\":9,", "");
    let got = proxy.send(post(&proxy, "/v1/messages", &unlimited)).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    let error = got.json();
    assert_eq!(
        (&error["type"], &error["error"]["type"]),
        (&json!("error"), &json!("invalid_request_error"))
    );
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("max_tokens"),
        "{error}"
    );
    assert_eq!(error["request_id"], got.header("x-request-id"));
    let stranger = Request::post(format!("http://{}/v1/messages", proxy.addr))
        .header("x-api-key", "wrong")
        .body(Full::from(ASKED))
        .unwrap();
    let got = proxy.send(stranger).await;
    assert_eq!(
        (got.status, got.json()["error"]["type"].clone()),
        (StatusCode::UNAUTHORIZED, json!("authentication_error"))
    );
    proxy.finish().await;
}

#[tokio::test]
async fn errors_of_others_name_the_request_in_the_callers_envelope() {
    let refused = r#"{"error":{"message":"too large","type":"invalid_request_error"}}"#;
    let upstream = Upstream::start(move |_, _| json_reply(400, refused)).await;
    let (proxy, _) = proxy(&upstream, "openai", false).await;
    let got = proxy.send(post(&proxy, "/v1/messages", ASKED)).await;
    let error = got.json();
    assert_eq!(
        (got.status, &error["error"]["message"]),
        (StatusCode::BAD_REQUEST, &json!("too large"))
    );
    assert_eq!(error["request_id"], got.header("x-request-id"));
    proxy.finish().await;
}

const COUNTED: &str =
    r#"{ "model":"a/claude-x","messages":[{"role":"user","content":"12345678901234567890"}]}"#;

async fn count(proxy: &Proxy, body: &str) -> Reply {
    let path = "/v1/messages/count_tokens";
    proxy.send(post(proxy, path, body)).await
}

#[tokio::test]
async fn tokens_are_counted_by_a_provider_that_does_and_its_figure_passes() {
    let reply = r#"{"input_tokens": 2026}"#;
    let upstream = Upstream::start(move |_, _| json_reply(200, reply)).await;
    let (proxy, control) = proxy(&upstream, "anthropic", true).await;
    let got = count(&proxy, COUNTED).await;
    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, reply));
    assert_eq!(got.header("floopy-estimated"), "");
    assert_eq!(got.header("x-upstream-request-id"), "up-1");
    let seen = &upstream.seen()[0];
    assert!(
        seen.head.starts_with("post /v1/messages/count_tokens "),
        "{}",
        seen.head
    );
    assert!(seen.head.contains("x-api-key: sk-a") && !seen.head.contains(KEY));
    assert_eq!(
        seen.body,
        COUNTED.replace("a/claude-x", "claude-x").as_bytes()
    );
    let decisions = control.unwrap().decisions();
    assert!(decisions.is_empty(), "nothing was routed or spent");
    proxy.finish().await;
}

#[tokio::test]
async fn what_nobody_counts_in_time_is_estimated() {
    let slow = || vec![(std::time::Duration::from_secs(30), Vec::new())];
    let scripts: [fn() -> Script; 4] = [
        || json_reply(500, "{}"),
        || {
            json_reply(
                400,
                r#"{"type":"error","error":{"type":"x","message":"y"}}"#,
            )
        },
        || json_reply(200, r#"{"input_tokens":"many"}"#),
        slow,
    ];
    for script in scripts {
        let upstream = Upstream::start(move |_, _| script()).await;
        let (proxy, _) = proxy(&upstream, "anthropic", false).await;
        let got = count(&proxy, COUNTED).await;
        assert_eq!(got.json(), json!({"input_tokens": 5}));
        assert_eq!(got.header("floopy-estimated"), "true");
        assert_eq!(upstream.seen().len(), 1);
        proxy.finish().await;
    }
}

#[tokio::test]
async fn tokens_are_counted_without_asking_who_cannot_count() {
    let upstream = Upstream::start(|_, _| completion("hello")).await;
    for model in ["auto", "a/claude-x"] {
        let (proxy, _) = proxy(&upstream, "openai", false).await;
        let got = count(&proxy, &COUNTED.replace("a/claude-x", model)).await;
        assert_eq!(got.json(), json!({"input_tokens": 5}));
        assert_eq!(got.header("floopy-estimated"), "true");
        proxy.finish().await;
    }
    assert!(upstream.seen().is_empty());
}

//! Providers that are down, slow, broken or lying, and clients that leave: nothing hangs, every record is true.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::Duration;

use floopy_tests::{
    Api, BodyExt, Floopy, Reply, Settings, Shape, Stream, Upstream, checks::assert_error,
    eventually, in_both_shapes, ports::free_addr, upstream::Ending,
};
use serde_json::{Value, json};

in_both_shapes!(
    a_provider_that_is_down_is_a_502_at_once,
    a_provider_that_never_answers_is_a_504,
    a_late_provider_falls_back_to_the_next,
    a_reset_before_the_reply_falls_back_to_the_next,
    garbage_with_status_200_falls_back_or_is_a_502,
    an_error_body_with_status_200_falls_back_or_is_a_502,
    an_error_as_first_stream_frame_falls_back,
    a_stream_reset_in_the_middle_ends_broken_and_is_recorded,
    a_stream_that_stalls_is_cut_at_its_deadline,
    a_client_that_leaves_is_recorded_and_frees_the_provider,
    a_failing_candidate_is_left_alone_after_a_while,
    a_plain_wrong_request_is_not_tried_elsewhere,
);

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Good morning"}]})
}

fn streamed(model: &str) -> Value {
    let mut body = hello(model);
    body["stream"] = json!(true);
    body
}

async fn start(shape: Shape) -> (Upstream, Floopy, Api) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .proxy(
            "timeouts",
            "first_byte_ms = 400\nstream_idle_ms = 400\nconnect_ms = 400",
        )
        .proxy("disconnect", "linger_ms = 300");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    (upstream, floopy, api)
}

async fn a_provider_that_is_down_is_a_502_at_once(shape: Shape) {
    let upstream = Upstream::start().await;
    let down = format!("http://{}/v1", free_addr());
    let settings = Settings::for_upstream(&upstream).provider("down", &down);
    let floopy = Floopy::with(shape, settings).await;
    let answer = floopy.api().chat("s", &hello("down/alpha")).await;
    assert_error(&answer, 502, "upstream_unreachable", &["down/alpha"]);
    let answer = floopy
        .api()
        .chat("s", &hello("down/alpha,up/alpha"))
        .await
        .ok();
    assert_eq!(answer.header("floopy-model"), "up/alpha");
    assert_eq!(answer.header("floopy-decision-reason"), "fallback");
}

async fn a_provider_that_never_answers_is_a_504(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.script("alpha", Reply::Hang);
    let answer = api.chat("s", &hello("up/alpha")).await;
    assert_error(&answer, 504, "upstream_timeout", &["up/alpha"]);
    let decision = api.decision(&answer.request_id()).await;
    assert_eq!(
        (decision["status"].as_str(), decision["reason"].as_str()),
        (Some("error"), Some("error"))
    );
}

async fn a_late_provider_falls_back_to_the_next(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.script("alpha", Reply::Late(Duration::from_secs(30)));
    for body in [hello("up/alpha,up/beta"), streamed("up/alpha,up/beta")] {
        let answer = api.chat("s", &body).await.ok();
        assert_eq!(answer.header("floopy-model"), "up/beta");
    }
}

async fn a_reset_before_the_reply_falls_back_to_the_next(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    upstream.script("alpha", Reply::Reset);
    let answer = api.chat("s", &hello("up/alpha,up/beta")).await.ok();
    assert_eq!(answer.header("floopy-model"), "up/beta");
    let answer = api.chat("s", &hello("up/alpha")).await;
    assert_error(&answer, 502, "upstream_unreachable", &["up/alpha"]);
}

async fn garbage_with_status_200_falls_back_or_is_a_502(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    for garbage in ["<html>It works!</html>", "{\"id\": \"cut of", ""] {
        upstream.script("alpha", Reply::raw(200, "text/html", garbage));
        let answer = api.chat("s", &hello("up/alpha")).await;
        assert_error(&answer, 502, "upstream_invalid_response", &["up/alpha"]);
        let answer = api.chat("s", &hello("up/alpha,up/beta")).await.ok();
        assert_eq!(answer.header("floopy-model"), "up/beta");
    }
}

async fn an_error_body_with_status_200_falls_back_or_is_a_502(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let error = json!({"error": {"message": "overloaded", "type": "server_error"}});
    upstream.script("alpha", Reply::json(200, &error));
    let answer = api.chat("s", &hello("up/alpha")).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let answer = api.chat("s", &hello("up/alpha,up/beta")).await.ok();
    assert_eq!(answer.header("floopy-model"), "up/beta");
}

async fn an_error_as_first_stream_frame_falls_back(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let frames = vec!["data: {\"error\":{\"message\":\"overloaded\"}}\n\n".to_owned()];
    upstream.script(
        "alpha",
        Reply::Stream(Stream {
            frames,
            gap: Duration::ZERO,
            ending: Ending::Complete,
        }),
    );
    let answer = api.chat("s", &streamed("up/alpha,up/beta")).await.ok();
    assert_eq!(answer.header("floopy-model"), "up/beta");
    assert!(
        answer.text().ends_with("data: [DONE]\n\n"),
        "{}",
        answer.text()
    );
}

/// Opens a stream of `api`, reads it to its end and gives the request id and what came.
async fn read_stream(api: &Api, model: &str) -> (String, String, bool) {
    let response = api
        .post("/v1/chat/completions")
        .json(&streamed(model))
        .open()
        .await;
    assert_eq!(response.status(), 200);
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let (mut body, mut text, mut whole) = (response.into_body(), String::new(), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data"))),
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    (id, text, whole)
}

async fn a_stream_reset_in_the_middle_ends_broken_and_is_recorded(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut script = Stream::of_words(&["one", " two", " three"]);
    script.frames.truncate(3);
    script.ending = Ending::Reset;
    let sent = script.frames.concat();
    upstream.script("alpha", Reply::Stream(script));
    let (id, text, _) = read_stream(&api, "up/alpha,up/beta").await;
    assert!(
        text.starts_with(&sent),
        "what came before the break is kept: {text}"
    );
    assert!(
        !text.contains("[DONE]"),
        "a broken stream must not look complete: {text}"
    );
    assert_eq!(
        upstream.count("beta"),
        0,
        "no fail-over after the first byte"
    );
    let decision = api.decision(&id).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["ending"], "broken_stream",
        "{decision}"
    );
    assert_eq!(decision["status"], "error", "{decision}");
}

async fn a_stream_that_stalls_is_cut_at_its_deadline(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut script = Stream::of_words(&["one"]);
    script.frames.truncate(2);
    script.ending = Ending::Hang;
    upstream.script("alpha", Reply::Stream(script));
    let (id, text, _) = read_stream(&api, "up/alpha").await;
    assert!(!text.contains("[DONE]"), "{text}");
    let decision = api.decision(&id).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["ending"], "broken_stream",
        "{decision}"
    );
    eventually(|| async {
        (upstream.open_streams() == 0)
            .then_some(())
            .ok_or("still open")
    })
    .await;
}

async fn a_client_that_leaves_is_recorded_and_frees_the_provider(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let mut script = Stream::of_words(&["word"; 500]);
    script.gap = Duration::from_millis(20);
    upstream.script("alpha", Reply::Stream(script));
    let response = api
        .post("/v1/chat/completions")
        .json(&streamed("up/alpha"))
        .open()
        .await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut body = response.into_body();
    body.frame().await.expect("a first frame").expect("intact");
    assert_eq!(upstream.open_streams(), 1);
    drop(body);
    eventually(|| async {
        (upstream.open_streams() == 0)
            .then_some(())
            .ok_or("still open")
    })
    .await;
    let decision = api.decision(&id).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["ending"], "client_disconnected",
        "{decision}"
    );
}

async fn a_failing_candidate_is_left_alone_after_a_while(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings =
        Settings::for_upstream(&upstream).proxy("breaker", "failures = 3\nopen_ms = 600");
    let floopy = Floopy::with(shape, settings).await;
    let api = floopy.api();
    upstream.script(
        "beta",
        Reply::json(500, &json!({"error": {"message": "broken"}})),
    );
    for _ in 0..8 {
        api.chat("s", &hello("up/beta,up/alpha")).await.ok();
    }
    assert_eq!(
        upstream.count("beta"),
        3,
        "the circuit opens after three failures in a row"
    );
    upstream.script("beta", Reply::Normal);
    eventually(|| async {
        let answer = api.chat("s", &hello("up/beta,up/alpha")).await.ok();
        (answer.header("floopy-model") == "up/beta")
            .then_some(())
            .ok_or("still open")
    })
    .await;
}

async fn a_plain_wrong_request_is_not_tried_elsewhere(shape: Shape) {
    let (upstream, _floopy, api) = start(shape).await;
    let error = json!({"error": {"message": "bad temperature", "type": "invalid_request_error"}});
    upstream.script("alpha", Reply::json(400, &error));
    let answer = api.chat("s", &hello("up/alpha,up/beta")).await;
    assert_eq!((answer.status, answer.json()), (400, error));
    assert_eq!(upstream.count("beta"), 0);
}

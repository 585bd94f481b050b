//! `kill -9` at any moment loses nothing that was answered; SIGTERM loses nothing at all.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::HashSet, time::Duration};

use floopy_tests::{
    Api, BodyExt, Floopy, Reply, Settings, Shape, Stream, Upstream, eventually_within,
    in_both_shapes, load::Load,
};
use rand::Rng;
use serde_json::{Value, json};

in_both_shapes!(
    what_was_answered_survives_kill_9,
    a_stop_finishes_open_streams_and_exits_0,
    a_stop_cuts_streams_at_its_deadline_and_exits_0,
);

fn id_of(item: &Value) -> &str {
    item["request_id"].as_str().unwrap_or_default()
}

async fn what_was_answered_survives_kill_9(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(shape, &upstream).await;
    let (mut served, mut rated) = (HashSet::new(), HashSet::new());
    for round in 0..10 {
        let load = Load::start(&floopy.api(), 4, &format!("round{round}"));
        // A moment that differs between rounds and runs, whatever is under way then.
        load.serves(rand::rng().random_range(1..120)).await;
        floopy.kill_proxy();
        let tally = load.finish().await;
        served.extend(tally.served);
        rated.extend(tally.rated);
        floopy.start_proxy().await;
    }
    let api = floopy.api();
    eventually_within(Duration::from_secs(30), || async {
        let items = api.decisions().await;
        let known: HashSet<String> = items.iter().map(|i| id_of(i).to_owned()).collect();
        let lost: Vec<&String> = served.iter().filter(|id| !known.contains(*id)).collect();
        if lost.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{} of {} decisions: {lost:?}",
                lost.len(),
                served.len()
            ))
        }
    })
    .await;
    assert!(
        !rated.is_empty(),
        "no rating was answered: the test proves nothing"
    );
    eventually_within(Duration::from_secs(30), || async {
        let unrated = unrated(&api, &rated).await;
        if unrated.is_empty() {
            Ok(())
        } else {
            Err(format!("ratings lost: {unrated:?}"))
        }
    })
    .await;
}

/// The sessions of `rated` without a rating on a decision of theirs.
async fn unrated(api: &Api, rated: &HashSet<String>) -> Vec<String> {
    let items = api.decisions().await;
    let credited = |session: &String| {
        items.iter().any(|item| {
            item["session_id"] == **session && item["decision_trace"]["session_score"] == 8
        })
    };
    rated
        .iter()
        .filter(|session| !credited(session))
        .cloned()
        .collect()
}

fn streamed() -> Value {
    json!({
        "model": "up/alpha",
        "stream": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "x"}],
    })
}

async fn a_stop_finishes_open_streams_and_exits_0(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(shape, &upstream).await;
    let mut script = Stream::of_words(&["word"; 20]);
    script.gap = Duration::from_millis(40);
    let expected = script.frames.concat();
    upstream.script("alpha", Reply::Stream(script));
    let response = floopy
        .api()
        .post("/v1/chat/completions")
        .json(&streamed())
        .open()
        .await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut body = response.into_body();
    let mut text = Vec::new();
    text.extend_from_slice(
        body.frame()
            .await
            .expect("a frame")
            .expect("intact")
            .data_ref()
            .expect("data"),
    );
    floopy.terminate_proxy();
    let refused = eventually_within(Duration::from_secs(5), || async {
        let answer = Api::new(floopy.proxy_addr(), "k")
            .call(http::Method::GET, "/v1/models")
            .try_send()
            .await;
        if answer.is_err() {
            Ok(())
        } else {
            Err("still accepts")
        }
    });
    refused.await;
    text.extend_from_slice(&body.collect().await.expect("a whole stream").to_bytes());
    assert_eq!(String::from_utf8_lossy(&text), expected);
    let status = floopy.proxy_exit(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0), "{}", floopy.logs());
    floopy.start_proxy().await;
    let decision = floopy.api().decision(&id).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["ending"], "completed",
        "{decision}"
    );
}

async fn a_stop_cuts_streams_at_its_deadline_and_exits_0(shape: Shape) {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy("", "drain_ms = 300");
    let mut floopy = Floopy::with(shape, settings).await;
    let mut script = Stream::of_words(&["word"; 2000]);
    script.gap = Duration::from_millis(50);
    upstream.script("alpha", Reply::Stream(script));
    let response = floopy
        .api()
        .post("/v1/chat/completions")
        .json(&streamed())
        .open()
        .await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("intact");
    floopy.terminate_proxy();
    let status = floopy.proxy_exit(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0), "{}", floopy.logs());
    drop(body);
    floopy.start_proxy().await;
    let decision = floopy.api().decision(&id).await;
    assert_eq!(
        decision["decision_trace"]["outcome"]["ending"], "interrupted",
        "{decision}"
    );
}

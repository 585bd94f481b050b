//! The control plane disappears: no request notices, and what happened meanwhile arrives later, once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::HashSet, time::Duration};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::number, eventually, load::Load,
};
use rand::Rng;
use serde_json::json;

/// Waits until all of `expected` are listed, each once.
async fn all_listed_once(api: &Api, expected: &[String]) {
    eventually(|| async {
        let items = api.decisions().await;
        let known: HashSet<&str> = items
            .iter()
            .filter_map(|i| i["request_id"].as_str())
            .collect();
        let missing = expected
            .iter()
            .filter(|id| !known.contains(id.as_str()))
            .count();
        if missing == 0 {
            Ok(())
        } else {
            Err(format!("{missing} of {} are missing", expected.len()))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_control_plane_is_gone() {
    let upstream = Upstream::start().await;
    // Else ratings wait, each a moment, for a word that cannot come.
    let settings = Settings::for_upstream(&upstream).proxy("timeouts", "feedback_ack_ms = 5");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let load = Load::start(&floopy.api(), 4, "gone");
    load.serves(100).await;
    floopy.kill_control();
    load.serves(500).await;
    floopy.start_control().await;
    load.serves(100).await;
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    all_listed_once(&floopy.api(), &tally.served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_stops_answering_delays_no_request() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(Shape::Split, &upstream).await;
    let api = floopy.api();
    api.chat(
        "s",
        &json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]}),
    )
    .await
    .ok();
    floopy.freeze_control();
    let load = Load::start(&api, 2, "frozen");
    load.serves(100).await;
    let tally = load.finish().await;
    floopy.thaw_control();
    assert_eq!(tally.failed, Vec::<String>::new());
    // Far above what a call takes, far below any deadline towards the control plane.
    assert!(
        tally.slowest < Duration::from_secs(4),
        "a call took {:?}",
        tally.slowest
    );
    all_listed_once(&api, &tally.served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_restarted_without_the_control_plane_serves_from_its_last_snapshot() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Split, &upstream).await;
    let api = floopy.api();
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
    let before = api.chat("s", &body).await.ok();
    api.decision(&before.request_id()).await;
    floopy.kill_control();
    floopy.stop_proxy().await;
    floopy.start_proxy().await;
    // The key and the models are known only from the snapshot on disk.
    let after = api.chat("s", &body).await.ok();
    assert_eq!(after.header("floopy-model"), before.header("floopy-model"));
    let models = api.get("/v1/models").await.ok().text();
    assert!(models.contains("up/beta"), "{models}");
    floopy.start_control().await;
    all_listed_once(&api, &[before.request_id(), after.request_id()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_cannot_be_read_while_the_control_plane_is_gone_and_the_answer_says_so() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Split, &upstream).await;
    floopy.kill_control();
    let answer = floopy.api().get("/v1/decisions").await;
    floopy_tests::checks::assert_error(&answer, 503, "control_plane_unavailable", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_was_away_scores_what_waited() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Split, &upstream).await;
    let api = floopy.api();
    floopy.kill_judge();
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]});
    let id = api.chat("s", &body).await.ok().request_id();
    assert!(api.decision(&id).await["decision_trace"]["judge"].is_null());
    floopy.start_judge();
    floopy_tests::eventually_within(Duration::from_secs(30), || async {
        let decision = api.decision(&id).await;
        decision["decision_trace"]["judge"]
            .is_object()
            .then_some(())
            .ok_or(decision)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rating_counts_once_although_the_control_plane_is_killed_again_and_again() {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).proxy("timeouts", "feedback_ack_ms = 5");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let api = floopy.api();
    let load = Load::start(&api, 4, "killed");
    for _ in 0..6 {
        load.serves(rand::rng().random_range(20..100)).await;
        floopy.kill_control();
        load.serves(20).await;
        floopy.start_control().await;
    }
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    all_listed_once(&api, &tally.served).await;
    // Every session was served by one model and rated once, so it is one observation.
    let expected = tally.rated.len();
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "Good morning"}]});
    eventually(|| async {
        let id = api.chat("probe", &body).await.ok().request_id();
        let counted = number(&api.decision(&id).await, "/evidence/rated_sessions");
        let exact = (counted - expected as f64).abs() < 1e-6;
        if exact {
            Ok(())
        } else {
            Err(format!("{counted} of {expected} ratings are counted"))
        }
    })
    .await;
}

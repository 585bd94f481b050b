//! Judges die with replies in their hands, and replies kill judges: none of the first is lost, none of the second stays.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::HashSet, time::Duration};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, eventually, eventually_within, judge::Judge,
    load::Load, soak::metric,
};
use rand::Rng;
use serde_json::{Value, json};

/// For every lease that is lost a second goes by.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of these are scored.
async fn scored(api: &Api, ids: &[String]) {
    let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
    eventually_within(PATIENCE, || async {
        let items = api.decisions().await;
        let is_open = |item: &&Value| {
            let id = item["request_id"].as_str().unwrap_or_default();
            ids.contains(id) && !item["decision_trace"]["judge"].is_object()
        };
        match items.iter().filter(is_open).count() {
            0 => Ok(()),
            open => Err(format!("{open} of {} are not scored", ids.len())),
        }
    })
    .await;
}

async fn queue(floopy: &Floopy) -> Value {
    floopy.operator_api().told("/v1/operator/queue").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judges_that_are_killed_lose_no_reply_and_none_is_scored_twice() {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream)
        .scoring("max_deliveries = 1000")
        .judge_with("lease_ms = 1000\nbatch = 4");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let mut vanishing = Judge::of(&floopy).await;
    let load = Load::start(&floopy.api(), 2, "killed");
    let mut vanished = 0;
    for _ in 0..6 {
        load.serves(rand::rng().random_range(5..40)).await;
        floopy.kill_judge();
        // What it leaves, another one takes, who never says anything either.
        load.serves(10).await;
        vanished += vanishing.lease(4, 1_000).await.len();
        floopy.start_judge();
    }
    assert!(vanished > 0, "nobody had anything when they died");
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    scored(&floopy.api(), &tally.served).await;
    let status = eventually_within(PATIENCE, || async {
        let status = queue(&floopy).await;
        let is_empty = status["waiting"] == 0 && status["in_flight"] == 0;
        if is_empty { Ok(status) } else { Err(status) }
    })
    .await;
    assert_eq!(status["dead"], 0);
    let metrics = floopy.control_api().get("/metrics").await.ok().text();
    let is_job = |line: &&str| line.contains("\"ScoringJob\"") && line.contains("\"Accepted\"");
    let jobs: Vec<&str> = metrics.lines().filter(is_job).collect();
    assert_eq!(
        metric(&metrics, "floopy_control_scores_total"),
        metric(&jobs.join("\n"), "floopy_control_events_total"),
        "each is scored once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_kills_every_judge_is_set_aside_and_the_others_are_scored() {
    let upstream = Upstream::start().await;
    let settings = Settings::for_upstream(&upstream).scoring("max_deliveries = 2");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    floopy.kill_judge();
    let api = floopy.api();
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]});
    let poison = api.chat("s", &body).await.ok().request_id();
    let mut dying = Judge::of(&floopy).await;
    for _ in 0..2 {
        assert_eq!(dying.wait(1_000).await.len(), 1);
    }
    let other = api.chat("s", &body).await.ok().request_id();
    floopy.start_judge();
    scored(&api, &[other]).await;
    let operator = floopy.operator_api();
    let dead = eventually(|| async {
        let told = operator.told("/v1/operator/queue/dead").await;
        match told["items"].as_array().map(Vec::len) {
            Some(1) => Ok(told["items"][0].clone()),
            Some(_) | None => Err(told),
        }
    })
    .await;
    assert_eq!(dead["id"], json!(poison));
    assert_eq!(dead["deliveries"], 2);
    let error = dead["error"].as_str().expect("a text");
    assert!(error.contains("of-the-test"), "{error}");
    let all = operator.send("POST /v1/operator/queue/retry", json!({"all": true}));
    assert_eq!(all.await.ok().json()["retried"], 1);
    scored(&api, &[poison]).await;
}

//! The scoring queue in Redis: it goes away and comes back, the control plane dies, and every reply is judged.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use floopy_tests::{
    Api, Floopy, Redis, Settings, Shape, Upstream, eventually, eventually_within, in_both_shapes,
    load::Load, soak::metric,
};
use serde_json::{Value, json};

in_both_shapes!(
    every_reply_is_judged_though_redis_freezes_and_dies,
    what_keeps_nothing_is_in_no_file_of_redis,
);

/// What waits is judged after everything is back.
const PATIENCE: Duration = Duration::from_secs(90);

async fn judged(api: &Api, ids: &[String]) {
    let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
    eventually_within(PATIENCE, || async {
        let items = api.decisions().await;
        let is_open = |item: &&Value| {
            let id = item["request_id"].as_str().unwrap_or_default();
            ids.contains(id) && !item["decision_trace"]["judge"].is_object()
        };
        match items.iter().filter(is_open).count() {
            0 => Ok(()),
            open => Err(format!("{open} of {} are not judged", ids.len())),
        }
    })
    .await;
}

async fn connected(floopy: &Floopy, goal: u64) {
    let api = floopy.control_api();
    eventually_within(PATIENCE, || async {
        let text = api.get("/metrics").await.ok().text();
        match metric(&text, "floopy_control_scoring_queue_connected") {
            found if found == goal => Ok(()),
            found => Err(found),
        }
    })
    .await;
}

async fn every_reply_is_judged_though_redis_freezes_and_dies(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut redis = Redis::keeping().await;
    let settings = redis.queues(Settings::for_upstream(&upstream));
    let floopy = Floopy::with(shape, settings).await;
    connected(&floopy, 1).await;
    let load = Load::start(&floopy.api(), 2, "queued");
    load.serves(40).await;
    redis.freeze();
    connected(&floopy, 0).await;
    load.serves(40).await;
    let answer = floopy.operator_api().get("/v1/operator/queue").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    redis.thaw();
    connected(&floopy, 1).await;
    load.serves(20).await;
    redis.kill();
    connected(&floopy, 0).await;
    load.serves(40).await;
    redis.start_again().await;
    connected(&floopy, 1).await;
    load.serves(20).await;
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    judged(&floopy.api(), &tally.served).await;
    // Once each time, however often it was tried.
    let log = floopy.logs();
    let said = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    let gone = said("the scoring queue in Redis takes nothing");
    assert_eq!(gone, said("the scoring queue in Redis is back"), "{log}");
    assert!(gone >= 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reply_is_judged_once_though_control_plane_and_judge_are_killed() {
    let upstream = Upstream::start().await;
    let redis = Redis::keeping().await;
    let settings = redis
        .queues(Settings::for_upstream(&upstream))
        .scoring("max_deliveries = 1000")
        .judge_with("lease_ms = 1000\nbatch = 4");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let load = Load::start(&floopy.api(), 2, "killed");
    for _ in 0..3 {
        load.serves(25).await;
        floopy.kill_control();
        load.serves(10).await;
        floopy.start_control().await;
        load.serves(15).await;
        floopy.kill_judge();
        load.serves(10).await;
        floopy.start_judge();
    }
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    judged(&floopy.api(), &tally.served).await;
    let operator = floopy.operator_api();
    eventually_within(PATIENCE, || async {
        let status = operator.told("/v1/operator/queue").await;
        let is_empty = ["waiting", "in_flight", "dead"].map(|count| status[count] == 0);
        if is_empty == [true; 3] {
            Ok(())
        } else {
            Err(status)
        }
    })
    .await;
    eventually(|| async {
        let names = redis.names();
        let left = names.iter().find(|name| name.contains(":job:"));
        left.map_or(Ok(()), |name| Err(name.clone()))
    })
    .await;
}

/// Files below a directory that hold this.
fn holding(dir: &Path, marker: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, marker));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes
                .windows(marker.len())
                .any(|part| part == marker.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

async fn what_keeps_nothing_is_in_no_file_of_redis(shape: Shape) {
    const SECRET: &str = "marker-of-who-keeps-nothing";
    const KEPT: &str = "marker-of-who-keeps-something";
    let upstream = Upstream::start().await;
    let redis = Redis::keeping().await;
    let settings = redis
        .queues(Settings::for_upstream(&upstream))
        .tenant("zero_retention = true\n");
    let floopy = Floopy::with(shape, settings).await;
    let ask = async |api: &Api, marker: &str| {
        let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": marker}]});
        api.chat("s", &body).await.ok().request_id()
    };
    let first = ask(&floopy.api(), SECRET).await;
    for _ in 0..3 {
        ask(&floopy.api(), SECRET).await;
        ask(&floopy.other_api(), KEPT).await;
    }
    let dir = redis.dir().to_owned();
    eventually_within(PATIENCE, || async {
        let found = holding(&dir, KEPT);
        if found.is_empty() {
            Err("nothing was queued")
        } else {
            Ok(())
        }
    })
    .await;
    floopy.api().decision(&first).await;
    assert_eq!(holding(&dir, SECRET), Vec::<PathBuf>::new());
}

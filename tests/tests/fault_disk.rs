//! The spool's disk is full: requests are served, ratings are refused, and everybody is told.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually, load::Load,
};
use serde_json::{Value, json};

fn hello() -> Value {
    json!({"model": "up/alpha", "messages": [{"role": "user", "content": "x"}]})
}

/// Sends until a rating is refused; requests must not be.
async fn fill(api: &Api) {
    for n in 0..3_000 {
        let session = format!("fill-{n}");
        api.chat(&session, &hello()).await.ok();
        let rating = json!({"session_id": session, "score": 9, "useful": true});
        let answer = api.rate(&rating).await;
        if answer.status != 200 {
            assert_error(&answer, 503, "spool_unavailable", &[]);
            return;
        }
    }
    panic!("the spool never filled up");
}

/// The sum of a metric over its labels.
async fn metric(admin: &Api, name: &str) -> f64 {
    let text = admin.get("/metrics").await.ok().text();
    let lines = text.lines().filter(|l| l.starts_with(name));
    lines
        .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Ratings do not wait for a control plane that is not there.
fn impatient(upstream: &Upstream) -> Settings {
    Settings::for_upstream(upstream).proxy("timeouts", "feedback_ack_ms = 1")
}

async fn check_full(floopy: &mut Floopy) {
    let api = floopy.api();
    floopy.kill_control();
    fill(&api).await;
    for _ in 0..20 {
        api.chat("after", &hello()).await.ok();
    }
    let dropped = metric(&floopy.admin_api(), "floopy_spool_dropped").await;
    assert!(dropped >= 20.0, "{dropped} dropped events were counted");
    let log = floopy.logs();
    assert!(
        log.to_lowercase().contains("spool"),
        "the log does not say so:\n{log}"
    );
    floopy.start_control().await;
    floopy.proxy_process().lift_file_limit();
    eventually(|| async {
        let rating = json!({"session_id": "after", "score": 9, "useful": true});
        let answer = api.rate(&rating).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    // Ratings are taken before there is room for records.
    let admin = floopy.admin_api();
    eventually(|| async {
        let level = metric(&admin, "floopy_spool_level").await;
        if level < 1.0 { Ok(()) } else { Err(level) }
    })
    .await;
    let id = api.chat("recovered", &hello()).await.ok().request_id();
    api.decision(&id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_at_its_bound_degrades_and_recovers() {
    let upstream = Upstream::start().await;
    let bound = "max_bytes = 65536\nsegment_bytes = 16384";
    let settings = impatient(&upstream).proxy("spool", bound);
    check_full(&mut Floopy::with(Shape::Split, settings).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_refuses_writes_degrades_and_recovers() {
    let upstream = Upstream::start().await;
    // The operating system refuses to let any file of the proxy grow beyond 64 KiB.
    let settings = impatient(&upstream).proxy_file_limit_kib(64);
    check_full(&mut Floopy::with(Shape::Split, settings).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_dropped_while_there_is_room() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(Shape::Split, &upstream).await;
    let load = Load::start(&floopy.api(), 4, "room");
    load.serves(200).await;
    assert_eq!(load.finish().await.failed, Vec::<String>::new());
    let dropped = metric(&floopy.admin_api(), "floopy_spool_dropped").await;
    assert!(dropped < 1.0, "{dropped} events were dropped");
}

//! The control plane's store in PostgreSQL: either of them goes away, no request notices, and every event counts once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    collections::HashSet,
    fs,
    process::Output,
    time::{Duration, Instant},
};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, eventually_within, in_both_shapes,
    load::{Load, Tally},
    postgres::Postgres,
    process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;

in_both_shapes!(what_is_told_after_a_stop_of_the_database_counts_once);

async fn start(shape: Shape) -> (Upstream, Postgres, Floopy) {
    let upstream = Upstream::start().await;
    let server = Postgres::start().await;
    // Else ratings wait, each a moment, for a word that cannot come.
    let settings = Settings::for_upstream(&upstream)
        .proxy("timeouts", "feedback_ack_ms = 5")
        .proxy("spool", "max_bytes = 8589934592");
    let floopy = Floopy::with(shape, server.keeps(settings)).await;
    (upstream, server, floopy)
}

/// For how long the database is away while calls go on: FAULT_SECONDS, as `make fault` sets it.
fn absence() -> Duration {
    let seconds = std::env::var("FAULT_SECONDS").ok();
    let seconds = seconds.map_or(1, |n| n.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

/// Every call and every rating of the load is in the books, once.
async fn counted_once(api: &Api, tally: &Tally) {
    assert_eq!(tally.failed, Vec::<String>::new());
    let (calls, ratings) = (tally.served.len(), tally.rated.len());
    assert!(ratings > 0, "nothing was rated");
    // What waited meanwhile is taken in one after the other.
    let patience = Duration::from_secs(30) + 2 * absence();
    eventually_within(patience, || async {
        let usage = api.get("/v1/usage").await.json();
        let total = &usage["total"];
        match (total["requests"] == calls, total["ratings"] == ratings) {
            (true, true) => Ok(()),
            (..) => Err(format!("{calls} calls and {ratings} ratings, not {total}")),
        }
    })
    .await;
    let items = api.decisions().await;
    let listed: HashSet<&str> = items
        .iter()
        .filter_map(|i| i["request_id"].as_str())
        .collect();
    assert_eq!((listed.len(), items.len()), (calls, calls));
}

async fn what_is_told_after_a_stop_of_the_database_counts_once(shape: Shape) {
    let (_upstream, mut server, floopy) = start(shape).await;
    let load = Load::start(&floopy.api(), 2, "stopped");
    load.serves(60).await;
    server.stop().await;
    load.serves(120).await;
    let until = Instant::now() + absence();
    while Instant::now() < until {
        load.serves(60).await;
    }
    server.start_again().await;
    load.serves(60).await;
    let tally = load.finish().await;
    counted_once(&floopy.api(), &tally).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_on_postgresql_that_is_killed_loses_nothing() {
    let (_upstream, _server, mut floopy) = start(Shape::Split).await;
    let load = Load::start(&floopy.api(), 2, "killed");
    for _ in 0..2 {
        load.serves(60).await;
        floopy.kill_control();
        load.serves(60).await;
        floopy.start_control().await;
    }
    load.serves(60).await;
    let tally = load.finish().await;
    counted_once(&floopy.api(), &tally).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_control_plane_on_the_same_database_is_refused_and_says_why() {
    let (upstream, server, floopy) = start(Shape::Split).await;
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!(
        "rest_listen = \"127.0.0.1:0\"\ndata_dir = {:?}\n[store]\nurl = \"{}\"\n",
        dir.path().join("data"),
        server.url()
    );
    let file = dir.path().join("second.toml");
    fs::write(&file, text).expect("a config file");
    let second = Command::new(binary("floopy-controlplane"))
        .arg("--config")
        .arg(&file)
        .output();
    let second = second.await.expect("it runs");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&[second.stdout, second.stderr].concat()).into_owned();
    assert!(
        said.contains("another control plane writes to the PostgreSQL database"),
        "{said}"
    );
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
    let id = floopy.api().chat("s", &body).await.ok().request_id();
    floopy.api().decision(&id).await;
    drop(upstream);
}

/// `floopy db` on a configuration.
async fn db(config: &std::path::Path, command: &str) -> Output {
    let mut floopy = Command::new(binary("floopy"));
    floopy
        .args(["db", command, "--json", "--config"])
        .arg(config);
    floopy.output().await.expect("it runs")
}

async fn told(config: &std::path::Path, command: &str) -> Value {
    let output = db(config, command).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn migrates(backend: &str, store: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("floopy.toml");
    let text = format!(
        "data_dir = {:?}\n[control.store]\n{store}\n",
        dir.path().join("data")
    );
    fs::write(&config, text).expect("a config file");
    let before = told(&config, "status").await;
    assert_eq!(
        (&before["backend"], &before["found"]),
        (&json!(backend), &json!(0))
    );
    let after = told(&config, "migrate").await;
    assert_eq!(after["found"], before["known"]);
    assert_eq!(told(&config, "status").await, after);
    let tables = after["tables"].as_array().expect("tables");
    let is_there = |table: &Value| table["name"] == "decisions" && table["rows"] == 0;
    assert!(tables.iter().any(is_there), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_made_and_looked_at_without_a_control_plane() {
    let server = Postgres::start().await;
    migrates("postgres", &format!("url = \"{}\"", server.url())).await;
    migrates("sqlite", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_the_database_is_told_to_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("floopy.toml");
    for url in [
        "postgres://u:hidden-word@127.0.0.1:1/x",
        "mysql://u:hidden-word@h/x",
    ] {
        fs::write(&config, format!("[control.store]\nurl = \"{url}\"\n")).expect("a file");
        for arguments in [["db", "status"], ["config", "--config"]] {
            let mut floopy = Command::new(binary("floopy"));
            floopy.args(arguments);
            if arguments[1] == "status" {
                floopy.arg("--config");
            }
            let output = floopy.arg(&config).output().await.expect("it runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(!said.contains("hidden-word"), "{said}");
        }
    }
}

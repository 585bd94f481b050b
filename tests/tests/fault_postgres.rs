//! The control plane's store in PostgreSQL: either of them goes away, no request notices, and every event counts once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, process::Output, time::Instant};

use floopy_tests::{
    Floopy, Settings, Shape, Upstream,
    checks::assert_error,
    in_both_shapes,
    load::{Load, absence},
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
    tally.counted_once(&floopy.api()).await;
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
    tally.counted_once(&floopy.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_holds_nobody_up_and_nothing_is_lost() {
    let (_upstream, server, floopy) = start(Shape::Split).await;
    let load = Load::start(&floopy.api(), 2, "hung");
    load.serves(60).await;
    server.freeze();
    load.serves(120).await;
    let tally = load.finish().await;
    // Said, instead of waiting for as long as it hangs.
    let told = floopy.control_api().get("/v1/usage").await;
    assert_error(&told, 503, "store_unavailable", &["database"]);
    server.thaw();
    tally.counted_once(&floopy.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_control_plane_on_the_same_database_is_refused_and_says_why() {
    let (upstream, server, floopy) = start(Shape::Split).await;
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!(
        "data_dir = {:?}\n[proxy]\nlisten = \"127.0.0.1:0\"\n[control]\nlisten = \"127.0.0.1:0\"\n\
         [control.store]\nurl = \"{}\"\n",
        dir.path().join("data"),
        server.url()
    );
    let file = dir.path().join("second.toml");
    fs::write(&file, text).expect("a config file");
    // One that has a proxy in it cannot stand by.
    let second = Command::new(binary("floopy"))
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

/// `floopy db move` of the control plane's SQLite store.
async fn moves(floopy: &Floopy, to: &str) -> Output {
    let mut command = Command::new(binary("floopy"));
    command.args(["db", "move", "--json", "--to", to, "--from"]);
    command.arg(floopy.dir().join("control"));
    command.output().await.expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_in_sqlite_goes_on_in_postgresql() {
    let upstream = Upstream::start().await;
    let server = Postgres::start().await;
    let settings = Settings::for_upstream(&upstream).proxy("timeouts", "feedback_ack_ms = 5");
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let load = Load::start(&floopy.api(), 2, "moved");
    load.serves(60).await;
    let refused = moves(&floopy, &server.url()).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("is in use by another control plane"),
        "{said}"
    );
    floopy.kill_control();
    let moved = moves(&floopy, &server.url()).await;
    let said = String::from_utf8_lossy(&moved.stderr).into_owned();
    assert!(moved.status.success(), "{said}");
    let status: Value = serde_json::from_slice(&moved.stdout).expect("JSON");
    let rows = |table: &Value| table["rows"].as_i64().unwrap_or_default();
    let tables = status["tables"].as_array().expect("tables");
    assert!(
        tables
            .iter()
            .any(|t| t["name"] == "decisions" && rows(t) > 0),
        "{status}"
    );
    let again = moves(&floopy, &server.url()).await;
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && said.contains("it must be empty"),
        "{said}"
    );
    floopy.set_store(&format!("url = \"{}\"", server.url()));
    floopy.start_control().await;
    load.serves(60).await;
    let tally = load.finish().await;
    tally.counted_once(&floopy.api()).await;
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
        let mut moving = Command::new(binary("floopy"));
        moving
            .args(["db", "move", "--to", url, "--from"])
            .arg(dir.path());
        let moving = moving.output().await.expect("it runs");
        let said = [moving.stdout, moving.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("hidden-word"), "{said}");
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

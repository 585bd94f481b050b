//! Two control planes on one database: one leads, the other takes over, nothing is lost and no version goes back.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::time::{Duration, Instant};

use floopy_tests::{
    Answer, Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually,
    eventually_within, load::Load, postgres::Postgres, process::binary,
};
use serde_json::{Value, json};
use tokio::process::Command;

/// Whoever is stuck is given some seconds; on a busy machine everything takes longer.
const PATIENCE: Duration = Duration::from_secs(45);

struct World {
    _upstream: Upstream,
    _server: Postgres,
    floopy: Floopy,
}

async fn start() -> World {
    let upstream = Upstream::start().await;
    let server = Postgres::start().await;
    // Else ratings wait, each a moment, for a word that cannot come.
    let settings = Settings::for_upstream(&upstream).proxy("timeouts", "feedback_ack_ms = 5");
    let floopy = Floopy::with(Shape::Split, server.keeps(settings).standby()).await;
    World {
        _upstream: upstream,
        _server: server,
        floopy,
    }
}

async fn ask(api: &Api, path: &str) -> Result<Answer, String> {
    let call = api.call(http::Method::GET, path);
    call.try_send().await.map_err(|e| e.to_string())
}

/// Waits until this control plane leads and has something to tell.
async fn leads(api: &Api) {
    eventually_within(PATIENCE, || async {
        let answer = ask(api, "/readyz").await?;
        match answer.status {
            200 => Ok(()),
            status => Err(format!("{status}: {}", answer.text())),
        }
    })
    .await;
}

/// The version of the snapshot that the proxy decides on.
async fn believed(floopy: &Floopy) -> u64 {
    let metrics = floopy.admin_api().get("/metrics").await.text();
    let mut lines = metrics.lines();
    let version = lines.find_map(|line| line.strip_prefix("floopy_snapshot_version "));
    version.and_then(|v| v.parse().ok()).expect("a version")
}

/// Waits until the proxy decides on something newer; it never goes back on the way.
async fn believes_newer_than(floopy: &Floopy, version: u64) -> u64 {
    eventually(|| async {
        let now = believed(floopy).await;
        assert!(now >= version, "{now} after {version}");
        if now > version { Ok(now) } else { Err(now) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_is_replaced_and_every_event_counts_once() {
    let World {
        _upstream,
        _server,
        mut floopy,
    } = start().await;
    let load = Load::start(&floopy.api(), 2, "replaced");
    load.serves(60).await;
    let first = believed(&floopy).await;
    let killed = Instant::now();
    floopy.kill_control();
    leads(&floopy.standby_api()).await;
    let led = killed.elapsed();
    let second = believes_newer_than(&floopy, first).await;
    eprintln!(
        "another one led after {led:?}, the proxy followed after {:?}",
        killed.elapsed()
    );
    load.serves(60).await;
    // The one that comes back stands by, and takes over in its turn.
    floopy.start_control().await;
    assert_eq!(floopy.control_api().get("/readyz").await.status, 503);
    load.serves(60).await;
    floopy.kill_standby();
    leads(&floopy.control_api()).await;
    believes_newer_than(&floopy, second).await;
    load.serves(60).await;
    let tally = load.finish().await;
    tally.counted_once(&floopy.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stuck_is_replaced_and_ends_when_it_wakes() {
    let World {
        _upstream,
        _server,
        mut floopy,
    } = start().await;
    let load = Load::start(&floopy.api(), 2, "stuck");
    load.serves(60).await;
    let first = believed(&floopy).await;
    let frozen = Instant::now();
    floopy.freeze_control();
    leads(&floopy.standby_api()).await;
    let led = frozen.elapsed();
    believes_newer_than(&floopy, first).await;
    eprintln!(
        "another one led after {led:?}, the proxy followed after {:?}",
        frozen.elapsed()
    );
    load.serves(60).await;
    floopy.thaw_control();
    let control = floopy.control_process();
    let status = control.exit_status(Duration::from_secs(60)).await;
    assert!(!status.success());
    let said = control.log();
    assert!(
        said.contains("another control plane has taken over"),
        "{said}"
    );
    load.serves(60).await;
    let tally = load.finish().await;
    tally.counted_once(&floopy.api()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stands_by_says_so_and_the_fleet_is_told_by_the_leader() {
    let World {
        _upstream,
        _server,
        floopy,
    } = start().await;
    let standby = floopy.standby_api();
    assert_eq!(standby.get("/health").await.status, 200);
    assert_eq!(standby.get("/readyz").await.status, 503);
    assert_eq!(standby.get("/v1/status").await.json()["role"], "standby");
    let metrics = standby.get("/metrics").await.text();
    assert!(metrics.contains("floopy_control_leads 0"), "{metrics}");
    let refused = standby.get("/v1/decisions").await;
    assert_error(
        &refused,
        503,
        "control_plane_standby",
        &["the one that leads"],
    );
    assert_eq!(refused.header("floopy-control-plane"), "standby");
    let leader = floopy.control_api();
    assert_eq!(leader.get("/v1/status").await.json()["role"], "leader");
    let told = eventually(|| async {
        let fleet = fleet(&floopy, &["--json"]).await;
        let fleet: Value = serde_json::from_str(&fleet).expect("JSON");
        let proxy = fleet["items"][0].clone();
        let is_told = proxy["snapshot_version"] == proxy["newest_snapshot_version"];
        if is_told { Ok(proxy) } else { Err(fleet) }
    })
    .await;
    assert_eq!(
        (&told["id"], &told["connected"]),
        (&json!("test"), &json!(true))
    );
    let table = fleet(&floopy, &[]).await;
    let version = told["snapshot_version"].to_string();
    assert!(
        table.contains("BELIEVES") && table.contains(&version),
        "{table}"
    );
}

/// `floopy fleet`, asked of the leader.
async fn fleet(floopy: &Floopy, more: &[&str]) -> String {
    let api = floopy.control_api();
    let mut command = Command::new(binary("floopy"));
    command.args(["fleet", "--url", api.base(), "--key-file"]);
    command.arg(floopy.operator_key_file()).args(more);
    let output = command.env_remove("FLOOPY_OPERATOR_KEY").output().await;
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

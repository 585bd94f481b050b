//! Backups as `docs/deploy.md` has them: made under load, put back, and what a program of an older version says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, eventually, load::Load, postgres::Postgres,
    process::binary,
};
use serde_json::json;
use tokio::process::Command;

/// Where SQLite keeps the version of the schema in a database's first page.
const USER_VERSION_AT: u64 = 60;

async fn back_up(floopy: &Floopy, to: &Path) -> Output {
    let mut command = Command::new(binary("floopy"));
    command.args(["db", "backup", "--json", "--config"]);
    command.arg(floopy.dir().join("floopy.toml")).arg(to);
    command.output().await.expect("it runs")
}

/// Waits until everything that was served is in the books.
async fn counted(api: &Api, requests: usize) {
    eventually(|| async {
        let total = api.get("/v1/usage").await.json()["total"].clone();
        if total["requests"].as_u64() >= u64::try_from(requests).ok() {
            Ok(())
        } else {
            Err(format!("{requests} were served: {total}"))
        }
    })
    .await;
}

/// Each of these calls can be read, and new ones are served and recorded.
async fn holds_and_goes_on(api: &Api, served: &[String]) {
    eventually(|| async {
        let answer = api.get("/v1/decisions").await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    for id in served {
        api.decision(id).await;
    }
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
    let id = api.chat("after", &body).await.ok().request_id();
    api.decision(&id).await;
}

fn store(floopy: &Floopy) -> PathBuf {
    floopy.dir().join("data/control/controlplane.sqlite")
}

fn put_back(floopy: &Floopy, backup: &Path) {
    let store = store(floopy);
    for journal in ["-wal", "-shm"] {
        // There is none after a proper stop.
        let _ = fs::remove_file(format!("{}{journal}", store.display()));
    }
    fs::copy(backup, store).expect("put back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_whole_and_can_be_put_back() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Standalone, &upstream).await;
    let load = Load::start(&floopy.api(), 2, "backed-up");
    load.serves(60).await;
    let before = load.tally().served;
    counted(&floopy.api(), before.len()).await;
    let backup = floopy.dir().join("backup.sqlite");
    let made = back_up(&floopy, &backup).await;
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
    let mode = fs::metadata(&backup).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    load.serves(60).await;
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    counted(&floopy.api(), tally.served.len()).await;
    floopy.stop_proxy().await;
    put_back(&floopy, &backup);
    floopy.start_proxy().await;
    holds_and_goes_on(&floopy.api(), &before).await;
    // A second one to the same place is refused, and the first is left alone.
    let bytes = fs::read(&backup).expect("there");
    let again = back_up(&floopy, &backup).await;
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && said.contains("backup.sqlite: File exists"),
        "{said}"
    );
    assert_eq!(fs::read(&backup).expect("there"), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_upgrade_only_a_backup_leads_back_and_the_older_program_says_so() {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(Shape::Standalone, &upstream).await;
    let load = Load::start(&floopy.api(), 1, "upgraded");
    load.serves(20).await;
    let tally = load.finish().await;
    counted(&floopy.api(), tally.served.len()).await;
    let backup = floopy.dir().join("backup.sqlite");
    assert!(back_up(&floopy, &backup).await.status.success());
    floopy.stop_proxy().await;
    // As a version that is a thousand steps ahead leaves it.
    let mut file = OpenOptions::new()
        .write(true)
        .open(store(&floopy))
        .expect("there");
    file.seek(SeekFrom::Start(USER_VERSION_AT))
        .expect("long enough");
    file.write_all(&1_000_u32.to_be_bytes()).expect("written");
    drop(file);
    let started = Command::new(binary("floopy"))
        .arg("--config")
        .arg(floopy.dir().join("floopy.toml"))
        .output();
    let started = started.await.expect("it runs");
    let said = [started.stdout, started.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let reason = "the store was written by a newer version: schema 1000, this one knows";
    assert!(!started.status.success() && said.contains(reason), "{said}");
    put_back(&floopy, &backup);
    floopy.start_proxy().await;
    holds_and_goes_on(&floopy.api(), &tally.served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgresql_made_under_load_can_be_put_back() {
    let upstream = Upstream::start().await;
    let server = Postgres::start().await;
    let settings = server.keeps(Settings::for_upstream(&upstream));
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let load = Load::start(&floopy.api(), 2, "dumped");
    load.serves(40).await;
    let before = load.tally().served;
    counted(&floopy.api(), before.len()).await;
    let dump = floopy.dir().join("floopy.dump");
    let file = dump.to_str().expect("UTF-8");
    server
        .run("pg_dump", &["--format=custom", "--file", file])
        .await;
    load.serves(40).await;
    let tally = load.finish().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    counted(&floopy.api(), tally.served.len()).await;
    floopy.kill_control();
    let restore = [
        "--clean",
        "--if-exists",
        "--single-transaction",
        "--dbname=postgres",
        file,
    ];
    server.run("pg_restore", &restore).await;
    floopy.start_control().await;
    holds_and_goes_on(&floopy.api(), &before).await;
}

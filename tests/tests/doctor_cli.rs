//! `floopy doctor`: what is there and what is missing, while Floopy runs and while it does not, without a secret.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Output,
};

use floopy_tests::{
    Floopy, Settings, Shape, Upstream, authority::Authority, ports::free_addr, process::binary,
};
use serde_json::Value;
use tokio::process::Command;

/// Secrets of the configurations below.
const SECRETS: [&str; 3] = [
    "sk-doctor-secret",
    "redis-secret",
    "fl_doctor_tenant_secret",
];

async fn doctor(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(binary("floopy"));
    command.current_dir(dir).env_clear();
    // Where ONNX Runtime is, is told by the environment of the tests.
    let library = std::env::var_os("ORT_DYLIB_PATH");
    command.envs(library.map(|path| ("ORT_DYLIB_PATH", path)));
    let output = command.arg("doctor").args(args).output().await;
    let output = output.expect("it runs");
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} is shown: {said}");
    }
    output
}

async fn told(dir: &Path, args: &[&str]) -> (Value, bool) {
    let output = doctor(dir, &[args, &["--json"]].concat()).await;
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (told, output.status.success())
}

/// What was found of a check: for each subject its status and its message.
fn found<'a>(told: &'a Value, check: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let checks = told["checks"].as_array().expect("a list").iter();
    let of = checks.filter(|it| it["check"] == check);
    let text = |it: &'a Value, key: &str| it[key].as_str().expect("a text");
    of.map(|it| (text(it, "subject"), text(it, "status"), text(it, "message")))
        .collect()
}

#[track_caller]
fn has(told: &Value, check: &str, (subject, status, part): (&str, &str, &str)) {
    let found = found(told, check);
    let is_there =
        |it: &&(&str, &str, &str)| it.0.contains(subject) && it.1 == status && it.2.contains(part);
    assert!(
        found.iter().find(is_there).is_some(),
        "no {check} of {subject} is {status} with {part:?}: {found:?}"
    );
}

/// A configuration for nobody else's ports.
fn configure(dir: &Path, listen: SocketAddr, more: &str) {
    let text = format!(
        "[proxy]\nlisten = \"{listen}\"\n\n[control]\nlisten = \"{}\"\n\n{more}",
        free_addr()
    );
    fs::write(dir.join("floopy.toml"), text).expect("written");
}

fn provider(base_url: &str) -> String {
    format!(
        "[[providers]]\nname = \"local\"\nbase_url = \"{base_url}\"\napi_key = \"{}\"\n\n\
         [[tenants]]\nid = \"acme\"\nkey = \"{}\"\n",
        SECRETS[0], SECRETS[2]
    )
}

#[tokio::test]
async fn what_is_there_is_found_before_the_first_start_and_nothing_is_left_behind() {
    let upstream = Upstream::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    configure(dir.path(), free_addr(), &provider(&upstream.base_url()));
    let (said, is_well) = told(dir.path(), &[]).await;
    assert!(is_well && said["status"] != "fail", "{said:#}");
    has(&said, "configuration", ("file", "ok", "floopy.toml"));
    has(&said, "data", ("floopy-data", "ok", "is not there yet"));
    has(&said, "store", ("sqlite", "ok", "no schema yet"));
    has(&said, "provider", ("local", "ok", "there is a credential"));
    has(&said, "listener", ("proxy.listen", "ok", "is free"));
    has(&said, "firewall", ("onnx_runtime", "ok", "loads"));
    assert_eq!(found(&said, "open_files").len(), 1, "{said:#}");
    assert!(!dir.path().join("floopy-data").exists());
    for asked in upstream.received() {
        // Nothing that an API would charge for, or know a key by.
        assert_eq!((asked.path.as_str(), asked.body.len()), ("/", 0));
        assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_floopy_runs_its_ports_are_its_own_and_its_store_has_a_schema() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::with(Shape::Standalone, Settings::for_upstream(&upstream)).await;
    let (said, is_well) = told(floopy.dir(), &[]).await;
    assert!(is_well, "{said:#}");
    for listener in ["proxy.listen", "control.listen"] {
        has(
            &said,
            "listener",
            (listener, "ok", "as it is while Floopy runs"),
        );
    }
    has(&said, "store", ("sqlite", "ok", "answers; schema "));
    let text = doctor(floopy.dir(), &[]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("CHECK") && text.contains(", 0 failed"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_missing_fails_with_what_to_do_about_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free_addr();
    let more = provider(&format!("http://{nobody}/v1"))
        + &format!(
            "\n[proxy.redis]\nurl = \"redis://:{}@{nobody}\"\n",
            SECRETS[1]
        )
        + &format!("\n[proxy.qdrant]\nurl = \"http://{nobody}\"\n")
        + "\n[control.store]\nurl = \"postgres://floopy:redis-secret@127.0.0.1:1/floopy\"\n"
        + &format!("\n[control.decision_log]\nurl = \"http://u:redis-secret@{nobody}/floopy\"\n");
    configure(dir.path(), taken.local_addr().expect("bound"), &more);
    fs::write(dir.path().join("floopy-data"), "a file").expect("written");
    let args = ["--deadline-ms", "3000"];
    let (said, is_well) = told(dir.path(), &args).await;
    assert!(!is_well && said["status"] == "fail", "{said:#}");
    has(&said, "listener", ("proxy.listen", "fail", "in use"));
    has(&said, "data", ("floopy-data", "fail", "is not a directory"));
    has(&said, "provider", ("local", "fail", "no connection"));
    has(&said, "redis", ("proxy.redis", "fail", ""));
    has(&said, "qdrant", ("proxy.qdrant", "fail", ""));
    has(&said, "store", ("postgres", "fail", ""));
    has(&said, "decision_log", ("clickhouse", "fail", ""));
    let checks = said["checks"].as_array().expect("a list");
    let is_told = |it: &Value| it["status"] == "ok" || it["advice"].is_string();
    assert!(checks.iter().all(is_told), "{said:#}");
    let text = doctor(dir.path(), &args).await;
    assert_eq!(text.status.code(), Some(1));
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("stop the program that has it"), "{text}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_the_one_finding() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("floopy.toml"), "[proxy]\nlisten = 3\n").expect("written");
    let (said, is_well) = told(dir.path(), &[]).await;
    assert!(!is_well);
    has(
        &said,
        "configuration",
        ("file", "fail", "floopy.toml:2: proxy.listen"),
    );
    assert_eq!(said["checks"].as_array().map(Vec::len), Some(1));
    let refused = doctor(dir.path(), &["--deadline-ms", "1"]).await;
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.contains("--deadline-ms is 1, it must be"),
        "{refused}"
    );
}

#[tokio::test]
async fn planes_apart_are_looked_at_with_their_certificates_and_peers() {
    let dir = tempfile::tempdir().expect("a directory");
    Authority::new().write(dir.path());
    let place = dir.path().display();
    let text = format!(
        "listen = \"{}\"\n[control]\ngrpc = \"https://{}\"\n[control.tls]\nca = \"{place}/ca.pem\"\n\
         certificate = \"{place}/proxy.pem\"\nkey = \"{place}/judge.key\"\n",
        free_addr(),
        free_addr()
    );
    fs::write(dir.path().join("dataplane.toml"), text).expect("written");
    let args = ["--plane", "proxy", "--config", "dataplane.toml"];
    let (said, is_well) = told(dir.path(), &args).await;
    assert!(!is_well, "{said:#}");
    has(
        &said,
        "certificate",
        ("control.tls.certificate", "ok", "is valid until"),
    );
    has(
        &said,
        "certificate",
        ("control.tls.key", "fail", "judge.key"),
    );
    has(&said, "peer", ("control.grpc", "fail", ""));
    let unnamed = doctor(dir.path(), &["--plane", "judge"]).await;
    let unnamed = String::from_utf8_lossy(&unnamed.stderr).into_owned();
    assert!(
        unnamed.contains("--plane judge needs --config"),
        "{unnamed}"
    );
}

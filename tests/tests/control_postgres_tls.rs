//! The control plane's store in a PostgreSQL that is reached by TLS: who is on the other side is checked before anything is
//! said.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, process::Output};

use floopy_tests::{
    Floopy, Settings, Shape, Upstream, authority::Authority, postgres::Postgres, process::binary,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// `floopy db status` of a store at this URL.
async fn status(url: &str) -> Output {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("floopy.toml");
    let data = dir.path().join("data");
    let text = format!("data_dir = {data:?}\n[control.store]\nurl = \"{url}\"\n");
    fs::write(&config, text).expect("a config file");
    let mut floopy = Command::new(binary("floopy"));
    floopy.args(["db", "status", "--json", "--config"]);
    floopy.arg(&config).output().await.expect("it runs")
}

/// The certificate of an authority, in a directory of its own.
fn certificate(authority: &Authority) -> (TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    authority.write(dir.path());
    let path = dir.path().join("ca.pem").display().to_string();
    (dir, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_reached_by_tls_only_where_its_certificate_is_right() {
    let authority = Authority::new();
    let server = Postgres::with_tls(&authority).await;
    let (_right, right) = certificate(&authority);
    let (_wrong, wrong) = certificate(&Authority::new());
    let at = |host: &str, mode: &str, root: &str| {
        let url = server.tls_url(host);
        format!("{url}?sslmode={mode}&sslrootcert={root}")
    };
    for (url, is_taken) in [
        (at("127.0.0.1", "verify-full", &right), true),
        (at("127.0.0.1", "verify-full", &wrong), false),
        (at("127.0.0.1", "verify-ca", &wrong), false),
        // The certificate is of the address, not of this name, which is checked even where it need not be.
        (at("localhost", "verify-full", &right), false),
        (at("localhost", "verify-ca", &right), false),
        (at("127.0.0.1", "verify-ca", &right), true),
        // Nobody is checked, and all is sealed.
        (at("localhost", "require", &wrong), true),
        // The server takes nobody without TLS.
        (at("127.0.0.1", "disable", &right), false),
    ] {
        let output = status(&url).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.success(), is_taken, "{url}: {said}");
        assert!(!said.contains("pg-secret"), "{said}");
    }
    let output = status(&at("127.0.0.1", "verify-full", &wrong)).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("certificate"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_keeps_its_store_over_tls() {
    let (authority, upstream) = (Authority::new(), Upstream::start().await);
    let server = Postgres::with_tls(&authority).await;
    let (_dir, root) = certificate(&authority);
    let url = server.tls_url("127.0.0.1");
    let store = format!("url = \"{url}?sslmode=verify-full&sslrootcert={root}\"");
    let settings = Settings::for_upstream(&upstream).store(&store);
    let floopy = Floopy::with(Shape::Split, settings).await;
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "x"}]});
    let id = floopy.api().chat("s", &body).await.ok().request_id();
    let decision = floopy.api().decision(&id).await;
    assert_ne!(decision, Value::Null);
    assert!(!floopy.logs().contains("pg-secret"), "{}", floopy.logs());
}

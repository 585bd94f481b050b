//! Certificates between the planes: who shows none is turned away, and new ones are taken without a restart.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, path::Path, process::Command, time::Duration};

use floopy_proto::v1::{AppendRequest, ingest_client::IngestClient};
use floopy_shared::process::{
    config::{PlaneTls, Secret},
    rpc::{Dialer, PlaneToken},
};
use floopy_tests::{
    Floopy, Settings, Shape, Upstream, authority::Authority, eventually, eventually_within,
    load::Load, process::binary,
};
use tempfile::TempDir;

async fn start(authority: &Authority) -> (Upstream, TempDir, Floopy) {
    let upstream = Upstream::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    authority.write(dir.path());
    let settings = Settings::for_upstream(&upstream).certificates(dir.path());
    let floopy = Floopy::with(Shape::Split, settings).await;
    (upstream, dir, floopy)
}

/// Everything that was served and rated has come to the control plane, and its judge has scored something.
async fn planes_speak(floopy: &Floopy, name: &str) {
    let load = Load::start(&floopy.api(), 1, name);
    load.serves(4).await;
    let last = load.finish().await.served.pop().expect("served");
    // A lease that was lost is given again after half a minute.
    eventually_within(Duration::from_secs(50), || async {
        let api = floopy.control_api();
        let decision = api.get(&format!("/v1/decisions/{last}")).await.json();
        let is_scored = decision["decision_trace"]["judge"].is_object();
        if is_scored { Ok(()) } else { Err(decision) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_are_taken_without_a_restart() {
    let (_upstream, dir, mut floopy) = start(&Authority::new()).await;
    planes_speak(&floopy, "first").await;
    // The proxy and the judge that run connect anew with other certificates.
    Authority::new().write(dir.path());
    floopy.kill_control();
    floopy.start_control().await;
    planes_speak(&floopy, "second").await;
    // So does the control plane take them.
    Authority::new().write(dir.path());
    floopy.kill_proxy();
    floopy.kill_judge();
    floopy.start_proxy().await;
    floopy.start_judge();
    planes_speak(&floopy, "third").await;
}

fn files(dir: &Path, name: &str) -> PlaneTls {
    PlaneTls {
        ca: dir.join("ca.pem"),
        certificate: dir.join(format!("{name}.pem")),
        key: dir.join(format!("{name}.key")),
    }
}

/// Whether an empty batch is taken from whoever shows this certificate.
async fn is_admitted(floopy: &Floopy, tls: Option<PlaneTls>) -> Result<(), String> {
    let scheme = tls.as_ref().map_or("http", |_| "https");
    let address = format!("{scheme}://{}", floopy.grpc_addr());
    let dialer = Dialer::tcp(&address.into(), tls.as_ref()).expect("usable");
    let token = PlaneToken::new(Some(&Secret::new("plane-secret"))).expect("a token");
    let mut client = IngestClient::with_interceptor(dialer.channel(), token);
    let appended = client.append(AppendRequest::default()).await;
    appended.map(drop).map_err(|status| status.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_no_certificate_of_the_authority_is_turned_away() {
    let authority = Authority::new();
    let (_upstream, dir, floopy) = start(&authority).await;
    authority.issue(dir.path(), "another");
    let known = files(dir.path(), "another");
    is_admitted(&floopy, Some(known)).await.expect("admitted");
    Authority::new().issue(dir.path(), "stranger");
    let stranger = files(dir.path(), "stranger");
    for tls in [Some(stranger), None] {
        let refused = is_admitted(&floopy, tls.clone()).await;
        assert!(refused.is_err(), "{tls:?}");
    }
    // A control plane that shows none is not believed either.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let other = Authority::new();
    other.write(elsewhere.path());
    let unbelieved = PlaneTls {
        ca: elsewhere.path().join("ca.pem"),
        ..files(dir.path(), "another")
    };
    let refused = is_admitted(&floopy, Some(unbelieved)).await;
    assert!(refused.is_err());
    eventually(|| async {
        let logs = floopy.logs();
        if logs.contains("a plane was turned away") {
            Ok(())
        } else {
            Err(logs)
        }
    })
    .await;
}

#[test]
fn files_that_cannot_be_used_are_named_by_their_key() {
    let dir = tempfile::tempdir().expect("a directory");
    Authority::new().write(dir.path());
    fs::write(dir.path().join("empty.pem"), "").expect("written");
    let tls = |ca: &str, certificate: &str, key: &str| {
        let at = |name: &str| dir.path().join(name);
        format!(
            "ca = {:?}\ncertificate = {:?}\nkey = {:?}\n",
            at(ca),
            at(certificate),
            at(key)
        )
    };
    let wrong = [
        (tls("gone.pem", "proxy.pem", "proxy.key"), "tls.ca: "),
        (tls("empty.pem", "proxy.pem", "proxy.key"), "tls.ca: "),
        (tls("ca.pem", "empty.pem", "proxy.key"), "tls.certificate: "),
        (tls("ca.pem", "proxy.pem", "judge.key"), "tls.certificate: "),
        (tls("ca.pem", "proxy.pem", "ca.pem"), "tls.key: "),
    ];
    let data = dir.path().join("data");
    for (files, key) in wrong {
        let plane = format!(
            "data_dir = {data:?}\n[control]\ngrpc = \"https://127.0.0.1:1\"\n[control.tls]\n{files}"
        );
        refused("floopy-dataplane", &plane, &format!("control.{key}"));
        let control = format!(
            "data_dir = {data:?}\nrest_listen = \"127.0.0.1:0\"\ngrpc_listen = \"127.0.0.1:0\"\n[tls]\n{files}"
        );
        refused("floopy-controlplane", &control, key);
    }
    let plain = format!(
        "data_dir = {data:?}\n[control]\ngrpc = \"http://127.0.0.1:1\"\n[control.tls]\n{}",
        tls("ca.pem", "proxy.pem", "proxy.key")
    );
    let said = "control.grpc is \"http://127.0.0.1:1\", it must be like https://";
    refused("floopy-dataplane", &plain, said);
}

/// The program does not start with this configuration, and says this.
fn refused(program: &str, text: &str, said: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("plane.toml");
    fs::write(&file, text).expect("a file");
    let mut command = Command::new(binary(program));
    let output = command.arg("--config").arg(&file).output();
    let output = output.expect("it runs");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(told.contains(said), "{said:?} is not in {told}");
}

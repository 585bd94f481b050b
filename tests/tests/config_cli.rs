//! The command `floopy`: starts without configuration, refuses a wrong one by line, never shows a secret.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use floopy_tests::{
    Api,
    checks::files_with,
    eventually,
    ports::free_addr,
    process::{Process, binary},
};
use tempfile::TempDir;

/// `floopy` in a directory of its own, without any provider key of the machine.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary("floopy"));
    command
        .current_dir(dir)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default());
    command
}

fn run(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("it runs")
}

fn text(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A configuration that is wrong at one place: `check` and the start both refuse it, naming that place.
#[track_caller]
fn check_refused(config: &str, expected: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("floopy.toml"), config).expect("written");
    for args in [&["check"][..], &[]] {
        let output = run(dir.path(), args);
        let said = text(&output);
        assert!(!output.status.success(), "{args:?} accepted {config:?}");
        for part in expected {
            assert!(said.contains(part), "{part:?} is not in {said:?}");
        }
    }
    assert!(
        !dir.path().join("floopy-data").exists(),
        "a refused configuration leaves nothing behind"
    );
}

#[test]
fn unknown_keys_and_bad_values_are_refused_with_file_line_and_key() {
    check_refused(
        "[proxy]\nlisten_on = 1\n",
        &["floopy.toml:2", "proxy.listen_on", "`listen`"],
    );
    check_refused(
        "[proxy]\n\nlisten = \"localhost\"\n",
        &["floopy.toml:3", "proxy.listen"],
    );
    check_refused(
        "[prox]\nlisten = 1\n",
        &["floopy.toml:1", "prox", "`proxy`"],
    );
    check_refused(
        "[proxy.limits]\nbody_bytes = \"many\"\n",
        &["floopy.toml:2", "limits.body_bytes"],
    );
    check_refused(
        "[proxy.limits]\nin_flight = 0\n",
        &["limits.in_flight", "0", "at least 1"],
    );
    check_refused(
        "[learning]\nobjective = \"speed\"\n",
        &["floopy.toml:2", "objective", "speed", "quality"],
    );
    check_refused("[learning]\nfloor = 1.5\n", &["floor", "1.5"]);
    check_refused("[proxy\n", &["floopy.toml:1"]);
}

#[test]
fn check_accepts_a_good_file_without_starting_anything() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(
        dir.path().join("floopy.toml"),
        "[learning]\nobjective = \"floor\"\n",
    )
    .expect("written");
    let output = run(dir.path(), &["check"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        !dir.path().join("floopy-data").exists(),
        "check must leave nothing behind"
    );
    let missing = run(dir.path(), &["check", "--config", "nowhere.toml"]);
    assert!(
        !missing.status.success() && text(&missing).contains("nowhere.toml"),
        "{}",
        text(&missing)
    );
}

#[test]
fn the_effective_configuration_is_printed_with_secrets_masked() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = "[[providers]]\nname = \"openai\"\napi_key = \"sk-file-secret\"\n\n\
                  [[tenants]]\nid = \"acme\"\nkey = \"fl_file_secret\"\n";
    fs::write(dir.path().join("floopy.toml"), config).expect("written");
    let mut shown = command(dir.path(), &["config"]);
    let output = shown
        .env("ANTHROPIC_API_KEY", "sk-environment-secret")
        .output()
        .expect("it runs");
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for secret in ["sk-file-secret", "fl_file_secret", "sk-environment-secret"] {
        assert!(!said.contains(secret), "{secret} is shown: {said}");
    }
    for part in [
        "***",
        "127.0.0.1:8080",
        "openai",
        "anthropic",
        "acme",
        "shadow_rate",
    ] {
        assert!(said.contains(part), "{part} is not shown: {said}");
    }
}

/// A start with nothing configured but where to listen.
struct First {
    dir: TempDir,
    proxy: SocketAddr,
    rest: SocketAddr,
}

impl First {
    fn new(more: &str) -> Self {
        let (proxy, rest) = (free_addr(), free_addr());
        let dir = tempfile::tempdir().expect("a directory");
        let config =
            format!("[proxy]\nlisten = \"{proxy}\"\n\n[control]\nlisten = \"{rest}\"\n{more}");
        fs::write(dir.path().join("floopy.toml"), config).expect("written");
        Self { dir, proxy, rest }
    }

    /// Starts it and gives the process once it serves.
    async fn start(&self, log: &str) -> Process {
        let process = Process::start(command(self.dir.path(), &[]), &self.dir.path().join(log));
        eventually(|| async {
            let api = Api::anonymous(self.rest);
            api.call(http::Method::GET, "/health")
                .try_send()
                .await
                .map_err(|e| (e.to_string(), process.log()))
        })
        .await;
        process
    }
}

/// The API key in what was printed.
fn minted(log: &str) -> Option<String> {
    let start = log.find("fl_")?;
    Some(
        log[start..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect(),
    )
}

#[tokio::test]
async fn the_first_start_mints_a_key_and_shows_how_to_use_it_the_second_does_not() {
    let first = First::new("");
    let mut process = first.start("first.log").await;
    let log = eventually(|| async {
        Some(process.log())
            .filter(|l| minted(l).is_some())
            .ok_or(process.log())
    })
    .await;
    let key = minted(&log).expect("a key");
    for part in [
        "curl",
        "/v1/chat/completions",
        "OpenAI(",
        &first.proxy.to_string(),
        "floopy demo",
    ] {
        assert!(log.contains(part), "{part} is not shown:\n{log}");
    }
    let models = Api::new(first.proxy, &key).get("/v1/models").await;
    assert_eq!(models.status, 200, "{}", models.text());
    process.terminate();
    assert_eq!(
        process.exit_status(Duration::from_secs(20)).await.code(),
        Some(0)
    );

    let second = first.start("second.log").await;
    let again = Api::new(first.proxy, &key).get("/v1/models").await;
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(
        minted(&second.log()),
        None,
        "the second start printed a key:\n{}",
        second.log()
    );
}

#[tokio::test]
async fn state_is_readable_by_its_owner_only_and_never_holds_the_key() {
    let first = First::new("");
    let mut process = first.start("first.log").await;
    let key = eventually(|| async { minted(&process.log()).ok_or("no key yet") }).await;
    // What lies there now stays: a running one replaces files between a listing and a look.
    process.kill();
    let data = first.dir.path().join("floopy-data");
    let mode = fs::metadata(&data)
        .expect("floopy-data")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o700, "mode {mode:o}");
    assert_eq!(files_with(&data, &key), [""; 0]);
}

#[tokio::test]
async fn a_second_instance_on_the_same_state_is_refused() {
    let first = First::new("");
    let _running = first.start("first.log").await;
    // Other ports, same state.
    let (proxy, rest) = (free_addr(), free_addr());
    let config = format!("[proxy]\nlisten = \"{proxy}\"\n\n[control]\nlisten = \"{rest}\"\n");
    fs::write(first.dir.path().join("floopy.toml"), config).expect("written");
    let second = Process::start(
        command(first.dir.path(), &[]),
        &first.dir.path().join("second.log"),
    );
    let mut second = second;
    let status = second.exit_status(Duration::from_secs(20)).await;
    assert!(!status.success());
    let log = second.log();
    assert!(
        log.contains("floopy-data") && log.contains("another floopy is running"),
        "{log}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("its address").to_string();
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[proxy]\nlisten = \"{addr}\"\n\n[control]\nlisten = \"{}\"\n",
        free_addr()
    );
    fs::write(dir.path().join("floopy.toml"), config).expect("written");
    let output = run(dir.path(), &[]);
    assert!(!output.status.success());
    assert!(text(&output).contains(&addr), "{}", text(&output));
}

#[tokio::test]
async fn keys_made_before_and_during_a_run_work_at_once() {
    let first = First::new("[[tenants]]\nid = \"acme\"\n");
    let make = |tenant: &str| {
        let created = run(first.dir.path(), &["key", "create", "--tenant", tenant]);
        assert!(created.status.success(), "{}", text(&created));
        minted(&text(&created)).expect("a key")
    };
    let before = make("acme");
    let _process = first.start("first.log").await;
    let during = make("acme");
    assert_ne!(before, during);
    for key in [before, during] {
        eventually(|| async {
            let answer = Api::new(first.proxy, &key).get("/v1/models").await;
            if answer.status == 200 {
                Ok(())
            } else {
                Err(answer.text())
            }
        })
        .await;
    }
    let refused = run(first.dir.path(), &["key", "create", "--tenant", "a/b"]);
    assert!(
        !refused.status.success() && text(&refused).contains("a/b"),
        "{}",
        text(&refused)
    );
}

#[test]
fn provider_keys_come_from_the_usual_variables_and_go_only_where_they_belong() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |config: &str| {
        fs::write(dir.path().join("floopy.toml"), config).expect("written");
        let mut check = command(dir.path(), &["check"]);
        text(
            &check
                .env("OPENAI_API_KEY", "sk-of-the-machine")
                .output()
                .expect("it runs"),
        )
    };
    let usual = check("");
    assert!(usual.contains("openai"), "{usual}");
    let elsewhere = "[[providers]]\nname = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    fs::write(dir.path().join("floopy.toml"), elsewhere).expect("written");
    let mut config = command(dir.path(), &["config"]);
    let shown = text(
        &config
            .env("OPENAI_API_KEY", "sk-of-the-machine")
            .output()
            .expect("it runs"),
    );
    assert!(
        !shown.contains("api_key"),
        "the key would be sent to another address: {shown}"
    );
}

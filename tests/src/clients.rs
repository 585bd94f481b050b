//! Runs programs that drive Floopy as its users' clients do, as the set-up made them.

use std::{path::PathBuf, process::Command};

use crate::Api;

/// What the set-up made at this place.
pub fn made(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let made = tests.join("../.local").join(name);
    assert!(
        made.exists(),
        "{} is missing: run make test",
        made.display()
    );
    made
}

/// Runs a check of the crate `floopy-sdk` against `api`; panics with what it printed if it fails.
pub async fn check_in_rust(check: &str, api: &Api, arguments: &[&str]) {
    let mut command = Command::new(made("bin/floopy-rust-client"));
    command.args([&format!("{}/v1", api.base()), api.key(), check]);
    command.args(arguments);
    passes(command).await;
}

/// Runs it to its end; panics with what it printed if it fails.
pub(crate) async fn passes(mut command: Command) {
    // A proxy of the machine must not stand between the client and loopback.
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    let shown = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("joined")
        .expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{shown}:\n{}",
        String::from_utf8_lossy(&said)
    );
}

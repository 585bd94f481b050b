//! Runs the client scripts with the Python environment that the set-up made.

use std::{path::PathBuf, process::Command};

use crate::Api;

/// Runs a check of a script in `tests/clients` against `api`; panics with what it printed if it fails.
pub async fn check(script: &str, check: &str, api: &Api) {
    let base = format!("{}/v1", api.base());
    run(script, &[&base, api.key(), check]).await;
}

/// Runs a script with these arguments; panics with what it printed if it fails.
pub async fn run(script: &str, arguments: &[&str]) {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = tests.join("../.local/venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run make test",
        python.display()
    );
    let mut command = Command::new(python);
    // Apart from the user's own packages and settings, and beside the module that the scripts share.
    command.args(["-E", "-s", "-B"]);
    command.arg(tests.join("clients").join(script));
    command.args(arguments);
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
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("joined")
        .expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{script} {arguments:?}:\n{}",
        String::from_utf8_lossy(&said)
    );
}

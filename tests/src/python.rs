//! Runs the client scripts with the Python environment that the set-up made.

use std::{path::PathBuf, process::Command};

use crate::{
    Api,
    clients::{made, passes},
};

/// Runs a check of a script in `tests/clients` against `api`; panics with what it printed if it fails.
pub async fn check(script: &str, check: &str, api: &Api) {
    let base = format!("{}/v1", api.base());
    run(script, &[&base, api.key(), check]).await;
}

/// Runs a script with these arguments; panics with what it printed if it fails.
pub async fn run(script: &str, arguments: &[&str]) {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(made("venv/bin/python"));
    // Apart from the user's own packages and settings, and beside the module that the scripts share.
    command.args(["-E", "-s", "-B"]);
    command.arg(tests.join("clients").join(script));
    command.args(arguments);
    passes(command).await;
}

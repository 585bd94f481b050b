//! Drives the dashboard in Chromium, by scripts of Node with the packages that the set-up installed.

use std::{path::PathBuf, process::Command};

use crate::{Api, clients::passes};

/// Runs a check of `tests/clients/dashboard/check.mjs` against the control plane that `control` speaks to; panics with
/// what it printed if it fails.
pub async fn check(check: &str, control: &Api, arguments: &[&str]) {
    let at = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/dashboard");
    assert!(
        at.join("node_modules").exists(),
        "{} has no packages: run make test",
        at.display()
    );
    let mut command = Command::new("node");
    command.arg(at.join("check.mjs"));
    command.args([check, control.base(), control.key()]);
    command.args(arguments);
    passes(command).await;
}

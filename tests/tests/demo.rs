//! `floopy demo`: the whole system learns from simulated users, and shows it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::process::Command;

use floopy_tests::process::binary;

/// What the demo prints for these arguments; it must succeed.
fn demo(args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(binary("floopy"));
    command
        .current_dir(dir.path())
        .arg("demo")
        .args(args)
        .env("NO_COLOR", "1");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        !dir.path().join("floopy-data").exists(),
        "the demo must not touch the user's state"
    );
    said
}

#[test]
fn the_demo_compares_itself_and_shows_where_to_look() {
    let said = demo(&["--fast", "--sessions", "300", "--seed", "7"]);
    for part in ["best single", "oracle", "floopy", "/v1/decisions/", "curl"] {
        assert!(
            said.to_lowercase().contains(part),
            "{part:?} is not shown:\n{said}"
        );
    }
}

//! The command line as a person meets it: what it prints, where, and how it exits.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot start its program has failed"
)]

use std::{
    path::Path,
    process::{Command, Output},
};

fn floopy(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_floopy"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("OPENAI_API_KEY", "sk-from-the-environment")
        .output()
        .expect("the binary starts")
}

fn in_dir(file: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().expect("temporary directory");
    if let Some(text) = file {
        std::fs::write(dir.path().join("floopy.toml"), text).expect("written");
    }
    let output = floopy(dir.path(), arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn check_says_ok_and_sums_up() {
    let (code, out, err) = in_dir(None, &["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.starts_with("ok: proxy 127.0.0.1:8080") && out.contains("openai"),
        "{out}"
    );
}

#[test]
fn check_names_what_is_wrong_on_standard_error() {
    let (code, out, err) = in_dir(Some("[proxy]\nlisten = \"nowhere\"\n"), &["check"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("floopy.toml:2: proxy.listen: \"nowhere\" is not allowed"),
        "{err}"
    );
    let (code, _, err) = in_dir(None, &["check", "--config", "absent.toml"]);
    assert_eq!(code, 1);
    assert!(err.contains("absent.toml"), "{err}");
}

#[test]
fn models_of_providers_without_a_key_are_a_warning() {
    let file = "[[models]]\nprovider = \"elsewhere\"\nmodel = \"m\"\n";
    let (code, out, err) = in_dir(Some(file), &["check"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("ok: "), "{out}");
    assert!(
        err.contains("warning: models[0] elsewhere/m: provider \"elsewhere\" is not configured"),
        "{err}"
    );
}

#[test]
fn config_prints_what_is_in_effect_without_secrets() {
    let (code, out, _) = in_dir(Some("[proxy]\nnode = \"edge-7\"\n"), &["config"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("node = \"edge-7\"") && out.contains("name = \"openai\""),
        "{out}"
    );
    assert!(
        out.contains("\"***\"") && !out.contains("sk-from-the-environment"),
        "{out}"
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["--no-such"][..],
        &["keys"],
        &["simulator"],
        &["demo", "--sessions", "many"],
    ] {
        let (code, _, err) = in_dir(None, arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
    }
}

#[test]
fn a_fast_demo_answers_every_request_explains_a_decision_and_exits() {
    let (code, out, err) = in_dir(None, &["demo", "--fast", "--sessions", "60", "--seed", "3"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.contains("60 sessions with") && out.contains("; 0 requests unanswered"),
        "{out}"
    );
    assert!(
        out.contains("Who serves each task") && out.contains("oracle"),
        "{out}"
    );
    assert!(
        out.contains("Its answer, in short") && out.contains("feedback_driven"),
        "{out}"
    );
}

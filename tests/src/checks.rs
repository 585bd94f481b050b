//! Assertions that many tests make.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::Answer;

/// The one envelope of our own errors: status, code, and a message that names every one of `mentions`.
#[track_caller]
pub fn assert_error(answer: &Answer, status: u16, code: &str, mentions: &[&str]) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    let error = &answer.json()["error"];
    assert_eq!(error["code"], code, "{text}");
    assert!(error["type"].is_string(), "no type in {text}");
    assert!(error.get("param").is_some(), "no param in {text}");
    let message = error["message"].as_str().unwrap_or_default();
    for mention in mentions {
        assert!(
            message.contains(mention),
            "{mention:?} is not named in {message:?}"
        );
    }
    assert!(
        answer
            .header("content-type")
            .starts_with("application/json"),
        "{:?}",
        answer.headers
    );
}

/// The headers of every proxied reply.
#[track_caller]
pub fn assert_decision_headers(answer: &Answer, model: &str, reason: &str) {
    assert!(
        uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok(),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("floopy-model"), model);
    assert_eq!(answer.header("floopy-decision-reason"), reason);
    assert_eq!(answer.header("floopy-cache-status"), "off");
    let overhead = answer.header("floopy-overhead-us");
    assert!(
        overhead.parse::<u64>().is_ok(),
        "floopy-overhead-us is {overhead:?}"
    );
}

/// A number of a decision, or a panic that shows the decision.
#[track_caller]
pub fn number(value: &Value, pointer: &str) -> f64 {
    value
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number {pointer} in {value}"))
}

/// Files below that have this text in them. One that goes while it is looked for has none.
#[track_caller]
pub fn files_with(directory: &Path, text: &str) -> Vec<String> {
    assert!(directory.is_dir(), "{} is missing", directory.display());
    // Stores have files of many megabytes, for which a loop that is not optimized takes a minute.
    let mut grep = Command::new("grep");
    grep.args(["--recursive", "--files-with-matches", "--text"]);
    grep.args(["--fixed-strings", "--no-messages", "--regexp", text]);
    let output = grep.arg(directory).output().expect("grep");
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    found.lines().map(str::to_owned).collect()
}

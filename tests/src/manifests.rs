//! YAML documents, read and held against Kubernetes' schemas by the Python packages that the set-up made.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::clients::made;

/// All documents of a text.
pub fn parse(text: &str) -> Vec<Value> {
    let output = run(text, &["json"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What is wrong with these documents, of this version of Kubernetes; empty if nothing is.
pub fn validate(text: &str, version: &str) -> String {
    let output = run(text, &["validate", version]);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

fn run(text: &str, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/manifests.py");
    let mut command = Command::new(made("venv/bin/python"));
    command.args(["-I", "-B"]).arg(script).args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    child.wait_with_output().expect("it ends")
}

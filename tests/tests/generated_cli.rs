//! What is made of the command line itself: completions that shells can read, and a manual page for every command.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use floopy_tests::process::binary;

fn floopy(args: &[&str]) -> String {
    let output = Command::new(binary("floopy")).args(args).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).expect("a text")
}

#[test]
fn every_shell_gets_completions_and_bash_can_read_its_own() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = floopy(&["completions", shell]);
        for command in ["doctor", "tenant", "completions"] {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
    let complete = "COMP_WORDS=(floopy doc); COMP_CWORD=1; _floopy floopy doc floopy\necho \"${COMPREPLY[@]}\"\n";
    let script = floopy(&["completions", "bash"]) + "\n" + complete;
    let mut bash = Command::new("bash");
    let bash = bash
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut bash = bash.spawn().expect("bash");
    let mut input = bash.stdin.take().expect("its input");
    input.write_all(script.as_bytes()).expect("written");
    drop(input);
    let said = bash.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "doctor");
}

#[test]
fn every_command_has_a_manual_page_and_the_same_one_each_time() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    for dir in &dirs {
        floopy(&["man", &dir.path().join("man1").display().to_string()]);
    }
    let page = |dir: &tempfile::TempDir, name: &str| {
        let path = dir.path().join("man1").join(name);
        fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    for name in ["floopy.1", "floopy-doctor.1", "floopy-tenant-create.1"] {
        let text = page(&dirs[0], name);
        assert!(text.contains(".TH") && text.contains("floopy"), "{text}");
        assert_eq!(text, page(&dirs[1], name));
    }
    let refused = Command::new(binary("floopy"))
        .args(["man", "/dev/null/x"])
        .output();
    let refused = refused.expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("/dev/null/x"),
        "{said}"
    );
}

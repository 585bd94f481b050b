//! Rules that no compiler checks, asserted over the sources themselves.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that is, or is about to be, part of the repository, with its text.
fn files(accept: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git");
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
    let found = names.lines().filter(|name| accept(name));
    // A deleted file is still listed until the deletion is committed.
    found
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect()
}

fn sources() -> Vec<(String, String)> {
    let sources = files(|name| name.ends_with(".rs"));
    assert!(
        sources.len() > 50,
        "only {} sources were found",
        sources.len()
    );
    sources
}

/// Panics with every finding at once.
#[track_caller]
fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

/// `file:line: text` of every line of these files that `bad` dislikes.
fn lines_where(files: &[(String, String)], bad: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = |(name, text): &(String, String)| {
        let numbered = text.lines().enumerate();
        let found = numbered.filter(|(_, line)| bad(line));
        found
            .map(|(n, line)| format!("{name}:{}: {}", n + 1, line.trim()))
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(lines).collect()
}

#[test]
fn every_source_begins_by_saying_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    none(
        &silent,
        "the first line of a source is `//! ` and what it is for",
    );
}

#[test]
fn no_source_is_longer_than_400_lines() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    none(&long, "a source has at most 400 lines");
}

#[test]
fn modules_are_files_beside_their_folder() {
    let found: Vec<String> = sources()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with("/mod.rs"))
        .collect();
    none(&found, "a module is x.rs beside x/, not x/mod.rs");
}

/// What each of our crates may depend on.
const EDGES: &[(&str, &str)] = &[
    ("proto", ""),
    ("protocols", ""),
    ("semantic", ""),
    ("firewall", ""),
    ("shared", "proto"),
    ("dataplane", "firewall proto protocols semantic shared"),
    ("controlplane", "proto shared"),
    ("judge-worker", "proto semantic shared"),
    (
        "deploy/standalone",
        "controlplane dataplane firewall judge-worker proto shared",
    ),
    (
        "tests",
        "firewall floopy controlplane dataplane judge-worker proto protocols semantic shared",
    ),
    ("tests/fuzz", "protocols"),
    ("tests/clients/rust", "sdk"),
];

/// Our own crates among the dependencies of any kind in a manifest.
fn own_dependencies(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        }
        let name: String = line
            .trim_start_matches('[')
            .chars()
            .take_while(|c| *c != '.' && *c != ' ' && *c != '=')
            .collect();
        if in_dependencies && name.starts_with("floopy") {
            found.push(name);
        }
    }
    found
}

#[test]
fn crates_depend_only_along_the_allowed_edges() {
    let allowed: BTreeMap<&str, &str> = EDGES.iter().copied().collect();
    let mut findings = Vec::new();
    for (name, manifest) in files(|name| name.ends_with("/Cargo.toml")) {
        let folder = name.trim_end_matches("/Cargo.toml");
        let Some(edges) = allowed.get(folder) else {
            findings.push(format!("{folder} is a crate that EDGES does not know"));
            continue;
        };
        let is_stray = |found: &String| {
            let own = found.trim_start_matches("floopy-");
            !edges.split(' ').any(|edge| edge == own)
        };
        let strays = own_dependencies(&manifest).into_iter().filter(is_stray);
        findings.extend(strays.map(|found| format!("{folder} must not depend on {found}")));
    }
    none(&findings, "planes never depend on each other");
}

#[test]
fn planes_do_not_mention_each_other() {
    let planes = [
        ("dataplane/", "floopy_dataplane"),
        ("controlplane/", "floopy_controlplane"),
        ("judge-worker/", "floopy_judge_worker"),
    ];
    let mut findings = Vec::new();
    for (folder, own) in planes {
        let others: Vec<&str> = planes
            .iter()
            .map(|(_, name)| *name)
            .filter(|name| *name != own)
            .collect();
        let sources: Vec<_> = sources()
            .into_iter()
            .filter(|(name, _)| name.starts_with(folder))
            .collect();
        findings.extend(lines_where(&sources, |line| {
            others.iter().any(|other| line.contains(other))
        }));
    }
    none(&findings, "planes know only the contract, not each other");
}

/// Where generated wire types may be named.
const WIRE: &[&str] = &[
    "proto/",
    "shared/src/wire",
    "shared/tests/route/replay.rs",
    "shared/tests/wire",
    "dataplane/src/app/open.rs",
    "dataplane/src/batches/books.rs",
    "dataplane/src/control",
    "dataplane/src/record/spool",
    "dataplane/tests/",
    "controlplane/src/grpc",
    "controlplane/src/store/record.rs",
    "controlplane/tests/",
    "judge-worker/src/lib.rs",
    "judge-worker/src/queue.rs",
    "judge-worker/src/report.rs",
    "judge-worker/tests/",
    "tests/",
];

#[test]
fn generated_wire_types_stay_at_the_border() {
    let inside: Vec<_> = sources()
        .into_iter()
        .filter(|(name, _)| !WIRE.iter().any(|border| name.starts_with(border)))
        .collect();
    let found = lines_where(&inside, |line| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains("floopy_proto::")
            || code.contains(" v1::")
            || code.contains("(v1::")
            || code.contains("<v1::")
    });
    none(
        &found,
        "generated types are translated in shared::wire and used only by those who speak gRPC",
    );
}

#[test]
fn what_decides_and_what_learns_is_pure() {
    let pure: Vec<_> = sources()
        .into_iter()
        .filter(|(name, _)| {
            name.starts_with("shared/src/domain") || name.starts_with("controlplane/src/learn")
        })
        .collect();
    assert!(
        pure.iter()
            .any(|(name, _)| name.starts_with("controlplane/src/learn")),
        "the learning moved away"
    );
    let impure = [
        "tokio",
        "async fn",
        ".await",
        "SystemTime",
        "Instant::now",
        "rand::",
        "std::fs",
        "std::net",
        "std::env",
        "std::io",
        "std::thread",
        "Mutex",
        "RwLock",
        "Atomic",
        "sqlx",
    ];
    let found = lines_where(&pure, |line| {
        let code = line.split("//").next().unwrap_or_default();
        impure.iter().any(|word| code.contains(word))
    });
    none(
        &found,
        "domain and learn do no I/O, take time and randomness as arguments, and hold no locks",
    );
}

#[test]
fn names_say_what_a_type_is() {
    let found = lines_where(&sources(), |line| {
        let words: Vec<&str> = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        words.windows(2).any(|pair| {
            let declares = ["struct", "enum", "trait", "mod"].contains(&pair[0]);
            let empty = ["Manager", "Helper", "Helpers", "Util", "Utils", "Data"];
            let module =
                ["utils", "util", "helpers", "helper", "common", "misc"].contains(&pair[1]);
            declares && (module || empty.iter().any(|suffix| pair[1].ends_with(suffix)))
        })
    });
    none(&found, "no Manager, Helper, Util or Data");
}

#[test]
fn nothing_is_left_to_do_in_a_comment() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let found = lines_where(&files(|name| !name.ends_with(".lock")), |line| {
        line.split(|c: char| !c.is_alphanumeric())
            .any(|word| marks.contains(&word))
    });
    none(&found, "an issue, not a comment, says what is to be done");
}

#[test]
fn every_channel_is_bounded() {
    let unbounded = [
        concat!("unbounded", "_channel"),
        concat!("Unbounded", "Sender"),
        concat!("mpsc::", "unbounded"),
    ];
    let found = lines_where(&sources(), |line| {
        unbounded.iter().any(|word| line.contains(word))
    });
    none(&found, "a queue has a bound and an overflow policy");
}

/// Where waiting itself is made: `eventually`, and peers that are slow on purpose.
const WAITING: &[&str] = &[
    "tests/tests/tidy.rs",
    "dataplane/tests/gateway/control.rs",
    "dataplane/tests/gateway/upstream.rs",
];

#[test]
fn tests_wait_for_facts_and_are_never_skipped() {
    let tests: Vec<_> = sources()
        .into_iter()
        .filter(|(name, _)| name.contains("/tests/") && !WAITING.contains(&name.as_str()))
        .collect();
    let waits = [concat!("sle", "ep("), concat!("#[ign", "ore")];
    let found = lines_where(&tests, |line| waits.iter().any(|word| line.contains(word)));
    none(&found, "tests wait with `eventually`, and all of them run");
}

/// The targets of every `make` in a text.
fn make_targets(text: &str) -> Vec<&str> {
    let after = text.split("make ").skip(1);
    let words = after.filter_map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .next()
    });
    words
        .filter(|word| {
            [
                "run", "test", "fmt", "lint", "bench", "build", "setup", "install",
            ]
            .contains(word)
        })
        .collect()
}

#[test]
fn the_readme_has_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let mut targets = make_targets(&readme);
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets, ["run", "test"]);
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_architecture_names_only_what_exists() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let sources = sources();
    let mut findings = Vec::new();
    for name in quoted(&page) {
        let is_path = name.contains('/')
            && !name.contains([' ', '{', '*', '<', ':'])
            && !name.starts_with(['/', '.']);
        let has_ending = [".rs", ".proto", ".toml", ".csv", ".py", ".sh", ".md"]
            .iter()
            .any(|e| name.ends_with(e));
        if is_path && (has_ending || name.ends_with('/')) && !root().join(name).exists() {
            findings.push(format!("{name} does not exist"));
        }
        let is_test = name.contains('_')
            && name.split('_').count() >= 4
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        let declared = || {
            sources
                .iter()
                .any(|(_, text)| text.contains(&format!("fn {name}(")))
        };
        if is_test && !declared() {
            findings.push(format!("no test is called {name}"));
        }
    }
    none(&findings, "ARCHITECTURE.md is true");
}

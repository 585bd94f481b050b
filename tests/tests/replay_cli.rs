//! `floopy replay`: outcomes in, tables out; wrong input is refused by line, field and value.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use floopy_tests::process::binary;
use serde_json::Value;
use tempfile::TempDir;

fn replay(args: &[&str]) -> Output {
    let mut command = Command::new(binary("floopy"));
    command.arg("replay").args(args).env("NO_COLOR", "1");
    command.output().expect("it runs")
}

/// What it prints on standard output; it must succeed.
#[track_caller]
fn said(args: &[&str]) -> String {
    let output = replay(args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
fn check_refused(args: &[&str], parts: &[&str]) {
    let output = replay(args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?} was accepted");
    for part in parts {
        assert!(errors.contains(part), "{part:?} is not in {errors:?}");
    }
}

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { dir }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Two tasks, two models: `big` is right at everything in `code`, `small` at everything in `chat`, and each
/// at half of the other's.
fn outcomes() -> String {
    let mut rows = String::new();
    for n in 0..40 {
        for (task, model, score, cost) in [
            ("code", "big", 1.0, 0.01),
            ("code", "small", f64::from(n % 2), 0.001),
            ("chat", "big", f64::from(n % 2), 0.01),
            ("chat", "small", 1.0, 0.001),
        ] {
            rows += &format!(
                "{{\"prompt_id\":{n},\"task\":\"{task}\",\"model\":\"{model}\",\"score\":{score},\"cost_usd\":{cost}}}\n"
            );
        }
    }
    rows
}

const PRIORS: &str = r#"{"prior":{"big":0.9,"small":0.6}}"#;

/// The benchmark's best loses half a point with every chat request: 0.5 · 44 and 0.5 · 83.75 of them.
const GOLDEN: &str = "\
o.jsonl: 2 models, 2 shapes, 80 prompts that all models answered
4 tenants of 200 requests, seed 1, goal: quality; ± is the 95 % interval over tenants

first 100 requests                    regret        quality        $ per 1k   gap closed %      shadow %
  best by benchmark                22.0 ±4.4 0.7800 ±0.0436     10.00 ±0.00       0.0 ±0.0             -
  best single, in hindsight        22.0 ±4.4 0.7800 ±0.0436     10.00 ±0.00       0.0 ±0.0             -
  cheapest                         28.0 ±4.4 0.7200 ±0.0436      1.00 ±0.00    -27.3 ±45.1             -
  oracle per shape                  0.0 ±0.0 1.0000 ±0.0000      6.04 ±0.79     100.0 ±0.0             -

first 200 requests                    regret        quality        $ per 1k   gap closed %      shadow %
  best by benchmark                41.9 ±6.0 0.7906 ±0.0302     10.00 ±0.00       0.0 ±0.0             -
  best single, in hindsight        41.9 ±6.0 0.7906 ±0.0302     10.00 ±0.00       0.0 ±0.0             -
  cheapest                         58.1 ±6.0 0.7094 ±0.0302      1.00 ±0.00    -51.6 ±37.0             -
  oracle per shape                  0.0 ±0.0 1.0000 ±0.0000      6.23 ±0.54     100.0 ±0.0             -
";

#[test]
fn a_small_table_of_fixed_policies_is_as_worked_out() {
    let files = Files::new();
    let (rows, priors) = (
        files.write("o.jsonl", &outcomes()),
        files.write("p.json", PRIORS),
    );
    // Every prompt, so that each tenant's qualities are those of the table.
    let args = [
        "--prompt-share",
        "1",
        "--policies",
        "benchmark,cheapest",
        "--tenants",
        "4",
        "--requests",
        "200",
    ];
    let said = said(&[&[rows.as_str(), "--priors", &priors], &args[..]].concat());
    let said = said.replace(&rows, "o.jsonl");
    assert_eq!(said, GOLDEN, "{said}");
}

#[test]
fn floopy_finds_what_each_task_needs_and_says_so() {
    let files = Files::new();
    let (rows, priors) = (
        files.write("o.jsonl", &outcomes()),
        files.write("p.json", PRIORS),
    );
    let args = [
        "--tenants",
        "8",
        "--requests",
        "2000",
        "--policies",
        "floopy",
        "--json",
        "-",
    ];
    let report: Value = serde_json::from_str(&said(
        &[&[rows.as_str(), "--priors", &priors], &args[..]].concat(),
    ))
    .expect("JSON");
    let verdicts = report["verdicts"].as_array().expect("verdicts");
    let single = verdicts
        .iter()
        .find(|v| v["against"] == "best single, in hindsight")
        .expect("always compared");
    let lead = single["quality"]["mean"].as_f64().expect("a number");
    assert!(
        lead > 0.05,
        "two models are far better than one here: {single}"
    );
}

#[test]
fn a_seed_gives_the_same_report_byte_for_byte_packed_or_not() {
    let files = Files::new();
    let (rows, priors) = (
        files.write("o.jsonl", &outcomes()),
        files.write("p.json", PRIORS),
    );
    let packed = files.path("o.jsonl.gz");
    let gzip = Command::new("gzip")
        .args(["-kc", &rows])
        .output()
        .expect("gzip runs");
    fs::write(&packed, gzip.stdout).expect("written");
    let run = |rows: &Path, seed: &str| {
        let rows = rows.display().to_string();
        let args = [
            "--tenants",
            "3",
            "--requests",
            "300",
            "--drift",
            "150:auto:0.5",
            "--json",
            "-",
            "--seed",
            seed,
        ];
        said(&[&[rows.as_str(), "--priors", &priors], &args[..]].concat())
    };
    let first = run(Path::new(&rows), "7");
    assert_eq!(first, run(Path::new(&rows), "7"));
    assert_eq!(first, run(&packed, "7"));
    assert_ne!(first, run(Path::new(&rows), "8"));
}

#[test]
fn where_nothing_is_to_be_gained_little_is_lost() {
    let args = [
        "--synthetic",
        "nogain",
        "--policies",
        "floopy",
        "--tenants",
        "12",
        "--requests",
        "4000",
    ];
    let report: Value =
        serde_json::from_str(&said(&[&args[..], &["--json", "-"]].concat())).expect("JSON");
    let verdicts = report["verdicts"].as_array().expect("verdicts");
    let fixed = verdicts
        .iter()
        .find(|v| v["against"] == "best by benchmark")
        .expect("always compared");
    let lost = -fixed["quality"]["mean"].as_f64().expect("a number");
    assert!(
        lost < 0.04,
        "{lost} of quality was lost to the model that is best at everything"
    );
}

#[test]
fn wrong_input_is_refused_by_line_field_and_value() {
    let files = Files::new();
    let bad = files.write(
        "bad.jsonl",
        &format!(
            "{}{{\"prompt_id\":1,\"task\":\"t\",\"model\":\"m\",\"score\":7}}\n",
            outcomes()
        ),
    );
    check_refused(
        &[&bad],
        &[
            "bad.jsonl, line 161",
            "score is 7, it must be a number from 0 to 1",
        ],
    );
    let rows = files.write("o.jsonl", &outcomes());
    let priors = files.write("p.json", r#"{"prior":{"big":9}}"#);
    check_refused(&[&rows, "--priors", &priors], &["prior.big is 9"]);
    check_refused(&["nowhere.jsonl"], &["nowhere.jsonl", "No such file"]);
    check_refused(&[&rows, "--models", "huge"], &["\"huge\""]);
    check_refused(
        &[&rows, "--drift", "100:huge:0.2"],
        &["--drift", "\"huge\""],
    );
    check_refused(
        &[&rows, "--drift", "20000:auto:0.2"],
        &["AT is 20000", "10000 requests"],
    );
    check_refused(
        &[&rows, "--judge-flip", "1.5"],
        &["--judge-flip", "a number from 0 to 1"],
    );
    check_refused(&[], &["FILE"]);
}

#[test]
fn regret_and_quality_are_drawn_as_svg() {
    let files = Files::new();
    let (rows, plot) = (files.write("o.jsonl", &outcomes()), files.path("plot.svg"));
    let path = plot.display().to_string();
    said(&[
        &rows,
        "--tenants",
        "2",
        "--requests",
        "200",
        "--policies",
        "random",
        "--plot",
        &path,
    ]);
    let svg = fs::read_to_string(plot).expect("a picture");
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg:.80}"
    );
    for part in [
        "cumulative regret",
        "quality",
        "random",
        "oracle per shape",
        "<polyline",
        "<polygon",
    ] {
        assert!(svg.contains(part), "{part} is missing");
    }
}

#[test]
fn a_constraint_is_estimated_from_exported_decisions() {
    let files = Files::new();
    let line = |n: usize| {
        let (model, score) = if n.is_multiple_of(4) {
            ("y", 0.5)
        } else {
            ("x", 1.0)
        };
        format!(
            r#"{{"request_id":"r{n}","routing_strategy":"feedback_driven","draw_key":"s{n}","task_shape":"all","score":{score},"chosen":{{"provider":"p","model":"{model}"}},"candidates":[{{"provider":"p","model":"x","score":0.9,"propensity":0.75,"expected_cost_micro_usd":100}},{{"provider":"p","model":"y","score":0.6,"propensity":0.25,"expected_cost_micro_usd":10}}]}}"#
        )
    };
    let log: Vec<String> = (0..400).map(line).collect();
    let path = files.write("d.jsonl", &log.join("\n"));
    let said = said(&["--decisions", &path, "--exclude", "x"]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    // Every fourth decision was served by what remains, and was worth a half.
    for part in [
        "400 covered",
        "as logged 0.8750",
        "doubly robust 0.5000 ±0.0000",
        "self-normalised 0.5000",
        "as much as 100 decisions",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    check_refused(&["--decisions", &path], &["no constraint"]);
    check_refused(
        &["--decisions", &path, "--exclude", "p"],
        &["no overlap", "400 scored decisions"],
    );
}

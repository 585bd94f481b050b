//! `floopy catalog`: what is listed, shown, refused, imported and updated, by the real program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use floopy_tests::process::binary;
use serde_json::Value;
use tempfile::TempDir;

/// A price map of five entries, two of them for us.
const PRICE_MAP: &str = r#"{
  "sample_spec": {"mode": "one of: chat, embedding", "max_tokens": "LEGACY parameter"},
  "gpt-small": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, "max_output_tokens": 16384,
    "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
    "supports_vision": true, "supports_function_calling": true, "supports_response_schema": true},
  "together_ai/org/open": {"litellm_provider": "together_ai", "mode": "chat", "max_tokens": 32768,
    "input_cost_per_token": 2e-07, "output_cost_per_token": 2e-07, "deprecation_date": "2027-03-31"},
  "painter": {"litellm_provider": "openai", "mode": "image_generation"},
  "elsewhere/x": {"litellm_provider": "replicate", "mode": "chat"}
}"#;

const MINE: &str = "[sources.me]\ntitle = \"Our contract\"\ndate = \"2026-10-01\"\n";

struct Dir(TempDir);

impl Dir {
    fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("written");
        }
        Self(dir)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary("floopy"));
        command.current_dir(self.0.path()).arg("catalog").args(args);
        command.env_clear();
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it runs")
    }

    /// Standard output of a command that must succeed.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Everything said by a command that must fail with code 1, with every one of `parts` in it.
    #[track_caller]
    fn refused(&self, args: &[&str], parts: &[&str]) -> String {
        let output = self.run(args);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        said
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn path(&self, name: &str) -> impl AsRef<Path> + use<> {
        self.0.path().join(name)
    }
}

fn said(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn entry(name: &str, price: &str, source: &str, more: &str) -> String {
    format!(
        "\n[[models]]\nprovider = \"openai\"\nmodel = \"{name}\"\ninput_usd_per_mtok = {price}\n\
         output_usd_per_mtok = {price}\nsource = \"{source}\"\n{more}\n"
    )
}

#[test]
fn the_builtin_catalog_is_listed_with_prices_priors_and_where_they_come_from() {
    let dir = Dir::with(&[]);
    let all = dir.ok(&["list"]);
    for part in [
        "MODEL",
        "PRIOR",
        "openai/gpt-4o",
        "text+image",
        "litellm-1-106-2",
        "2026-10-21",
    ] {
        assert!(all.contains(part), "{part} is not listed:\n{all}");
    }
    let some = dir.ok(&["list", "--provider", "mistral", "--kind", "embedding"]);
    let lines: Vec<&str> = some.lines().filter(|line| line.contains('/')).collect();
    assert!(
        matches!(lines.as_slice(), [line] if line.starts_with("mistral/mistral-embed")),
        "{some}"
    );
    dir.refused(&["list", "--provider", "nobody"], &["--provider nobody"]);
    let json: Value =
        serde_json::from_str(&dir.ok(&["list", "--json", "--provider", "openai"])).expect("JSON");
    let models = json.as_array().expect("a list");
    let model = models
        .iter()
        .find(|m| m["model"] == "gpt-5.2")
        .expect("listed");
    assert_eq!(model["input_usd_per_mtok"], 1.75);
    assert_eq!(model["source_date"], "2026-10-21");
    assert_eq!(model["prior"]["estimated"], false);
    let shapes = model["prior"]["shapes"].as_array().expect("shapes");
    assert!(shapes.iter().any(|s| s["shape"] == "class:code"), "{model}");
}

#[test]
fn one_model_is_shown_with_the_source_of_each_figure() {
    let dir = Dir::with(&[]);
    let shown = dir.ok(&["show", "anthropic/claude-opus-4-5"]);
    for part in [
        "context 200000 tokens",
        "reads text, image, document",
        "cache_write_usd_per_mtok   6.25",
        "litellm 1.106.2, 2026-10-21",
        "MMLU-Redux; Qwen3.5-397B-A17B model card comparison table; 2026-02",
        "prior for class:tool_use",
        "BFCL-V4",
    ] {
        assert!(shown.contains(part), "{part} is not shown:\n{shown}");
    }
    dir.refused(&["show", "gpt-5.2"], &["\"gpt-5.2\"", "openai/gpt-5.2"]);
}

#[test]
fn what_the_configuration_has_in_force_is_listed() {
    let own = MINE.to_owned() + &entry("gpt-4o", "1", "me", "") + &entry("ours", "2", "me", "");
    let config = "catalog = \"own.toml\"\n[control]\nbuiltin_models = false\n\
        [[models]]\nprovider = \"openai\"\nmodel = \"ours\"\nbenchmark = 0.7\n";
    let dir = Dir::with(&[("own.toml", &own), ("floopy.toml", config)]);
    let listed = dir.ok(&["list"]);
    assert!(listed.contains("2 models"), "{listed}");
    assert!(
        listed.contains("0.700"),
        "the configuration comes first:\n{listed}"
    );
}

#[test]
fn every_problem_of_every_file_is_told_and_nothing_else_is_wrong() {
    let bad = MINE.to_owned()
        + &entry("a", "-1", "me", "")
        + &entry("b", "1", "me", "deprecated_on = \"2026-02-30\"");
    let unknown = MINE.to_owned() + &entry("a", "1", "rumour", "") + &entry("a", "1", "me", "");
    let dir = Dir::with(&[
        ("bad.toml", &bad),
        ("unknown.toml", &unknown),
        ("good.toml", MINE),
    ]);
    let files = ["validate", "bad.toml", "good.toml", "unknown.toml"];
    let said = dir.refused(
        &files,
        &[
            "4 problems",
            "bad.toml:8: models.input_usd_per_mtok: -1 is not allowed",
            "bad.toml:19: models.deprecated_on: \"2026-02-30\" is no date",
            "unknown.toml:10: models[0].source: \"rumour\" is not declared",
            "unknown.toml:15: models[1].model: openai/a is listed twice",
            "ok: good.toml",
        ],
    );
    assert_eq!(said.matches(".toml:").count(), 5, "{said}");
    dir.refused(&["validate", "nowhere.toml"], &["nowhere.toml: "]);
}

#[test]
fn a_price_map_becomes_a_catalog_that_validates() {
    let dir = Dir::with(&[("map.json", PRICE_MAP)]);
    let args = [
        "import",
        "litellm",
        "map.json",
        "--date",
        "2026-11-20",
        "--output",
        "own.toml",
    ];
    let output = dir.run(&args);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    for part in [
        "2 models written to own.toml",
        "1 skipped: the sample entry",
        "for image_generation",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let text = dir.read("own.toml");
    for line in [
        "[sources.litellm-2026-11-20]",
        "date = \"2026-11-20\"",
        "input_usd_per_mtok = 0.15",
        "cached_input_usd_per_mtok = 0.075",
        "model = \"org/open\"",
        "deprecated_on = \"2027-03-31\"",
        "input = [\"text\", \"image\"]",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(
        dir.ok(&["validate", "own.toml"])
            .contains("2 models, 1 sources")
    );
    dir.refused(&args, &["own.toml exists", "catalog update"]);
    let some = dir.ok(&["import", "litellm", "map.json", "--provider", "together"]);
    assert!(
        some.contains("org/open") && !some.contains("gpt-small"),
        "{some}"
    );
}

#[test]
fn a_price_map_is_read_from_standard_input() {
    let dir = Dir::with(&[]);
    let mut import = dir.command(&["import", "litellm", "-"]);
    let mut child = import
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(PRICE_MAP.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && said(&output).contains("gpt-small"));
}

#[test]
fn a_price_map_with_wrong_types_is_refused_by_model_and_key_and_nothing_is_written() {
    let wrong = PRICE_MAP
        .replace("1.5e-07", "\"cheap\"")
        .replace("\"max_tokens\": 32768", "\"max_tokens\": true")
        .replace("2027-03-31", "one day");
    let dir = Dir::with(&[("map.json", &wrong), ("broken.json", "{\n  \"a\": \n")]);
    dir.refused(
        &["import", "litellm", "map.json", "--output", "own.toml"],
        &[
            "3 problems",
            "map.json: gpt-small: input_cost_per_token: is \"cheap\"",
            "map.json: together_ai/org/open: max_tokens: is true",
            "map.json: together_ai/org/open: deprecation_date: is \"one day\"",
        ],
    );
    assert!(!dir.path("own.toml").as_ref().exists());
    dir.refused(
        &["import", "litellm", "broken.json"],
        &["broken.json: line 3: "],
    );
}

#[test]
fn an_update_shows_its_changes_and_leaves_what_was_written_by_hand() {
    let newer = PRICE_MAP.replace("1.5e-07", "1e-07");
    let figures = "benchmarks = [{ shape = \"all\", test = \"T\", score = 0.5, source = \"me\" }]";
    let dir = Dir::with(&[("map.json", PRICE_MAP), ("newer.json", &newer)]);
    dir.ok(&[
        "import",
        "litellm",
        "map.json",
        "--date",
        "2026-10-01",
        "--provider",
        "openai",
        "--output",
        "own.toml",
    ]);
    let own = dir.read("own.toml") + figures + "\n" + MINE + &entry("mine", "9", "me", "");
    fs::write(dir.path("own.toml"), &own).expect("written");
    let update = [
        "update",
        "own.toml",
        "--from",
        "newer.json",
        "--date",
        "2026-11-01",
    ];

    let dry = dir.ok(&[&update[..], &["--dry-run"]].concat());
    assert!(dry.contains("was not changed"), "{dry}");
    assert_eq!(dir.read("own.toml"), own);

    let told = dir.ok(&update);
    for part in [
        "openai/gpt-small",
        "input_usd_per_mtok         0.15 -> 0.1",
        "1 new there; --add takes them in: together/org/open",
        "1 changed, 0 added, 0 removed; written to own.toml",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let text = dir.read("own.toml");
    for line in [
        "input_usd_per_mtok = 0.1\n",
        "model = \"mine\"",
        "score = 0.5",
        "litellm-2026-11-01",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(
        !text.contains("litellm-2026-10-01"),
        "no entry names it any more: {text}"
    );
    let again = dir.ok(&update);
    assert!(again.contains("own.toml is up to date"), "{again}");
    dir.ok(&["validate", "own.toml"]);

    let added = dir.ok(&[&update[..], &["--add"]].concat());
    assert!(added.contains("+ together/org/open"), "{added}");
    let leftovers = fs::read_dir(dir.path("").as_ref()).expect("a directory");
    assert_eq!(leftovers.count(), 3, "no temporary file is left");
}

//! What is deployed from `deploy/`: the chart against Kubernetes' own schemas, and every configuration that is shipped
//! against the programs that read it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use floopy_shared::process::config::load;
use floopy_tests::{chart, manifests};
use serde_json::{Value, json};

/// The oldest that the chart says it is for, and the newest whose schemas there are.
const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn values() -> Value {
    manifests::parse(&read("helm/floopy/values.yaml")).remove(0)
}

/// The chart as it is, and with everything in it that is off.
fn ways() -> [Value; 2] {
    let mut other = values();
    let peers = json!([{"namespaceSelector": {"matchLabels": {"team": "apps"}}}]);
    other["providerSecret"] = json!("providers");
    other["proxy"]["config"] =
        json!("[[providers]]\nname = \"openai\"\napi_key = \"sk-a\"\n\n[limits]\nin_flight = 64");
    other["proxy"]["storageClass"] = json!("fast");
    other["proxy"]["autoscaling"]["enabled"] = json!(false);
    other["proxy"]["allowFrom"] = peers.clone();
    other["control"]["config"] = json!("[learning]\nshadow_rate = 0.2");
    other["control"]["allowFrom"] = peers;
    [values(), other]
}

/// All that is rendered but the notes.
fn rendered(values: &Value) -> String {
    let files = chart::render(&deploy("helm/floopy"), values).into_iter();
    let manifests = files.filter(|(name, _)| name.ends_with(".yaml"));
    manifests
        .map(|(_, text)| format!("---\n{text}\n"))
        .collect()
}

/// Reads a file as the program does that it is for.
fn loads(name: &str, text: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(name);
    fs::write(&path, text).expect("written");
    let refused = match name {
        "dataplane.toml" => load::<floopy_dataplane::Config>(&path)
            .map_err(|e| e.to_string())
            .and_then(|config| config.check().map_err(|e| e.to_string())),
        "controlplane.toml" => load::<floopy_controlplane::Config>(&path)
            .map(drop)
            .map_err(|e| e.to_string()),
        "judge-worker.toml" => load::<floopy_judge_worker::Config>(&path)
            .map(drop)
            .map_err(|e| e.to_string()),
        "floopy.toml" => load::<floopy_standalone::config::Config>(&path)
            .map(drop)
            .map_err(|e| e.to_string()),
        other => panic!("no program reads {other}"),
    };
    refused.unwrap_or_else(|e| panic!("{e}\n{text}"));
}

#[test]
fn the_chart_is_what_kubernetes_takes() {
    for values in ways() {
        let text = rendered(&values);
        for version in KUBERNETES {
            let wrong = manifests::validate(&text, version);
            assert_eq!(wrong, "", "Kubernetes {version}:\n{text}");
        }
    }
    let typo = rendered(&values()).replace("replicas: 1", "replica: 1");
    let wrong = manifests::validate(&typo, KUBERNETES[0]);
    assert!(wrong.contains("'replica' was unexpected"), "{wrong}");
}

#[test]
fn what_the_chart_configures_is_what_the_programs_read() {
    for values in ways() {
        let all = manifests::parse(&rendered(&values));
        let config = all
            .iter()
            .find(|found| found["kind"] == "ConfigMap")
            .expect("one");
        let files = config["data"].as_object().expect("files");
        assert_eq!(files.len(), 3);
        for (name, text) in files {
            // The chart's secrets come from variables, which are not here.
            let text = text.as_str().expect("text");
            loads(name, &without_variables(text));
        }
    }
}

/// What `"env:NAME"` would be replaced with.
fn without_variables(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("\"env:") {
        Some((key, _)) if line.contains("_POSTGRES_") => format!("{key}\"postgres://h/db\""),
        Some((key, _)) => format!("{key}\"{}\"", "0123456789abcdef".repeat(2)),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_container_is_confined_and_finds_its_secrets() {
    for manifest in manifests::parse(&rendered(&values())) {
        let pod = &manifest["spec"]["template"]["spec"];
        if pod.is_null() {
            continue;
        }
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{manifest}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{manifest}");
        for container in pod["containers"].as_array().expect("containers") {
            let confined = &container["securityContext"];
            assert_eq!(confined["readOnlyRootFilesystem"], true, "{container}");
            assert_eq!(confined["allowPrivilegeEscalation"], false, "{container}");
            assert_eq!(
                confined["capabilities"]["drop"],
                json!(["ALL"]),
                "{container}"
            );
            let variables: BTreeSet<&str> = container["env"]
                .as_array()
                .expect("variables")
                .iter()
                .filter_map(|variable| variable["name"].as_str())
                .collect();
            assert!(variables.contains("FLOOPY_PLANE_TOKEN"), "{container}");
        }
    }
}

#[test]
fn the_composition_names_what_there_is() {
    let compose = manifests::parse(&read("compose/compose.yaml")).remove(0);
    let dockerfile = read("docker/Dockerfile");
    let variables = read("compose/example.env");
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        if let Some(target) = service["build"]["target"].as_str() {
            let stage = format!("AS {target}\n");
            assert!(dockerfile.contains(&stage), "{name}: no stage {target}");
        }
        let mounts = service["volumes"].as_array().expect("volumes");
        for mount in mounts.iter().filter_map(Value::as_str) {
            let Some((file, _)) = mount.strip_prefix("./").and_then(|m| m.split_once(':')) else {
                continue;
            };
            loads(file, &without_variables(&read(&format!("compose/{file}"))));
        }
        let environment = service["environment"].as_object().into_iter().flatten();
        for (variable, _) in environment
            .filter(|(name, _)| !name.starts_with("POSTGRES_") && *name != "FLOOPY_POSTGRES_URL")
        {
            assert!(
                variables.contains(&format!("{variable}=")),
                "{variable} is in no example.env"
            );
        }
    }
    loads("floopy.toml", &read("docker/floopy.toml"));
}

#[test]
fn every_unit_starts_a_program_that_there_is_and_waits_for_its_drain() {
    for name in [
        "floopy",
        "floopy-dataplane",
        "floopy-controlplane",
        "floopy-judge-worker",
    ] {
        let unit = read(&format!("systemd/{name}.service"));
        assert!(
            unit.contains(&format!("ExecStart=/usr/bin/{name} --config /etc/floopy/")),
            "{unit}"
        );
        assert!(floopy_tests::process::binary(name).is_file());
        let stops = unit
            .lines()
            .find_map(|line| line.strip_prefix("TimeoutStopSec="));
        let stops: u64 = stops.expect("a time").parse().expect("seconds");
        assert!(stops * 1_000 > floopy_dataplane::Config::default().drain_ms);
    }
}

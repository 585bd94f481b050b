//! `floopy import litellm`: realistic configurations become ones that `floopy check` takes, and calls are served by them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use floopy_tests::{
    Api, Upstream, eventually,
    ports::free_addr,
    process::{Process, binary},
};
use serde_json::json;

const VARIABLES: [(&str, &str); 4] = [
    ("OPENAI_API_KEY", "sk-openai"),
    ("ANTHROPIC_API_KEY", "sk-anthropic"),
    ("AZURE_KEY", "azure-key"),
    ("LITELLM_MASTER_KEY", "sk-master-0123456789"),
];

fn floopy(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary("floopy"));
    command
        .current_dir(dir)
        .env_clear()
        .envs(VARIABLES)
        .args(args);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Imports, checks, and gives what was told besides.
fn imported(dir: &Path, yaml: &str) -> String {
    fs::write(dir.join("config.yaml"), yaml).expect("written");
    let _old = fs::remove_file(dir.join("floopy.toml"));
    let made = floopy(
        dir,
        &["import", "litellm", "config.yaml", "--out", "floopy.toml"],
    )
    .output();
    let made = made.expect("it runs");
    assert!(made.status.success(), "{}", text(&made));
    let checked = floopy(dir, &["check"]).output().expect("it runs");
    let file = fs::read_to_string(dir.join("floopy.toml")).expect("made");
    assert!(checked.status.success(), "{}\n{file}", text(&checked));
    let mode = fs::metadata(dir.join("floopy.toml"))
        .expect("made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    text(&made)
}

/// As a team has it: variables, an alias with two deployments, a fallback, a cache in Redis.
const TEAM: &str = "\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
      rpm: 500
  - model_name: gpt-4o
    litellm_params:
      model: azure/my-gpt-4o
      api_base: https://team.openai.azure.com
      api_key: os.environ/AZURE_KEY
      api_version: \"2024-10-21\"
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_key: os.environ/ANTHROPIC_API_KEY
    model_info:
      mode: chat

router_settings:
  routing_strategy: usage-based-routing-v2
  num_retries: 2
  timeout: 30
  redis_host: os.environ/REDIS_HOST
  fallbacks:
    - gpt-4o: [claude]

litellm_settings:
  drop_params: true
  cache: true
  cache_params:
    type: redis
    ttl: 600
  success_callback: [langfuse]

general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
";

#[test]
fn a_teams_configuration_is_taken_and_each_thing_left_out_is_told_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let told = imported(dir.path(), TEAM);
    for expected in [
        "config.yaml:6: model_list[0].litellm_params.rpm: ",
        "config.yaml:21: router_settings.routing_strategy: ",
        "config.yaml:24: router_settings.redis_host: ",
        "litellm_settings.drop_params: ",
        "litellm_settings.cache_params.type: ",
        "litellm_settings.success_callback: ",
        "general_settings.database_url: ",
        "floopy-routing-rule: claude",
    ] {
        assert!(told.contains(expected), "{expected:?} is not in\n{told}");
    }
    let made = fs::read_to_string(dir.path().join("floopy.toml")).expect("made");
    for part in [
        "env:OPENAI_API_KEY",
        "env:LITELLM_MASTER_KEY",
        "ttl_seconds = 600",
        "total_ms = 30000",
    ] {
        assert!(made.contains(part), "{part:?} is not in\n{made}");
    }
    let again = floopy(
        dir.path(),
        &["import", "litellm", "config.yaml", "--out", "floopy.toml"],
    )
    .output();
    let again = again.expect("it runs");
    assert!(
        !again.status.success() && text(&again).contains("floopy.toml"),
        "{}",
        text(&again)
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(
        dir.path().join("config.yaml"),
        "model_list:\n  - [a\nb: }\n",
    )
    .expect("written");
    let refused = floopy(dir.path(), &["import", "litellm", "config.yaml"]).output();
    let refused = refused.expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("config.yaml:"),
        "{}",
        text(&refused)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_served_by_what_was_imported() {
    let upstream = Upstream::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    let yaml = format!(
        "model_list:\n  - model_name: chat\n    litellm_params: {{model: openai/alpha, api_base: \"{0}\", api_key: k}}\n  \
         - model_name: chat\n    litellm_params: {{model: openai/beta, api_base: \"{0}\", api_key: k}}\n\
         general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}\n",
        upstream.base_url()
    );
    imported(dir.path(), &yaml);
    let (proxy, rest) = (free_addr(), free_addr());
    let file = dir.path().join("floopy.toml");
    let made = fs::read_to_string(&file).expect("made");
    let listening =
        format!("{made}\n[proxy]\nlisten = \"{proxy}\"\n[control]\nlisten = \"{rest}\"\n");
    fs::write(&file, listening).expect("written");
    let _running = Process::start(floopy(dir.path(), &[]), &dir.path().join("log"));
    let api = Api::new(proxy, VARIABLES[3].1);
    let body = json!({"model": "auto", "messages": [{"role": "user", "content": "hi"}]});
    eventually(|| async {
        let call = api
            .post("/v1/chat/completions")
            .header("floopy-routing-rule", "chat");
        let answer = call
            .json(&body)
            .try_send()
            .await
            .map_err(|e| e.to_string())?;
        let model = answer.header("floopy-model").to_owned();
        if answer.status == 200 && ["openai/alpha", "openai/beta"].contains(&model.as_str()) {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
}

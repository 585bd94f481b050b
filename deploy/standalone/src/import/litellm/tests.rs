//! What each part of a LiteLLM configuration becomes, and what is told of the rest.

use super::{super::yaml, *};
use crate::config::Effective;

fn converted(text: &str) -> Converted {
    convert(&yaml::read(text).expect("YAML"))
}

/// The configuration, which Floopy must take, and the notes as `line: key`.
fn check(text: &str) -> (Table, Vec<String>) {
    let Converted { config, notes } = converted(text);
    let made = toml::to_string(&config).expect("TOML");
    let read = Effective::read(&made, "made.toml", |_| None);
    read.unwrap_or_else(|e| panic!("{e}\n{made}"));
    let notes = notes.iter().map(|it| format!("{}: {}", it.line, it.key));
    (config, notes.collect())
}

const TWO: &str = "model_list:
  - model_name: fast
    litellm_params:
      model: openai/gpt-4o-mini
      weight: 3
  - model_name: fast
    litellm_params:
      model: anthropic/claude-haiku-4-5
  - model_name: own
    litellm_params:
      model: hosted_vllm/mistral-7b
      api_base: http://gpu-1:8000/v1
      input_cost_per_token: 0.0000002
      output_cost_per_token: 0.0000006
";

#[test]
fn names_of_several_deployments_are_rules_with_shares() {
    let (config, _) = check(TWO);
    let rules = &config["tenants"][0]["rules"];
    assert_eq!(rules[0]["name"].as_str(), Some("fast"));
    assert_eq!(rules[0]["strategy"].as_str(), Some("weighted"));
    let models = rules[0]["models"].as_array().expect("models");
    assert_eq!(models.len(), 2);
    assert_eq!(rules[0]["weights"][0].as_float(), Some(3.0));
    let own = &config["models"].as_array().expect("models");
    let own = own
        .iter()
        .find(|it| it["model"].as_str() == Some("mistral-7b"));
    let own = own.expect("not in the catalog");
    assert_eq!(own["input_usd_per_mtok"].as_float(), Some(0.2));
    assert_eq!(
        config["providers"][0]["base_url"].as_str(),
        Some("http://gpu-1:8000/v1")
    );
}

#[test]
fn fallbacks_step_in_and_other_keys_are_told_with_their_lines() {
    let text = format!(
        "{TWO}router_settings:\n  routing_strategy: least-busy\n  num_retries: 3\n  cooldown_time: 30\n  \
         fallbacks: [{{own: [fast, gone]}}]\n  magic: 1\nmystery: 2\n"
    );
    let (config, notes) = check(&text);
    let rules = config["tenants"][0]["rules"].as_array().expect("rules");
    let own = rules.iter().find(|it| it["name"].as_str() == Some("own"));
    let own = own.expect("a rule");
    assert_eq!(own["strategy"].as_str(), Some("fallback"));
    assert_eq!(own["models"].as_array().map(Vec::len), Some(3));
    assert_eq!(config["proxy"]["retry"]["times"].as_integer(), Some(3));
    assert_eq!(
        config["proxy"]["breaker"]["open_ms"].as_integer(),
        Some(30_000)
    );
    for expected in [
        "router_settings.routing_strategy",
        "router_settings.fallbacks",
        "router_settings.magic",
        "mystery",
    ] {
        let told = notes
            .iter()
            .find(|it| it.ends_with(&format!(": {expected}")));
        let told = told.unwrap_or_else(|| panic!("{expected} is not told: {notes:?}"));
        assert!(!told.starts_with("0:"), "{told}");
    }
}

#[test]
fn every_combination_of_place_and_key_is_a_provider_of_its_own() {
    let text = "model_list:
  - model_name: a
    litellm_params: {model: azure/gpt-4o, api_base: 'https://eu.openai.azure.com', api_key: secret-eu, api_version: '2024-10-21'}
  - model_name: a
    litellm_params: {model: azure/gpt-4o, api_base: 'https://us.openai.azure.com', api_key: secret-us, api_version: '2024-10-21'}
  - model_name: b
    litellm_params: {model: bedrock/converse/amazon.nova-lite-v1:0, aws_region_name: eu-west-1, aws_access_key_id: os.environ/ID}
  - model_name: c
    litellm_params: {model: sagemaker/x, rpm: 10}
";
    let (config, notes) = check(text);
    let names: Vec<&str> = config["providers"]
        .as_array()
        .expect("providers")
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert_eq!(names, ["azure", "azure-2", "bedrock"]);
    assert_eq!(config["providers"][1]["kind"].as_str(), Some("azure"));
    let told = |part: &str| notes.iter().any(|it| it.contains(part));
    assert!(
        told("model_list[2].litellm_params.aws_access_key_id"),
        "{notes:?}"
    );
    assert!(told("9: model_list[3].litellm_params.model"), "{notes:?}");
    assert!(told("model_list[0].litellm_params.api_key"), "{notes:?}");
}

#[test]
fn one_price_of_two_is_told_and_not_taken() {
    let (config, notes) = check(&TWO.replace("      output_cost_per_token: 0.0000006\n", ""));
    let models = config["models"].as_array().expect("models");
    let priced = models
        .iter()
        .filter(|it| it.get("input_usd_per_mtok").is_some());
    assert_eq!(priced.count(), 0, "{config}");
    let told = |note: &&String| note.ends_with("model_list[2].litellm_params");
    assert!(notes.iter().find(told).is_some(), "{notes:?}");
}

#[test]
fn what_makes_no_sense_is_told_and_the_rest_is_taken() {
    let text = "model_list:\n  - litellm_params: {model: openai/gpt-4o}\n  - model_name: '*'\n    litellm_params: {model: 'openai/*'}\nrouter_settings: [1]\nlitellm_settings:\n  num_retries: many\n  request_timeout: -1\n";
    let (config, notes) = check(text);
    assert!(config.get("proxy").is_none());
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert_eq!(converted("").notes.len(), 1);
}

//! A price map in small: what is taken, what is skipped, what is wrong.

use super::*;

fn imported(text: &str) -> Import {
    import(text, "map", &[]).expect("a price map")
}

#[test]
fn prices_per_token_become_exact_decimals_per_million() {
    let import = imported(
        r#"{"gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1000, "max_output_tokens": 10,
            "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
            "cache_creation_input_token_cost": 3.75e-06, "supports_vision": true, "supports_pdf_input": true,
            "supports_function_calling": true, "deprecation_date": "2027-02-03"}}"#,
    );
    let [model] = import.models.as_slice() else {
        panic!("{import:?}")
    };
    let shown: Vec<String> = model
        .prices()
        .iter()
        .flat_map(|(_, usd)| *usd)
        .map(|usd| usd.to_string())
        .collect();
    assert_eq!(shown, ["0.15", "0.6", "0.075", "3.75"]);
    assert_eq!(
        model.input,
        [Modality::Text, Modality::Image, Modality::Document]
    );
    assert_eq!(
        model.deprecated_on.as_ref().map(|d| d.as_str()),
        Some("2027-02-03")
    );
    assert!(model.tools && !model.json_schema);
    assert_eq!(
        (model.context_tokens, model.max_output_tokens),
        (Some(1_000), Some(10))
    );
}

#[test]
fn names_are_as_our_providers_spell_them() {
    let chat = |provider: &str| {
        format!(
            r#"{{"litellm_provider": "{provider}", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}"#
        )
    };
    let cases = [
        ("gpt-4o", "openai", "openai/gpt-4o"),
        ("groq/openai/gpt-oss-20b", "groq", "groq/openai/gpt-oss-20b"),
        ("together_ai/Qwen/Q", "together_ai", "together/Qwen/Q"),
        (
            "fireworks_ai/accounts/f/models/m",
            "fireworks_ai",
            "fireworks/accounts/f/models/m",
        ),
        ("command-a", "cohere_chat", "cohere/command-a"),
        ("azure/gpt-5", "azure", "azure/gpt-5"),
        (
            "us.anthropic.claude-x-v1:0",
            "bedrock_converse",
            "bedrock/us.anthropic.claude-x-v1:0",
        ),
        ("gemini-9", "vertex_ai-language-models", "vertex/gemini-9"),
        (
            "vertex_ai/gemini-9-lite",
            "vertex_ai-language-models",
            "vertex/gemini-9-lite",
        ),
        ("gemini/gemini-9", "gemini", "gemini/gemini-9"),
    ];
    for (theirs, provider, ours) in cases {
        let import = imported(&format!("{{\"{theirs}\": {}}}", chat(provider)));
        let names: Vec<String> = import.models.iter().map(Entry::name).collect();
        assert_eq!(names, [ours], "{theirs}: {:?}", import.skipped);
    }
    let skipped = [
        ("azure/eu/gpt-5", "azure", Skip::Variant),
        ("bedrock/us-east-1/x", "bedrock", Skip::Variant),
        (
            "vertex_ai/claude-x",
            "vertex_ai-anthropic_models",
            Skip::Protocol,
        ),
        ("replicate/x", "replicate", Skip::Provider),
    ];
    for (theirs, provider, why) in skipped {
        let import = imported(&format!("{{\"{theirs}\": {}}}", chat(provider)));
        assert_eq!(
            import.skipped.keys().collect::<Vec<_>>(),
            [&why],
            "{theirs}"
        );
    }
}

#[test]
fn what_is_not_for_chat_or_embeddings_is_counted_by_reason() {
    let import = imported(
        r#"{"sample_spec": {"mode": "one of"}, "dall-e": {"litellm_provider": "openai", "mode": "image_generation"},
            "free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
            "vec": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-8},
            "openai/vec": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-8}}"#,
    );
    let names: Vec<String> = import.models.iter().map(Entry::name).collect();
    assert_eq!(names, ["openai/vec"]);
    assert_eq!(import.models[0].outputs(), [Modality::Embedding]);
    let counts: Vec<(&Skip, &usize)> = import.skipped.iter().collect();
    let expected = [
        (Skip::Sample, 1),
        (Skip::Mode("image_generation".into()), 1),
        (Skip::Unpriced, 1),
        (Skip::Duplicate, 1),
    ];
    assert_eq!(
        counts,
        expected.iter().map(|(s, n)| (s, n)).collect::<Vec<_>>()
    );
}

#[test]
fn only_the_providers_that_are_asked_for_are_taken() {
    let text = r#"{"a": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        "b": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}}"#;
    let import = import(text, "map", &["anthropic".to_owned()]).expect("a price map");
    assert_eq!(import.models.len(), 1);
    assert_eq!(import.skipped.get(&Skip::NotAsked), Some(&1));
}

#[test]
fn every_wrong_type_is_told_by_model_and_key() {
    let text = r#"{"x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": "free",
            "output_cost_per_token": -1e-6, "supports_vision": 1, "max_input_tokens": 1.5},
        "y": {"litellm_provider": 7}, "z": [], "w w": {"litellm_provider": "openai", "mode": "chat",
            "input_cost_per_token": 1e-6, "output_cost_per_token": 2, "deprecation_date": "soon"}}"#;
    let problems = import(text, "map", &[]).expect_err("wrong");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "x: input_cost_per_token: is \"free\", it must be a price in USD per token",
        "x: output_cost_per_token: is -1e-6, it must be",
        "y: litellm_provider: is 7, it must be a text",
        "z: entry: is a list, it must be an object",
        "w w: output_cost_per_token: is 2, it must be",
    ] {
        assert!(
            told.iter().any(|t| t.starts_with(part)),
            "{part} is not in {told:?}"
        );
    }
}

#[test]
fn what_is_no_json_object_is_refused_by_line() {
    let told = |text: &str| import(text, "map", &[]).expect_err("wrong")[0].to_string();
    assert!(
        told("{\n\"a\": }").starts_with("line 2: "),
        "{}",
        told("{\n\"a\": }")
    );
    assert_eq!(
        told("[]"),
        "is a list, it must be an object with an entry per model"
    );
}

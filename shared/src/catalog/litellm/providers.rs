//! Whose models they are: LiteLLM's names of providers and models, as ours.

/// Why a name is not that of a model here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Not {
    Variant,
    Spoken,
}

/// The provider as it is called here.
pub fn known(litellm: &str) -> Option<&'static str> {
    let exact = [
        ("openai", "openai"),
        ("anthropic", "anthropic"),
        ("gemini", "gemini"),
        ("bedrock", "bedrock"),
        ("bedrock_converse", "bedrock"),
        ("azure", "azure"),
        ("deepseek", "deepseek"),
        ("mistral", "mistral"),
        ("codestral", "mistral"),
        ("xai", "xai"),
        ("groq", "groq"),
        ("cerebras", "cerebras"),
        ("sambanova", "sambanova"),
        ("together_ai", "together"),
        ("fireworks_ai", "fireworks"),
        ("fireworks_ai-embedding-models", "fireworks"),
        ("perplexity", "perplexity"),
        ("cohere", "cohere"),
        ("cohere_chat", "cohere"),
        ("ai21", "ai21"),
        ("ai21_chat", "ai21"),
        ("deepinfra", "deepinfra"),
        ("nebius", "nebius"),
        ("novita", "novita"),
    ];
    let found = exact.into_iter().find(|(theirs, _)| *theirs == litellm);
    match found {
        Some((_, ours)) => Some(ours),
        None if litellm.starts_with("vertex_ai") => Some("vertex"),
        None => None,
    }
}

/// The model as its provider spells it.
pub(super) fn model<'a>(provider: &str, name: &'a str) -> Result<&'a str, Not> {
    let prefixes = match provider {
        "together" => &["together_ai/"][..],
        "fireworks" => &["fireworks_ai/"],
        "vertex" => &["vertex_ai/"],
        "mistral" => &["mistral/", "codestral/"],
        _ => &[],
    };
    let own = |prefix: &&str| name.strip_prefix(*prefix);
    let usual = name.split_once('/').filter(|(first, _)| *first == provider);
    let model = prefixes
        .iter()
        .find_map(own)
        .or(usual.map(|(_, model)| model))
        .unwrap_or(name);
    match provider {
        // With a further part it is the price of a region, or of reserved capacity.
        "azure" | "bedrock" if model.contains('/') => Err(Not::Variant),
        // Other vendors' models have APIs of their own at Vertex AI.
        "vertex" if !model.starts_with("gemini") => Err(Not::Spoken),
        // Prices by a model's size are not for any one model.
        "fireworks" if model.starts_with("fireworks-ai-") => Err(Not::Variant),
        "together" if model.starts_with("together-ai-") => Err(Not::Variant),
        "openai" if model.starts_with("ft:") => Err(Not::Variant),
        _ => Ok(model),
    }
}

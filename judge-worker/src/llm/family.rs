//! Whose model is it? A model prefers what its own kind writes, so that a judge is to be of another one.

/// Beginnings of models' names, and who makes them.
#[rustfmt::skip]
const FAMILIES: &[(&str, &str)] = &[
    ("gpt", "openai"), ("chatgpt", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"), ("davinci", "openai"),
    ("claude", "anthropic"), ("gemini", "google"), ("gemma", "google"), ("palm", "google"), ("llama", "meta"),
    ("meta-llama", "meta"), ("mistral", "mistral"), ("mixtral", "mistral"), ("ministral", "mistral"),
    ("magistral", "mistral"), ("codestral", "mistral"), ("devstral", "mistral"), ("pixtral", "mistral"),
    ("qwen", "alibaba"), ("qwq", "alibaba"), ("deepseek", "deepseek"), ("grok", "xai"), ("command", "cohere"),
    ("c4ai", "cohere"), ("nova", "amazon"), ("titan", "amazon"), ("phi", "microsoft"), ("kimi", "moonshot"),
    ("moonshot", "moonshot"), ("glm", "zhipu"),
];

/// Of a model's name, with or without who hosts it: `openai/gpt-4o`, `bedrock/anthropic.claude-sonnet-4`.
pub(super) fn family(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    // Where makers are named before a point, the model is what follows.
    let parts = std::iter::once(name.as_str()).chain(name.split('.').skip(1));
    for part in parts {
        let known = FAMILIES.iter().find(|(start, _)| part.starts_with(start));
        if let Some((_, family)) = known {
            return (*family).to_owned();
        }
    }
    // An unknown one is of its own kind: what is before the first digit or dash.
    let own = name.split(|c: char| !c.is_alphabetic()).next();
    own.filter(|own| !own.is_empty())
        .unwrap_or(&name)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_by_who_made_them() {
        for (model, expected) in [
            ("openai/gpt-4o-mini", "openai"),
            ("azure/o3-mini", "openai"),
            ("groq/meta-llama/Llama-3.3-70b", "meta"),
            ("bedrock/anthropic.claude-sonnet-4", "anthropic"),
            ("bedrock/eu.anthropic.claude-haiku", "anthropic"),
            ("acme/weave-7b", "weave"),
            ("test/7", "7"),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
    }
}

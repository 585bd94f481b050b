//! What the providers that are known by name take for a credential.

/// What a provider takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// An API key.
    ApiKey,
    /// An API key, where the address is the customer's own.
    Placed,
    /// An API key or an AWS access key.
    Aws,
    /// An access token or a Google service account.
    Google,
}

/// By the names that the proxies know them by; a test of theirs holds the two together.
const PROVIDERS: &[(&str, Takes)] = &[
    ("openai", Takes::ApiKey),
    ("anthropic", Takes::ApiKey),
    ("gemini", Takes::ApiKey),
    ("vertex", Takes::Google),
    ("bedrock", Takes::Aws),
    ("azure", Takes::Placed),
    ("deepseek", Takes::ApiKey),
    ("mistral", Takes::ApiKey),
    ("xai", Takes::ApiKey),
    ("groq", Takes::ApiKey),
    ("cerebras", Takes::ApiKey),
    ("sambanova", Takes::ApiKey),
    ("together", Takes::ApiKey),
    ("fireworks", Takes::ApiKey),
    ("perplexity", Takes::ApiKey),
    ("cohere", Takes::ApiKey),
    ("ai21", Takes::ApiKey),
    ("deepinfra", Takes::ApiKey),
    ("nebius", Takes::ApiKey),
    ("novita", Takes::ApiKey),
];

/// What a known provider takes; `None`: only the proxies' configuration knows it, if anybody does.
pub fn provider_takes(name: &str) -> Option<Takes> {
    let found = PROVIDERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, takes)| *takes)
}

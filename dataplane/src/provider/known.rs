//! The providers that are known by name, and how each wants to be called.

use floopy_protocols::{ProviderApi, embeddings::EmbeddingApi};

/// A provider whose API is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownProvider {
    pub name: &'static str,
    /// The environment variable its key is usually in.
    pub env_var: &'static str,
    /// Empty where every customer has an address of their own: see `needs`.
    pub base_url: &'static str,
    /// The settings without which it cannot be called, beside its key.
    pub needs: &'static [&'static str],
    pub(crate) api: ProviderApi,
    pub(super) auth: Auth,
    pub(super) paths: Paths,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// In this header, as it is.
    Header(&'static str),
}

/// Where under its address an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paths {
    /// `/chat/completions` and `/embeddings`
    OpenAi,
    /// By deployment where an API version is set, else like OpenAI under `/openai/v1`.
    Azure,
    /// `/messages` and `/messages/count_tokens`
    Messages,
    /// `/chat` and `/embed`
    Cohere,
    /// `/models/{model}:generateContent` and `:batchEmbedContents`
    Gemini,
    /// The same under a project and a region, and `:predict`.
    Vertex,
    /// `/model/{model}/converse` and `/invoke`
    Bedrock,
}

impl Paths {
    /// The form of embeddings that stands behind them, where it is not OpenAI's.
    pub(super) fn embeddings(self) -> Option<EmbeddingApi> {
        match self {
            Self::OpenAi | Self::Azure | Self::Messages => None,
            Self::Cohere => Some(EmbeddingApi::Cohere),
            Self::Gemini => Some(EmbeddingApi::Gemini),
            Self::Vertex => Some(EmbeddingApi::Vertex),
            Self::Bedrock => Some(EmbeddingApi::Bedrock),
        }
    }
}

const fn known(name: &'static str, env_var: &'static str, base_url: &'static str) -> KnownProvider {
    KnownProvider {
        name,
        env_var,
        base_url,
        needs: &[],
        api: ProviderApi::Chat,
        auth: Auth::Bearer,
        paths: Paths::OpenAi,
    }
}

static KNOWN: &[KnownProvider] = &[
    known("openai", "OPENAI_API_KEY", "https://api.openai.com/v1"),
    KnownProvider {
        api: ProviderApi::Messages,
        auth: Auth::Header("x-api-key"),
        paths: Paths::Messages,
        ..known(
            "anthropic",
            "ANTHROPIC_API_KEY",
            "https://api.anthropic.com/v1",
        )
    },
    KnownProvider {
        api: ProviderApi::Gemini,
        auth: Auth::Header("x-goog-api-key"),
        paths: Paths::Gemini,
        ..known(
            "gemini",
            "GEMINI_API_KEY",
            "https://generativelanguage.googleapis.com/v1beta",
        )
    },
    KnownProvider {
        needs: &["region"],
        api: ProviderApi::Gemini,
        paths: Paths::Vertex,
        ..known("vertex", "VERTEX_ACCESS_TOKEN", "")
    },
    KnownProvider {
        needs: &["region"],
        api: ProviderApi::Converse,
        paths: Paths::Bedrock,
        ..known("bedrock", "AWS_BEARER_TOKEN_BEDROCK", "")
    },
    KnownProvider {
        needs: &["base_url"],
        auth: Auth::Header("api-key"),
        paths: Paths::Azure,
        ..known("azure", "AZURE_OPENAI_API_KEY", "")
    },
    known(
        "deepseek",
        "DEEPSEEK_API_KEY",
        "https://api.deepseek.com/v1",
    ),
    known("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    known("xai", "XAI_API_KEY", "https://api.x.ai/v1"),
    known("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    known("cerebras", "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
    known(
        "sambanova",
        "SAMBANOVA_API_KEY",
        "https://api.sambanova.ai/v1",
    ),
    known(
        "together",
        "TOGETHER_API_KEY",
        "https://api.together.xyz/v1",
    ),
    known(
        "fireworks",
        "FIREWORKS_API_KEY",
        "https://api.fireworks.ai/inference/v1",
    ),
    known(
        "perplexity",
        "PERPLEXITY_API_KEY",
        "https://api.perplexity.ai",
    ),
    KnownProvider {
        api: ProviderApi::Cohere,
        paths: Paths::Cohere,
        ..known("cohere", "COHERE_API_KEY", "https://api.cohere.com/v2")
    },
    known("ai21", "AI21_API_KEY", "https://api.ai21.com/studio/v1"),
    known(
        "deepinfra",
        "DEEPINFRA_API_KEY",
        "https://api.deepinfra.com/v1/openai",
    ),
    known(
        "nebius",
        "NEBIUS_API_KEY",
        "https://api.tokenfactory.nebius.com/v1",
    ),
    known(
        "novita",
        "NOVITA_API_KEY",
        "https://api.novita.ai/openai/v1",
    ),
];

/// Every provider that is known by name.
pub fn known_providers() -> &'static [KnownProvider] {
    KNOWN
}

/// The known provider of this name.
pub fn known_provider(name: &str) -> Option<&'static KnownProvider> {
    KNOWN.iter().find(|provider| provider.name == name)
}

//! The providers this proxy holds credentials for, and where they are.

use std::sync::Arc;

use http::{HeaderValue, Uri};

use crate::{call::Endpoint, config, upstream::RetryBudget};

/// A provider whose OpenAI-compatible API is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownProvider {
    pub name: &'static str,
    /// The environment variable its key is usually in.
    pub env_var: &'static str,
    pub base_url: &'static str,
}

const fn known(name: &'static str, env_var: &'static str, base_url: &'static str) -> KnownProvider {
    KnownProvider {
        name,
        env_var,
        base_url,
    }
}

static KNOWN: &[KnownProvider] = &[
    known("openai", "OPENAI_API_KEY", "https://api.openai.com/v1"),
    known(
        "anthropic",
        "ANTHROPIC_API_KEY",
        "https://api.anthropic.com/v1",
    ),
    known(
        "gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
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
    known(
        "cohere",
        "COHERE_API_KEY",
        "https://api.cohere.ai/compatibility/v1",
    ),
    known("ai21", "AI21_API_KEY", "https://api.ai21.com/studio/v1"),
    known(
        "deepinfra",
        "DEEPINFRA_API_KEY",
        "https://api.deepinfra.com/v1/openai",
    ),
    known(
        "nebius",
        "NEBIUS_API_KEY",
        "https://api.studio.nebius.com/v1",
    ),
    known(
        "novita",
        "NOVITA_API_KEY",
        "https://api.novita.ai/v3/openai",
    ),
];

/// Their APIs refuse a body with `stream_options`, and report usage in the last chunk anyway.
const REFUSE_STREAM_OPTIONS: [&str; 1] = ["mistral"];

/// Every provider that needs no `base_url`.
pub fn known_providers() -> &'static [KnownProvider] {
    KNOWN
}

/// The known provider of this name.
pub fn known_provider(name: &str) -> Option<&'static KnownProvider> {
    KNOWN.iter().find(|provider| provider.name == name)
}

/// One provider that can be called.
#[derive(Debug)]
pub struct Provider {
    name: Box<str>,
    chat: Uri,
    embeddings: Uri,
    /// Marked sensitive, so that it is never shown; none where the server asks for no key.
    authorization: Option<HeaderValue>,
    pub(crate) retries: RetryBudget,
    /// Whether it can be asked for the usage of a stream.
    pub(crate) stream_usage: bool,
}

impl Provider {
    /// As in `provider/model`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where an endpoint is.
    pub fn uri(&self, endpoint: Endpoint) -> &Uri {
        match endpoint {
            Endpoint::Chat => &self.chat,
            Endpoint::Embeddings => &self.embeddings,
        }
    }

    /// The header that replaces the caller's.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

/// A provider whose configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProvider {
    #[error("base url {url:?} of provider {name}: {source}")]
    Url {
        name: String,
        url: String,
        source: http::uri::InvalidUri,
    },
    #[error("the key of provider {0} has characters that a header cannot hold")]
    Key(String),
}

/// The providers with credentials, few enough to search in order.
#[derive(Debug, Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// Reads the configuration. A known provider without a key is left out: it could only answer 401.
    pub fn new(configured: &[config::Provider]) -> Result<Self, InvalidProvider> {
        let usable = |p: &&config::Provider| p.api_key.is_some() || p.base_url.is_some();
        configured
            .iter()
            .filter(usable)
            .map(|p| build(p).map(Arc::new))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The provider of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| *provider.name == *name)
    }

    /// The single one, where there is only one.
    pub fn only(&self) -> Option<&Arc<Provider>> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Where they are.
    pub fn addresses(&self) -> impl Iterator<Item = Uri> {
        self.0.iter().map(|provider| provider.chat.clone())
    }

    /// All names, in the order of the configuration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|provider| provider.name())
    }
}

fn build(configured: &config::Provider) -> Result<Provider, InvalidProvider> {
    let name = configured.name.as_str();
    let base = match (&configured.base_url, known_provider(name)) {
        (Some(url), _) => url.as_str(),
        (None, Some(known)) => known.base_url,
        (None, None) => "",
    };
    let base = base.trim_end_matches('/');
    let uri = |path: &str| {
        format!("{base}{path}")
            .parse()
            .map_err(|source| InvalidProvider::Url {
                name: name.to_owned(),
                url: base.to_owned(),
                source,
            })
    };
    let authorization = configured
        .api_key
        .as_ref()
        .map(|key| bearer(name, key.expose()))
        .transpose()?;
    Ok(Provider {
        name: name.into(),
        chat: uri("/chat/completions")?,
        embeddings: uri("/embeddings")?,
        authorization,
        retries: RetryBudget::default(),
        stream_usage: configured
            .stream_usage
            .unwrap_or(!REFUSE_STREAM_OPTIONS.contains(&name)),
    })
}

fn bearer(name: &str, key: &str) -> Result<HeaderValue, InvalidProvider> {
    let value = HeaderValue::try_from(format!("Bearer {}", key.trim()));
    let mut value = value.map_err(|_| InvalidProvider::Key(name.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::Secret;

    use super::*;

    fn provider(name: &str, base_url: Option<&str>, key: Option<&str>) -> config::Provider {
        config::Provider {
            name: name.to_owned(),
            base_url: base_url.map(str::to_owned),
            api_key: key.map(Secret::new),
            stream_usage: None,
        }
    }

    #[test]
    fn every_known_provider_has_usable_addresses() {
        for known in known_providers() {
            let providers =
                Providers::new(&[provider(known.name, None, Some("k"))]).expect(known.name);
            let built = providers.get(known.name).expect("configured");
            assert!(
                built
                    .uri(Endpoint::Chat)
                    .path()
                    .ends_with("/chat/completions"),
                "{}",
                known.name
            );
            assert_eq!(built.uri(Endpoint::Chat).scheme_str(), Some("https"));
        }
    }

    #[test]
    fn a_known_provider_without_a_key_is_not_configured_but_a_local_server_is() {
        let list = [
            provider("openai", None, None),
            provider("local", Some("http://h:1/v1/"), None),
        ];
        let providers = Providers::new(&list).expect("valid");
        assert!(providers.get("openai").is_none());
        let local = providers.only().expect("one");
        assert_eq!(
            local.uri(Endpoint::Embeddings).to_string(),
            "http://h:1/v1/embeddings"
        );
        assert!(local.authorization().is_none());
    }

    #[test]
    fn keys_are_never_shown() {
        let providers = Providers::new(&[provider("openai", None, Some("sk-1"))]).expect("valid");
        assert!(!format!("{providers:?}").contains("sk-1"));
        let bad = Providers::new(&[provider("openai", None, Some("sk\n1"))]).expect_err("newline");
        assert!(!bad.to_string().contains("sk"), "{bad}");
    }
}

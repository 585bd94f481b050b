//! The providers this proxy holds credentials for, and where they are.

mod address;
mod batch;
mod credentials;
mod known;
mod stored;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use bytes::Bytes;
use floopy_protocols::{
    ProviderApi, Unsupported,
    chat::dialect,
    embeddings::EmbeddingApi,
    vertex::{self, Publisher},
};
use http::{Uri, uri::PathAndQuery};

pub use self::known::{KnownProvider, known_provider, known_providers};
use self::{address::Address, known::Paths};
pub(crate) use self::{address::Place, batch::BatchApi, credentials::Credentials};
use crate::{
    config,
    upstream::{RetryBudget, breaker::Breakers},
};

/// One provider that can be called.
#[derive(Debug)]
pub struct Provider {
    name: Box<str>,
    address: Address,
    pub(crate) api: ProviderApi,
    /// Its own form of embeddings; none where that is OpenAI's, or where it has none.
    pub(crate) embeddings: Option<EmbeddingApi>,
    /// By whose dialect of that API it is called: its own name, or that of its kind.
    pub(crate) dialect: Box<str>,
    pub(crate) credentials: Credentials,
    /// Whether it speaks OpenAI's Responses itself.
    pub(crate) responses: bool,
    /// Whose publishers' models have APIs of their own.
    is_vertex: bool,
    pub(crate) retries: RetryBudget,
    /// Of its candidates, where its credentials are not those of the configuration.
    breakers: Option<Arc<Breakers>>,
    /// Whether its name may lead into private networks.
    allow_private: bool,
    /// Whether it can be asked for the usage of a stream.
    pub(crate) stream_usage: bool,
}

impl Provider {
    /// As in `provider/model`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of its candidates, where they are its own.
    pub(crate) fn breakers(&self) -> Option<&Arc<Breakers>> {
        self.breakers.as_ref()
    }

    /// By which API it is called for this model: Vertex AI has its publishers' own.
    pub(crate) fn api_of(&self, model: &str) -> Result<ProviderApi, Unsupported> {
        if !self.is_vertex {
            return Ok(self.api);
        }
        let why = "on Vertex AI only models of Google and Anthropic are called by their names; others are at \
                   a provider without a kind, whose base_url ends in /endpoints/openapi";
        let publisher = vertex::publisher(model).map(Publisher::api);
        publisher.ok_or_else(|| Unsupported::new("model", &self.name, why))
    }

    /// A body of Messages that passes as it is, in the form that this provider has for it.
    pub(crate) fn own_messages(&self, body: Bytes) -> Result<Bytes, Unsupported> {
        if !self.is_vertex {
            return Ok(body);
        }
        let body = vertex::claude_body(&body);
        let body = body.map_err(|e| Unsupported::new("the body", &self.name, e.to_string()))?;
        Ok(body.into())
    }

    /// Its server, without any path of its API.
    pub(crate) fn origin(&self) -> Option<Uri> {
        let mut parts = self.address.any()?.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).ok()
    }

    /// Where a call goes. `None`: the model's name cannot be part of an address.
    pub(crate) fn uri(&self, place: Place<'_>) -> Option<Uri> {
        self.address.of(place)
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
    #[error("service_account_file {file:?} of provider {name}: {why}")]
    Account {
        name: String,
        file: PathBuf,
        why: String,
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
        configured
            .iter()
            .filter(|provider| provider.is_usable())
            .map(|p| build(p).map(Arc::new))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The provider of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| *provider.name == *name)
    }

    /// The same, with these in place of those of their names, and behind them.
    pub(crate) fn with(&self, others: Vec<Arc<Provider>>) -> Self {
        let mut all = self.0.clone();
        for other in others {
            match all.iter_mut().find(|held| held.name == other.name) {
                Some(held) => *held = other,
                None => all.push(other),
            }
        }
        Self(all)
    }

    /// The same, but these.
    pub(crate) fn without(&self, names: &BTreeSet<String>) -> Self {
        let kept = self.0.iter().filter(|held| !names.contains(&*held.name));
        Self(kept.cloned().collect())
    }

    /// Of a provider's candidates, where they are its own.
    pub(crate) fn breakers(&self, name: &str) -> Option<&Arc<Breakers>> {
        self.get(name)?.breakers()
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
        self.0.iter().filter_map(|provider| provider.address.any())
    }

    /// The addresses of all that is called, and whether their names may lead into private networks.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (Uri, bool)> {
        self.0.iter().flat_map(|provider| {
            let uris = [provider.address.any(), provider.credentials.uri()];
            let uris = uris.into_iter().flatten();
            uris.map(|uri| (uri, provider.allow_private))
        })
    }

    /// All names, in the order of the configuration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|provider| provider.name())
    }
}

fn build(configured: &config::Provider) -> Result<Provider, InvalidProvider> {
    let credentials = Credentials::read(configured, configured.known())?;
    assemble(configured, credentials, None)
}

/// Puts it together. `breakers`: of its own, where it is not the configured one.
fn assemble(
    configured: &config::Provider,
    credentials: Credentials,
    breakers: Option<Arc<Breakers>>,
) -> Result<Provider, InvalidProvider> {
    let name = configured.name.as_str();
    let known = configured.known();
    let base = configured.base_url.as_deref();
    let base = base.unwrap_or_else(|| known.map_or("", |known| known.base_url));
    let mut placed = configured.clone();
    if placed.project.is_none() {
        placed.project = credentials.project().map(str::to_owned);
    }
    let paths = known.map_or(Paths::OpenAi, |known| known.paths);
    let address = Address::new(&placed, paths, base);
    let address = address.map_err(|source| InvalidProvider::Url {
        name: name.to_owned(),
        url: base.to_owned(),
        source,
    })?;
    let dialect_name = known.map_or(name, |known| known.name);
    Ok(Provider {
        name: name.into(),
        address,
        api: known.map_or(ProviderApi::Chat, |known| known.api),
        embeddings: paths.embeddings(),
        dialect: dialect_name.into(),
        credentials,
        responses: configured.speaks_responses(),
        is_vertex: paths == Paths::Vertex,
        retries: RetryBudget::default(),
        breakers,
        allow_private: configured.allow_private,
        stream_usage: configured
            .stream_usage
            .unwrap_or_else(|| dialect(dialect_name).stream_options),
    })
}

#[cfg(test)]
mod tests {
    use floopy_shared::{
        domain::credential::{Takes, provider_takes},
        process::config::Secret,
    };

    use super::*;
    use crate::call::Endpoint;

    fn chat(provider: &Provider) -> Uri {
        let place = Place {
            endpoint: Endpoint::Chat,
            model: "m",
            stream: false,
        };
        provider.uri(place).expect("an address")
    }

    fn provider(name: &str, base_url: Option<&str>, key: Option<&str>) -> config::Provider {
        config::Provider {
            base_url: base_url.map(str::to_owned),
            api_key: key.map(Secret::new),
            ..config::Provider::named(name)
        }
    }

    #[test]
    fn every_known_provider_has_usable_addresses() {
        for known in known_providers() {
            let configured = config::Provider {
                region: Some("r".into()),
                project: Some("p".into()),
                base_url: known
                    .needs
                    .contains(&"base_url")
                    .then(|| "https://h".into()),
                ..provider(known.name, None, Some("k"))
            };
            let providers = Providers::new(&[configured]).expect(known.name);
            let built = providers.get(known.name).expect("configured");
            assert_eq!(chat(built).scheme_str(), Some("https"), "{}", known.name);
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
        assert_eq!(chat(local).to_string(), "http://h:1/v1/chat/completions");
        assert!(local.credentials.is_none());
    }

    #[test]
    fn on_vertex_a_models_name_says_by_which_api_it_is_called() {
        let configured = config::Provider {
            region: Some("r".into()),
            project: Some("p".into()),
            ..provider("vertex", None, Some("k"))
        };
        let providers = Providers::new(&[configured]).expect("valid");
        let vertex = providers.only().expect("one");
        assert_eq!(vertex.api_of("gemini-2.5-pro"), Ok(ProviderApi::Gemini));
        assert_eq!(vertex.api_of("claude-opus-4-6"), Ok(ProviderApi::Messages));
        let refused = vertex.api_of("meta/llama-3.3-70b-instruct-maas");
        let refused = refused.expect_err("another publisher's").to_string();
        assert!(
            refused.starts_with("model cannot be sent to vertex: on Vertex AI only models of"),
            "{refused}"
        );
    }

    #[test]
    fn what_known_providers_take_is_known_to_whoever_keeps_credentials() {
        for known in known_providers() {
            let expected = match known.paths {
                Paths::Bedrock => Takes::Aws,
                Paths::Vertex => Takes::Google,
                Paths::Azure => Takes::Placed,
                Paths::OpenAi | Paths::Messages | Paths::Cohere | Paths::Gemini => Takes::ApiKey,
            };
            assert_eq!(provider_takes(known.name), Some(expected), "{}", known.name);
        }
        assert_eq!(provider_takes("local"), None);
    }

    #[test]
    fn keys_are_never_shown() {
        let providers = Providers::new(&[provider("openai", None, Some("sk-1"))]).expect("valid");
        assert!(!format!("{providers:?}").contains("sk-1"));
        let bad = Providers::new(&[provider("openai", None, Some("sk\n1"))]).expect_err("newline");
        assert!(!bad.to_string().contains("sk"), "{bad}");
    }
}

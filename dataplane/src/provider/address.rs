//! Where a provider's endpoints are.

use floopy_protocols::{converse, sigv4::encode, vertex};
use http::Uri;

use super::known::Paths;
use crate::{call::Endpoint, config};

/// A provider's endpoints.
#[derive(Debug)]
pub(super) enum Address {
    /// The same for every model.
    Fixed {
        chat: Uri,
        responses: Uri,
        embeddings: Uri,
    },
    /// One for all conversations, and another for what else there is.
    Pair { chat: Uri, other: Uri },
    /// Made of the model's name: the part before it.
    PerModel {
        base: String,
        paths: Paths,
        query: String,
    },
}

/// What a call is for, as far as its address depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The provider's own; a conversation in another form is a chat.
    pub endpoint: Endpoint,
    pub model: &'a str,
    pub stream: bool,
}

impl Address {
    pub(super) fn new(
        configured: &config::Provider,
        paths: Paths,
        base: &str,
    ) -> Result<Self, http::uri::InvalidUri> {
        let setting = |value: &Option<String>| value.clone().unwrap_or_default();
        let base = base.trim_end_matches('/').to_owned();
        let per_model = |base: String| {
            // A base that is no address is refused now, and not by the first call.
            base.parse::<Uri>()?;
            let version = configured.api_version.as_deref();
            let query = version.map_or(String::new(), |version| {
                format!("?api-version={}", encode(version))
            });
            Ok(Self::PerModel { base, paths, query })
        };
        match paths {
            Paths::OpenAi => Self::fixed(&base),
            Paths::Azure if configured.api_version.is_some() => {
                per_model(format!("{base}/openai/deployments"))
            }
            Paths::Azure => Self::fixed(&format!("{base}/openai/v1")),
            Paths::Messages => Ok(Self::Pair {
                chat: format!("{base}/messages").parse()?,
                other: format!("{base}/messages/count_tokens").parse()?,
            }),
            Paths::Cohere => Ok(Self::Pair {
                chat: format!("{base}/chat").parse()?,
                other: format!("{base}/embed").parse()?,
            }),
            Paths::Gemini => per_model(format!("{base}/models")),
            Paths::Vertex => {
                let region = setting(&configured.region);
                let host = match (base.is_empty(), region.as_str()) {
                    (false, _) => base,
                    (true, "global") => "https://aiplatform.googleapis.com".to_owned(),
                    (true, region) => format!("https://{region}-aiplatform.googleapis.com"),
                };
                let project = setting(&configured.project);
                per_model(format!(
                    "{host}/v1/projects/{project}/locations/{region}/publishers"
                ))
            }
            Paths::Bedrock if base.is_empty() => {
                let region = setting(&configured.region);
                per_model(format!("https://bedrock-runtime.{region}.amazonaws.com"))
            }
            Paths::Bedrock => per_model(base),
        }
    }

    fn fixed(base: &str) -> Result<Self, http::uri::InvalidUri> {
        Ok(Self::Fixed {
            chat: format!("{base}/chat/completions").parse()?,
            responses: format!("{base}/responses").parse()?,
            embeddings: format!("{base}/embeddings").parse()?,
        })
    }

    /// What paths of its API are under, where its API is OpenAI's or Anthropic's.
    pub(super) fn base(&self) -> Option<String> {
        let (chat, path) = match self {
            Self::Fixed { chat, .. } => (chat, "/chat/completions"),
            Self::Pair { chat, .. } => (chat, "/messages"),
            Self::PerModel { .. } => return None,
        };
        chat.to_string().strip_suffix(path).map(str::to_owned)
    }

    /// Some address of its host, to keep connections to.
    pub(super) fn any(&self) -> Option<Uri> {
        match self {
            Self::Fixed { chat, .. } | Self::Pair { chat, .. } => Some(chat.clone()),
            Self::PerModel { base, .. } => base.parse().ok(),
        }
    }

    /// `None`: the model's name cannot be part of an address.
    pub(super) fn of(&self, place: Place<'_>) -> Option<Uri> {
        let (base, paths, query) = match self {
            Self::Fixed {
                chat,
                responses,
                embeddings,
            } => {
                let uri = match place.endpoint {
                    Endpoint::Chat | Endpoint::Messages | Endpoint::CountTokens => chat,
                    Endpoint::Responses => responses,
                    Endpoint::Embeddings => embeddings,
                };
                return Some(uri.clone());
            }
            Self::Pair { chat, other } => {
                let uri = match place.endpoint {
                    Endpoint::Chat | Endpoint::Messages | Endpoint::Responses => chat,
                    Endpoint::CountTokens | Endpoint::Embeddings => other,
                };
                return Some(uri.clone());
            }
            Self::PerModel { base, paths, query } => (base, paths, query),
        };
        let is_embeddings = place.endpoint == Endpoint::Embeddings;
        if *paths == Paths::Vertex && !is_embeddings {
            let publisher = vertex::publisher(place.model)?;
            let path = publisher.path(place.model, place.stream);
            return format!("{base}/{path}").parse().ok();
        }
        let model = encode(place.model);
        let uri = match paths {
            Paths::Vertex => format!("{base}/google/models/{model}:predict"),
            Paths::Gemini if is_embeddings => format!("{base}/{model}:batchEmbedContents"),
            Paths::Gemini if place.stream => {
                format!("{base}/{model}:streamGenerateContent?alt=sse")
            }
            Paths::Gemini => format!("{base}/{model}:generateContent"),
            Paths::Bedrock if is_embeddings => format!("{base}/model/{model}/invoke"),
            Paths::Bedrock => format!("{base}{}", converse::path(place.model, place.stream)),
            Paths::OpenAi | Paths::Azure | Paths::Messages | Paths::Cohere if is_embeddings => {
                format!("{base}/{model}/embeddings{query}")
            }
            Paths::OpenAi | Paths::Azure | Paths::Messages | Paths::Cohere => {
                format!("{base}/{model}/chat/completions{query}")
            }
        };
        uri.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &Address, endpoint: Endpoint, stream: bool) -> String {
        let place = Place {
            endpoint,
            model: "m-1",
            stream,
        };
        address.of(place).expect("valid").to_string()
    }

    fn uri(configured: &config::Provider, paths: Paths, base: &str, stream: bool) -> String {
        let address = Address::new(configured, paths, base).expect("valid");
        of(&address, Endpoint::Chat, stream)
    }

    #[test]
    fn what_is_no_conversation_has_paths_of_its_own() {
        let placed = config::Provider {
            region: Some("eu-west-1".into()),
            project: Some("acme".into()),
            ..config::Provider::named("p")
        };
        for (paths, endpoint, expected) in [
            (Paths::OpenAi, Endpoint::Embeddings, "/v1/embeddings"),
            (Paths::Cohere, Endpoint::Embeddings, "/v1/embed"),
            (
                Paths::Messages,
                Endpoint::CountTokens,
                "/v1/messages/count_tokens",
            ),
            (
                Paths::Gemini,
                Endpoint::Embeddings,
                "/v1/models/m-1:batchEmbedContents",
            ),
            (
                Paths::Vertex,
                Endpoint::Embeddings,
                "/v1/v1/projects/acme/locations/eu-west-1/publishers/google/models/m-1:predict",
            ),
            (Paths::Bedrock, Endpoint::Embeddings, "/v1/model/m-1/invoke"),
        ] {
            let address = Address::new(&placed, paths, "https://h/v1").expect("valid");
            assert_eq!(
                of(&address, endpoint, false),
                format!("https://h{expected}")
            );
        }
    }

    #[test]
    fn vertex_has_a_path_for_each_publisher() {
        let placed = config::Provider {
            region: Some("global".into()),
            project: Some("acme".into()),
            ..config::Provider::named("p")
        };
        let address = Address::new(&placed, Paths::Vertex, "").expect("valid");
        let of = |model, stream| {
            let endpoint = Endpoint::Messages;
            let place = Place {
                endpoint,
                model,
                stream,
            };
            address.of(place).map(|uri| uri.to_string())
        };
        let publishers =
            "https://aiplatform.googleapis.com/v1/projects/acme/locations/global/publishers";
        for (model, stream, path) in [
            (
                "claude-opus-4-6",
                false,
                "anthropic/models/claude-opus-4-6:rawPredict",
            ),
            (
                "claude-opus-4-1@20250805",
                true,
                "anthropic/models/claude-opus-4-1%4020250805:streamRawPredict",
            ),
            (
                "gemini-2.5-pro",
                false,
                "google/models/gemini-2.5-pro:generateContent",
            ),
        ] {
            assert_eq!(of(model, stream), Some(format!("{publishers}/{path}")));
        }
        assert_eq!(of("mistral-large-2411", false), None);
    }

    #[test]
    fn each_provider_has_its_own_paths() {
        let plain = config::Provider::named("p");
        let placed = config::Provider {
            region: Some("europe-west4".into()),
            project: Some("acme".into()),
            ..config::Provider::named("p")
        };
        let versioned = config::Provider {
            api_version: Some("2024-10-21".into()),
            ..config::Provider::named("p")
        };
        for (configured, paths, base, stream, expected) in [
            (
                &plain,
                Paths::OpenAi,
                "https://h/v1/",
                true,
                "https://h/v1/chat/completions",
            ),
            (
                &plain,
                Paths::Azure,
                "https://h",
                true,
                "https://h/openai/v1/chat/completions",
            ),
            (
                &versioned,
                Paths::Azure,
                "https://h",
                false,
                "https://h/openai/deployments/m-1/chat/completions?api-version=2024-10-21",
            ),
            (
                &plain,
                Paths::Gemini,
                "https://h/v1beta",
                false,
                "https://h/v1beta/models/m-1:generateContent",
            ),
            (
                &placed,
                Paths::Vertex,
                "",
                true,
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west4/publishers/google/models/m-1:streamGenerateContent?alt=sse",
            ),
            (
                &placed,
                Paths::Bedrock,
                "",
                true,
                "https://bedrock-runtime.europe-west4.amazonaws.com/model/m-1/converse-stream",
            ),
        ] {
            assert_eq!(uri(configured, paths, base, stream), expected);
        }
    }
}

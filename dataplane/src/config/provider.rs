//! An upstream provider: what it is, where it is, and what it is shown.

use std::path::PathBuf;

use floopy_shared::process::config::Secret;
use serde::{Deserialize, Serialize};

use crate::provider::{KnownProvider, known_provider};

/// One upstream provider.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// As in `provider/model`.
    pub name: String,
    /// The known provider whose API it speaks; unsaid, the one of its own name, else OpenAI's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Including the version path, as in `https://api.openai.com/v1`; most known providers need none. Azure's
    /// is that of the resource, as in `https://NAME.openai.azure.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Whether its name may lead to this machine and into private networks. An address that is written out in
    /// `base_url` needs no such word, and neither has `localhost`.
    #[serde(default)]
    pub allow_private: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// The key is a token (of Microsoft Entra ID, say), sent as `authorization: Bearer`, whatever the provider's
    /// keys are sent as.
    #[serde(default)]
    pub bearer: bool,
    /// Whether it speaks OpenAI's Responses API itself; else it is asked by chat completions. On for OpenAI at
    /// its own address and for Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<bool>,
    /// Of Vertex AI and Bedrock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Of Vertex AI; unsaid, the one of the service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The JSON file of a Google service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_file: Option<PathBuf>,
    /// Of AWS, with `secret_access_key` and, where they end, `session_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// Of Azure, for its older API, in which the model is a deployment's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Whether streams are asked for their usage (`stream_options.include_usage`), by which their cost is
    /// known; callers see it only if they asked for it. On, except for providers known to refuse the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_usage: Option<bool>,
}

impl Provider {
    /// One of this name, about which nothing else is said.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The known provider whose API it speaks.
    pub fn known(&self) -> Option<&'static KnownProvider> {
        known_provider(self.kind.as_deref().unwrap_or(&self.name))
    }

    /// Whether it is asked by OpenAI's Responses API where its caller asks so.
    pub fn speaks_responses(&self) -> bool {
        let is_openai = match self.known().map(|known| known.name) {
            Some("openai") => self.base_url.is_none(),
            Some("azure") => self.api_version.is_none(),
            Some(_) | None => false,
        };
        self.responses.unwrap_or(is_openai)
    }

    /// Whether it has credentials.
    pub fn has_credentials(&self) -> bool {
        self.api_key.is_some()
            || self.service_account_file.is_some()
            || self.access_key_id.is_some()
    }

    /// Whether it can be called. A known provider without credentials could only answer that it wants some.
    pub fn is_usable(&self) -> bool {
        let is_placed = self
            .known()
            .is_some_and(|known| known.needs.contains(&"base_url"));
        self.has_credentials() || (self.base_url.is_some() && !is_placed)
    }
}

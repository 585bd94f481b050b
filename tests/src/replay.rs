//! A provider played by a local server that is strict: what its API would not take fails the call and the test.

#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod chat;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod cohere;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod converse;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod count;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod embeddings;
mod failures;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod gemini;
mod head;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod messages;
#[allow(
    dead_code,
    reason = "a field that may be there counts, whatever it says"
)]
mod responses;
mod serve;
mod talk;
mod vertex;
mod wants;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex},
};

use http::request::Parts;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use self::talk::Asked;
pub use self::{chat::dialects::Dialects, failures::Failures};
use crate::Settings;

/// Whose API is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    /// Asked by Responses where its caller asks so.
    OpenAiResponses,
    /// By deployment.
    Azure,
    AzureV1,
    Mistral,
    Anthropic,
    Gemini,
    VertexGemini,
    VertexClaude,
    Bedrock,
    Cohere,
}

const REGION: &str = "eu-west-1";
const KEY_ID: &str = "AKIDEXAMPLE";
const KEY: &str = "sk-up";
/// Of Azure.
const VERSION: &str = "2024-10-21";

/// A reply, whole or streamed.
struct Answer {
    content_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    fn json(body: &Value) -> Self {
        Self {
            content_type: "application/json",
            body: body.to_string().into(),
        }
    }

    fn events(body: String) -> Self {
        Self {
            content_type: "text/event-stream",
            body: body.into(),
        }
    }
}

impl Provider {
    /// As it is called in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses => "openai",
            Self::Azure | Self::AzureV1 => "azure",
            Self::Mistral => "mistral",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::VertexGemini | Self::VertexClaude => "vertex",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
        }
    }

    /// As the client scripts call it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::OpenAiResponses => "openai_responses",
            Self::AzureV1 => "azure_v1",
            Self::VertexGemini => "vertex_gemini",
            Self::VertexClaude => "vertex_claude",
            Self::OpenAi
            | Self::Azure
            | Self::Mistral
            | Self::Anthropic
            | Self::Gemini
            | Self::Bedrock
            | Self::Cohere => self.name(),
        }
    }

    /// The only model that it has.
    pub fn model(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses => "gpt-4.1",
            Self::Azure | Self::AzureV1 => "gpt-deployment",
            Self::Mistral => "mistral-large-latest",
            Self::Anthropic => "claude-sonnet-4-5",
            Self::Gemini | Self::VertexGemini => "gemini-3-flash-preview",
            Self::VertexClaude => "claude-sonnet-4-6",
            Self::Bedrock => "anthropic.claude-sonnet-4-5-20250929-v1:0",
            Self::Cohere => "command-a-03-2025",
        }
    }

    fn base_path(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses | Self::Mistral | Self::Anthropic => "/v1",
            Self::Gemini => "/v1beta",
            Self::Cohere => "/v2",
            Self::Azure
            | Self::AzureV1
            | Self::VertexGemini
            | Self::VertexClaude
            | Self::Bedrock => "",
        }
    }

    fn credentials(self, addr: SocketAddr, folder: &Path) -> String {
        match self {
            Self::Bedrock => format!(
                "region = \"{REGION}\"\naccess_key_id = \"{KEY_ID}\"\nsecret_access_key = \"{KEY}\""
            ),
            Self::Azure => format!("api_version = \"{VERSION}\"\napi_key = \"{KEY}\""),
            Self::OpenAiResponses => format!("responses = true\napi_key = \"{KEY}\""),
            Self::VertexGemini | Self::VertexClaude => vertex::credentials(addr, folder),
            Self::OpenAi
            | Self::AzureV1
            | Self::Mistral
            | Self::Anthropic
            | Self::Gemini
            | Self::Cohere => {
                format!("api_key = \"{KEY}\"")
            }
        }
    }

    /// What a body asks for, or why its API does not take it.
    fn read(self, body: &[u8]) -> Result<Asked, String> {
        match self {
            Self::OpenAi | Self::OpenAiResponses | Self::Azure | Self::AzureV1 => chat::read(body),
            Self::Mistral => chat::read_mistral(body),
            Self::Anthropic | Self::VertexClaude => messages::read(body),
            Self::Gemini | Self::VertexGemini => gemini::read(body),
            Self::Bedrock => converse::read(body),
            Self::Cohere => cohere::read(body),
        }
    }

    fn answer(self, asked: &Asked, streamed: bool) -> Answer {
        match (self, streamed) {
            (Self::Mistral, true) => Answer::events(chat::stream_mistral(asked)),
            (
                Self::OpenAi | Self::OpenAiResponses | Self::Azure | Self::AzureV1 | Self::Mistral,
                false,
            ) => Answer::json(&chat::whole(asked)),
            (Self::OpenAi | Self::OpenAiResponses | Self::Azure | Self::AzureV1, true) => {
                Answer::events(chat::stream(asked))
            }
            (Self::Anthropic | Self::VertexClaude, false) => Answer::json(&messages::whole(asked)),
            (Self::Anthropic | Self::VertexClaude, true) => Answer::events(messages::stream(asked)),
            (Self::Gemini | Self::VertexGemini, false) => Answer::json(&gemini::whole(asked)),
            (Self::Gemini | Self::VertexGemini, true) => Answer::events(gemini::stream(asked)),
            (Self::Bedrock, false) => Answer::json(&converse::whole(asked)),
            (Self::Bedrock, true) => Answer {
                content_type: "application/vnd.amazon.eventstream",
                body: converse::stream(asked),
            },
            (Self::Cohere, false) => Answer::json(&cohere::whole(asked)),
            (Self::Cohere, true) => Answer::events(cohere::stream(asked)),
        }
    }

    /// The status and body by which it refuses a request.
    fn refusal(self, why: &str) -> (u16, Value) {
        match self {
            Self::OpenAi | Self::OpenAiResponses | Self::Azure | Self::AzureV1 => (
                400,
                json!({"error": {"message": why, "type": "invalid_request_error", "param": null, "code": null}}),
            ),
            Self::Mistral => (
                422,
                json!({"object": "error", "message": {"detail": [{"type": "extra_forbidden", "msg": why}]},
                    "type": "invalid_request_error", "param": null, "code": null}),
            ),
            Self::Anthropic | Self::VertexClaude => (
                400,
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": why}}),
            ),
            Self::Gemini | Self::VertexGemini => (
                400,
                json!({"error": {"code": 400, "message": why, "status": "INVALID_ARGUMENT"}}),
            ),
            Self::Bedrock => (400, json!({"message": why})),
            Self::Cohere => (400, json!({"id": "e-1", "message": why})),
        }
    }
}

/// What the server and the test share.
#[derive(Debug)]
struct Shared {
    provider: Provider,
    refused: Mutex<Vec<String>>,
}

/// A running provider; stops when dropped.
#[derive(Debug)]
pub struct Replay {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// For files that its configuration names.
    folder: TempDir,
    _server: AbortOnDropHandle<()>,
}

impl Replay {
    /// Listens on a free port.
    pub async fn start(provider: Provider) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            provider,
            refused: Mutex::default(),
        });
        let played = Arc::clone(&shared);
        let server = tokio::spawn(serve::accept(
            listener,
            Arc::new(move |parts: &Parts, body: &[u8]| serve::answer(&played, parts, body)),
        ));
        Self {
            addr,
            shared,
            folder: tempfile::tempdir().expect("a folder"),
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// A system with this provider as its only one.
    pub fn settings(&self) -> Settings {
        let provider = self.shared.provider;
        let base_url = format!("http://{}{}", self.addr, provider.base_path());
        let models = [provider.model().to_owned()];
        Settings::for_models(provider.name(), &base_url, &models)
            .credentials(&provider.credentials(self.addr, self.folder.path()))
    }

    /// Why calls were refused, in their order.
    pub fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().expect("not poisoned").clone()
    }
}

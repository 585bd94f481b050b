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
mod serve;
mod talk;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use self::talk::Asked;
use crate::Settings;

/// Whose API is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Azure,
    Mistral,
    Anthropic,
    Gemini,
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
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Mistral => "mistral",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
        }
    }

    /// The only model that it has.
    pub fn model(self) -> &'static str {
        match self {
            Self::OpenAi => "gpt-4.1",
            Self::Azure => "gpt-deployment",
            Self::Mistral => "mistral-large-latest",
            Self::Anthropic => "claude-sonnet-4-5",
            Self::Gemini => "gemini-3-flash-preview",
            Self::Bedrock => "anthropic.claude-sonnet-4-5-20250929-v1:0",
            Self::Cohere => "command-a-03-2025",
        }
    }

    fn base_path(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Mistral | Self::Anthropic => "/v1",
            Self::Gemini => "/v1beta",
            Self::Cohere => "/v2",
            Self::Azure | Self::Bedrock => "",
        }
    }

    fn credentials(self) -> String {
        match self {
            Self::Bedrock => format!(
                "region = \"{REGION}\"\naccess_key_id = \"{KEY_ID}\"\nsecret_access_key = \"{KEY}\""
            ),
            Self::Azure => format!("api_version = \"{VERSION}\"\napi_key = \"{KEY}\""),
            Self::OpenAi | Self::Mistral | Self::Anthropic | Self::Gemini | Self::Cohere => {
                format!("api_key = \"{KEY}\"")
            }
        }
    }

    /// What a body asks for, or why its API does not take it.
    fn read(self, body: &[u8]) -> Result<Asked, String> {
        match self {
            Self::OpenAi | Self::Azure => chat::read(body),
            Self::Mistral => chat::read_mistral(body),
            Self::Anthropic => messages::read(body),
            Self::Gemini => gemini::read(body),
            Self::Bedrock => converse::read(body),
            Self::Cohere => cohere::read(body),
        }
    }

    fn answer(self, asked: &Asked, streamed: bool) -> Answer {
        match (self, streamed) {
            (Self::OpenAi | Self::Azure | Self::Mistral, false) => {
                Answer::json(&chat::whole(asked))
            }
            (Self::OpenAi | Self::Azure, true) => Answer::events(chat::stream(asked)),
            (Self::Mistral, true) => Answer::events(chat::stream_mistral(asked)),
            (Self::Anthropic, false) => Answer::json(&messages::whole(asked)),
            (Self::Anthropic, true) => Answer::events(messages::stream(asked)),
            (Self::Gemini, false) => Answer::json(&gemini::whole(asked)),
            (Self::Gemini, true) => Answer::events(gemini::stream(asked)),
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
            Self::OpenAi | Self::Azure => (
                400,
                json!({"error": {"message": why, "type": "invalid_request_error", "param": null, "code": null}}),
            ),
            Self::Mistral => (
                422,
                json!({"object": "error", "message": {"detail": [{"type": "extra_forbidden", "msg": why}]},
                    "type": "invalid_request_error", "param": null, "code": null}),
            ),
            Self::Anthropic => (
                400,
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": why}}),
            ),
            Self::Gemini => (
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
        let server = tokio::spawn(serve::accept(listener, Arc::clone(&shared)));
        Self {
            addr,
            shared,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// A system with this provider as its only one.
    pub fn settings(&self) -> Settings {
        let provider = self.shared.provider;
        let base_url = format!("http://{}{}", self.addr, provider.base_path());
        let models = [provider.model().to_owned()];
        Settings::for_models(provider.name(), &base_url, &models)
            .credentials(&provider.credentials())
    }

    /// Why calls were refused, in their order.
    pub fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().expect("not poisoned").clone()
    }
}

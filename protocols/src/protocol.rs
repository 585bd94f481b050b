//! Which API a caller speaks and which a provider does, and the translation between any two of them.

mod calls;

use self::calls::Calls;
pub(crate) use self::calls::is_whole;
use crate::{
    ApiError, EventReader, EventWriter, Invalid, InvalidReply, Reply, Request, Target, Unsupported,
    Written, chat, cohere, converse, gemini, messages, names::in_callers_words, responses,
};

/// The API that a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CallerApi {
    /// OpenAI's chat completions.
    #[default]
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Responses.
    Responses,
}

/// The API that a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderApi {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// Cohere's chat, version 2.
    Cohere,
    /// Google's `generateContent`.
    Gemini,
    /// AWS Bedrock's Converse.
    Converse,
}

impl CallerApi {
    pub fn read_request(self, body: &[u8]) -> Result<Request, Invalid> {
        match self {
            Self::Chat => chat::read_request(body),
            Self::Messages => messages::read_request(body),
            Self::Responses => responses::read_request(body),
        }
    }

    /// Writes the reply that answers this request.
    pub fn write_reply(self, request: &Request, reply: &Reply) -> Vec<u8> {
        match self {
            Self::Chat => chat::write_reply(reply),
            Self::Messages => messages::write_reply(reply),
            Self::Responses => responses::write_reply_to(request, reply),
        }
    }

    /// Writes the stream that answers this request.
    pub fn event_writer(self, request: &Request) -> Box<dyn EventWriter> {
        match self {
            Self::Chat => Box::new(chat::EventWriter::new(request.stream_usage)),
            Self::Messages => Box::new(messages::EventWriter::new()),
            Self::Responses => Box::new(responses::EventWriter::new(request)),
        }
    }

    /// Status and body.
    pub fn write_error(self, error: &ApiError) -> (u16, Vec<u8>) {
        match self {
            Self::Chat => chat::write_error(error),
            Self::Messages => messages::write_error(error),
            Self::Responses => responses::write_error(error),
        }
    }

    pub fn read_reply(self, body: &[u8]) -> Result<Reply, InvalidReply> {
        match self {
            Self::Chat => chat::read_reply(body),
            Self::Messages => messages::read_reply(body),
            Self::Responses => responses::read_reply(body),
        }
    }

    /// What went wrong, as somebody says it who answers in this API.
    pub fn read_error(self, status: u16, body: &[u8]) -> ApiError {
        match self {
            Self::Chat | Self::Responses => chat::read_error(status, body),
            Self::Messages => messages::read_error(status, body),
        }
    }

    /// Whether this body is an error as the packages of this API read one.
    pub fn is_error(self, body: &[u8]) -> bool {
        match self {
            Self::Chat | Self::Responses => chat::is_error(body),
            Self::Messages => messages::is_error(body),
        }
    }
}

impl ProviderApi {
    /// Whether the caller's bytes can be sent as they are.
    pub fn is(self, caller: CallerApi) -> bool {
        match (self, caller) {
            (Self::Chat, CallerApi::Chat) | (Self::Messages, CallerApi::Messages) => true,
            (Self::Chat, CallerApi::Messages | CallerApi::Responses)
            | (Self::Messages, CallerApi::Responses)
            | (Self::Messages, CallerApi::Chat)
            | (Self::Cohere | Self::Gemini | Self::Converse, _) => false,
        }
    }

    /// Fields that are refused or let go have the names that the caller's API gives them.
    pub fn write_request(
        self,
        request: &Request,
        target: Target<'_>,
    ) -> Result<Written, Unsupported> {
        let written = match self {
            Self::Chat => chat::write_request(request, target),
            Self::Messages => messages::write_request(request, target),
            Self::Cohere => cohere::write_request(request, target),
            Self::Gemini => gemini::write_request(request, target),
            Self::Converse => converse::write_request(request, target),
        };
        in_callers_words(request, written)
    }

    pub fn read_reply(self, body: &[u8]) -> Result<Reply, InvalidReply> {
        match self {
            Self::Chat => chat::read_reply(body),
            Self::Messages => messages::read_reply(body),
            Self::Cohere => cohere::read_reply(body),
            Self::Gemini => gemini::read_reply(body),
            Self::Converse => converse::read_reply(body),
        }
    }

    pub fn event_reader(self) -> Box<dyn EventReader> {
        match self {
            Self::Chat => Box::new(Calls::of(chat::EventReader::default())),
            Self::Messages => Box::new(Calls::of(messages::EventReader::default())),
            Self::Cohere => Box::new(Calls::of(cohere::EventReader::default())),
            Self::Gemini => Box::new(Calls::of(gemini::EventReader::default())),
            Self::Converse => Box::new(Calls::of(converse::EventReader::default())),
        }
    }

    /// Whether its streams are framed as AWS does it, and not as server-sent events.
    pub fn is_binary(self) -> bool {
        match self {
            Self::Converse => true,
            Self::Chat | Self::Messages | Self::Cohere | Self::Gemini => false,
        }
    }

    /// What went wrong. `error_type`: what the `x-amzn-errortype` header says, where there is one.
    pub fn read_error(self, status: u16, error_type: Option<&str>, body: &[u8]) -> ApiError {
        match self {
            Self::Chat => chat::read_error(status, body),
            Self::Messages => messages::read_error(status, body),
            Self::Cohere => cohere::read_error(status, body),
            Self::Gemini => gemini::read_error(status, body),
            Self::Converse => converse::read_error(status, error_type, body),
        }
    }
}

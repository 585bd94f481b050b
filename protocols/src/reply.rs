//! What a model answered, whatever API brought it.

use crate::{
    error::{ApiError, ErrorKind},
    json::{Field, Json},
    request::Part,
};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The provider's.
    pub id: String,
    pub model: String,
    /// Seconds since 1970; `None` where the provider does not say.
    pub created: Option<u64>,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
    /// What only the provider's API has a word for.
    pub rest: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    pub index: u32,
    /// Text, refusals, thoughts and tool calls, in their order.
    pub parts: Vec<Part>,
    pub finish: Option<Finish>,
    /// OpenAI's form: `{"content":[…],"refusal":[…]}`.
    pub logprobs: Option<Json>,
}

/// Why a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    Stop,
    /// At one of the caller's stop sequences; which, where the provider says.
    StopSequence(Option<String>),
    /// At the caller's limit of tokens.
    Length,
    /// The model's context window is full.
    ContextLength,
    ToolCalls,
    /// The provider's filter cut it.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn; sending the reply back goes on with it.
    Paused,
    /// The provider gave up, such as on a malformed tool call; its own word.
    Failed(String),
}

impl Finish {
    /// The provider's word, where it gave up.
    pub fn failed(&self) -> Option<&str> {
        match self {
            Self::Failed(word) => Some(word),
            Self::Stop
            | Self::StopSequence(_)
            | Self::Length
            | Self::ContextLength
            | Self::ToolCalls
            | Self::ContentFilter
            | Self::Refusal
            | Self::Paused => None,
        }
    }

    /// What a caller is told of a reply that ended so, if nobody can use it.
    pub(crate) fn failure(&self) -> Option<ApiError> {
        self.failed().map(|word| ApiError {
            kind: ErrorKind::Server,
            message: format!("the provider gave up with {word:?}"),
            code: None,
            param: None,
        })
    }
}

/// Tokens. `input` counts all of the prompt: read from a cache, written to it, and neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input: u64,
    /// Of `input`, read from the provider's cache.
    pub cached_input: u64,
    /// Of `input`, written to the provider's cache.
    pub cache_write: u64,
    pub output: u64,
    /// Of `output`, thoughts.
    pub reasoning: u64,
}

//! A reply as it is written, piece by piece.

use crate::{
    error::ApiError,
    json::Json,
    reply::{Finish, Usage},
};

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first; comes once.
    Start {
        id: String,
        model: String,
        created: Option<u64>,
    },
    /// More of a part. Parts of a choice are numbered from 0 in the order in which they begin; a part begins
    /// with its first delta, and the next part's beginning need not end it (tool calls may interleave).
    Delta {
        choice: u32,
        part: u32,
        delta: Delta,
    },
    /// OpenAI's form.
    Logprobs {
        choice: u32,
        logprobs: Json,
    },
    Finish {
        choice: u32,
        finish: Finish,
    },
    /// So far; the last one counts. Providers send it once or several times.
    Usage(Usage),
    /// The provider failed in the middle. Nothing follows.
    Error(ApiError),
    /// The provider said that this is all.
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    Text(String),
    Refusal(String),
    Thinking(String),
    /// Of the part: see `Part::signature`. Comes whole.
    Signature(String),
    /// Whole; no other delta has its number.
    RedactedThinking(String),
    /// Begins a tool call.
    ToolCall {
        id: String,
        name: String,
    },
    /// More of the call's arguments.
    Arguments(String),
}

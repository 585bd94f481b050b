//! OpenAI chat completions (<https://platform.openai.com/docs/api-reference/chat>), which most providers speak
//! too, each in a [`Dialect`] of its own.
//!
//! Beyond OpenAI's own fields, what servers that speak it have agreed on is read and written:
//! `reasoning_content` for thoughts, `thinking_blocks` for thoughts with their signatures,
//! `extra_content.google.thought_signature` on tool calls, `cache_control` on parts.

mod dialect;
mod error;
mod events;
mod read;
mod reply;
mod usage;
mod write;

pub use self::{
    dialect::{Dialect, dialect},
    error::{is_error, read_error, write_error},
    events::{EventReader, EventWriter},
    read::read_request,
    reply::{read_reply, write_reply},
    write::write_request,
};

use crate::reply::Finish;

/// OpenAI's word for how a reply ended.
fn finish_word(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Paused | Finish::Failed(_) => "stop",
        Finish::Length | Finish::ContextLength => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
    }
}

/// What a provider's word means. `model_length`, `error`: Mistral's; `eos`: Together's;
/// `insufficient_system_resource`: DeepSeek's.
fn read_finish(word: &str) -> Finish {
    match word {
        "stop" | "eos" => Finish::Stop,
        "length" => Finish::Length,
        "model_length" => Finish::ContextLength,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        other => Finish::Failed(other.to_owned()),
    }
}

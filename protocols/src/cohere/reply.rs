//! A whole reply.

use serde::Deserialize;

use super::{
    read_finish,
    wire::{LogprobItem, WireUsage, logprobs},
};
use crate::{
    error::InvalidReply,
    json::{At, Field, Json},
    reply::{Choice, Reply},
    request::{Content, Part},
};

#[derive(Deserialize)]
struct WireReply {
    id: String,
    finish_reason: String,
    message: Message,
    usage: Option<WireUsage>,
    logprobs: Option<Vec<LogprobItem>>,
}

#[derive(Deserialize)]
struct Message {
    tool_plan: Option<String>,
    content: Option<Vec<Said>>,
    tool_calls: Option<Vec<Call>>,
    citations: Option<Json>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Text { text: String },
    Thinking { thinking: String },
}

#[derive(Deserialize)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads a reply. Citations, which only Cohere has, stand in its `rest`.
pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let reply: WireReply = serde_json::from_slice(body)
        .map_err(|e| InvalidReply(format!("a reply that cannot be read: {e}")))?;
    let citations = reply.message.citations.clone();
    let rest = citations.map(|value| Field {
        name: "citations".to_owned(),
        at: At("message.citations".to_owned()),
        value,
    });
    let choice = Choice {
        index: 0,
        parts: parts(reply.message),
        finish: Some(read_finish(&reply.finish_reason)),
        logprobs: reply.logprobs.and_then(|items| logprobs(&items)),
    };
    Ok(Reply {
        id: reply.id,
        model: String::new(),
        created: None,
        choices: vec![choice],
        usage: reply.usage.and_then(WireUsage::read),
        rest: rest.into_iter().collect(),
    })
}

/// In the order in which a stream brings them.
fn parts(message: Message) -> Vec<Part> {
    let plan = message.tool_plan.map(Content::Thinking);
    let said = message.content.into_iter().flatten();
    let said = said.map(|said| match said {
        Said::Text { text } => Content::Text(text),
        Said::Thinking { thinking } => Content::Thinking(thinking),
    });
    let calls = message.tool_calls.into_iter().flatten();
    let calls = calls.map(|call| Content::ToolCall {
        id: call.id,
        name: call.function.name,
        arguments: call.function.arguments,
    });
    let parts = plan.into_iter().chain(said).chain(calls);
    parts
        .filter(|content| !is_empty(content))
        .map(Part::new)
        .collect()
}

fn is_empty(content: &Content) -> bool {
    matches!(content, Content::Text(text) | Content::Thinking(text) if text.is_empty())
}

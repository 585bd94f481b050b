//! The conversation: blocks of content in turns.

use serde_json::value::RawValue;

use super::{
    Writing,
    media::{audio, document, image},
    tools::{check_id, check_name},
};
use crate::{
    converse::{
        model::Family,
        wire::{Block, Message as WireMessage, Thought, ToolResult, ToolUse},
    },
    error::Unsupported,
    request::{Content, Message, Part, Role},
};

pub(super) fn system<'a>(
    instructions: &'a [Message],
    writing: &mut Writing<'_>,
) -> Result<Vec<Block<'a>>, Unsupported> {
    let mut blocks = Vec::new();
    for message in instructions {
        refuse_name(message, writing)?;
        for part in &message.parts {
            instruction(part, writing, &mut blocks)?;
        }
    }
    Ok(blocks)
}

pub(super) fn conversation<'a>(
    messages: &'a [Message],
    writing: &mut Writing<'_>,
) -> Result<Vec<WireMessage<'a>>, Unsupported> {
    let mut turns: Vec<WireMessage<'a>> = Vec::new();
    for message in messages {
        refuse_name(message, writing)?;
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let content = blocks(message, writing)?;
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            // All that it said was dropped by rule.
            Some(_) | None if content.is_empty() => {}
            Some(_) | None => turns.push(WireMessage { role, content }),
        }
    }
    Ok(turns)
}

fn refuse_name(message: &Message, writing: &Writing<'_>) -> Result<(), Unsupported> {
    match &message.name {
        None => Ok(()),
        Some(_) => {
            let why = "its API has no names of participants";
            Err(writing.refuse(format!("{}.name", message.at), why))
        }
    }
}

fn blocks<'a>(
    message: &'a Message,
    writing: &mut Writing<'_>,
) -> Result<Vec<Block<'a>>, Unsupported> {
    let says_nothing =
        |part: &Part| matches!(&part.content, Content::Text(text) if text.is_empty());
    if message.parts.iter().all(says_nothing) {
        let why = "its API takes no message without content";
        return Err(writing.refuse(message.at.0.clone(), why));
    }
    let mut blocks = Vec::new();
    for part in &message.parts {
        match message.role {
            Role::System | Role::Developer => instruction(part, writing, &mut blocks)?,
            Role::User | Role::Tool | Role::Assistant => block(part, writing, &mut blocks)?,
        }
    }
    Ok(blocks)
}

fn instruction<'a>(
    part: &'a Part,
    writing: &mut Writing<'_>,
    out: &mut Vec<Block<'a>>,
) -> Result<(), Unsupported> {
    if part.content.as_text().is_some() {
        return block(part, writing, out);
    }
    Err(writing.refuse(part.at.0.clone(), "instructions are text there"))
}

fn block<'a>(
    part: &'a Part,
    writing: &mut Writing<'_>,
    out: &mut Vec<Block<'a>>,
) -> Result<(), Unsupported> {
    let at = part.at.0.as_str();
    let block = match &part.content {
        Content::Text(text) | Content::Refusal(text) => {
            (!text.is_empty()).then_some(Block::Text(text))
        }
        Content::Image(media) => Some(Block::Image(image(media, at, writing)?)),
        Content::Audio(media) => Some(Block::Audio(audio(media, at, writing)?)),
        Content::Document(media) => Some(Block::Document(document(media, at, writing)?)),
        Content::ToolCall {
            id,
            name,
            arguments,
        } => {
            check_id(id, at, writing)?;
            check_name(name, at, writing)?;
            Some(Block::ToolUse(ToolUse {
                tool_use_id: id,
                name,
                input: input(arguments, at, writing)?,
            }))
        }
        Content::ToolResult {
            call_id,
            parts,
            is_error,
        } => {
            check_id(call_id, at, writing)?;
            Some(Block::ToolResult(ToolResult {
                tool_use_id: call_id,
                content: result(parts, writing)?,
                status: is_error.then_some("error"),
            }))
        }
        Content::Thinking(text) => thought(text, part, writing),
        Content::RedactedThinking => redacted(part, writing),
    };
    let is_thought = matches!(
        part.content,
        Content::Thinking(_) | Content::RedactedThinking
    );
    if part.signature.is_some() && !is_thought {
        // Another family's: this API signs only thoughts.
        writing.drop(at, "signature");
    }
    out.extend(block);
    let point = writing.cache_point(part.cache, at);
    out.extend(point.map(Block::CachePoint));
    Ok(())
}

/// An object: a call without arguments has one with nothing in it.
fn input<'a>(
    arguments: &'a str,
    at: &str,
    writing: &Writing<'_>,
) -> Result<&'a RawValue, Unsupported> {
    let text = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    let raw: Option<&RawValue> = serde_json::from_str(text).ok();
    let object = raw.filter(|raw| raw.get().starts_with('{'));
    object.ok_or_else(|| writing.refuse(at, "the call's arguments are not a JSON object"))
}

/// What a tool answered. Its parts cannot be cached one by one.
fn result<'a>(parts: &'a [Part], writing: &mut Writing<'_>) -> Result<Vec<Block<'a>>, Unsupported> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        let at = part.at.0.as_str();
        if part.cache.is_some() {
            writing.drop(at, "cache_control");
        }
        match &part.content {
            Content::Text(text) if text.is_empty() => {}
            Content::Text(text) => out.push(Block::Text(text)),
            Content::Image(media) => out.push(Block::Image(image(media, at, writing)?)),
            Content::Document(media) => out.push(Block::Document(document(media, at, writing)?)),
            Content::Refusal(_)
            | Content::Audio(_)
            | Content::ToolCall { .. }
            | Content::ToolResult { .. }
            | Content::Thinking(_)
            | Content::RedactedThinking => {
                let why = "a tool's result is text, images and documents there";
                return Err(writing.refuse(at, why));
            }
        }
    }
    Ok(out)
}

/// Claude takes back only thoughts that it signed; `gpt-oss` and Nova sign none, so that a signed one is
/// another family's. The rest take none back.
fn thought<'a>(text: &'a str, part: &'a Part, writing: &mut Writing<'_>) -> Option<Block<'a>> {
    let is_its_own = match writing.family {
        Family::ClaudeBudget | Family::ClaudeAdaptive | Family::Unknown => part.signature.is_some(),
        Family::Nova | Family::GptOss => part.signature.is_none(),
        Family::Other => false,
    };
    if !is_its_own {
        writing.dropped.push(part.at.0.clone());
        return None;
    }
    Some(Block::ReasoningContent(Thought::ReasoningText {
        text,
        signature: part.signature.as_deref(),
    }))
}

fn redacted<'a>(part: &'a Part, writing: &mut Writing<'_>) -> Option<Block<'a>> {
    let content = match writing.family {
        Family::ClaudeBudget | Family::ClaudeAdaptive | Family::Unknown => {
            part.signature.as_deref()
        }
        Family::Nova | Family::GptOss | Family::Other => None,
    };
    if content.is_none() {
        writing.dropped.push(part.at.0.clone());
    }
    content.map(|content| Block::ReasoningContent(Thought::RedactedContent(content)))
}

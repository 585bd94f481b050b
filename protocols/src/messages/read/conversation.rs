//! Instructions and messages.

use super::parts;
use crate::{
    error::Invalid,
    json::{At, Item, Object},
    request::{Content, Message, Part, Role},
};

const CONTENT: &str = "a string or an array of content blocks";

/// The instructions before the conversation, if there are any.
pub(super) fn system(top: &mut Object<'_>) -> Result<Option<Message>, Invalid> {
    let Some(raw) = top.take("system") else {
        return Ok(None);
    };
    let at = top.at_of("system");
    let mut message = Message {
        at: At(at.clone()),
        ..Message::new(Role::System, Vec::new())
    };
    read_content(Item { raw, at }, &mut message)?;
    Ok(Some(message))
}

pub(super) fn messages(top: &mut Object<'_>) -> Result<Vec<Message>, Invalid> {
    let items = top
        .array("messages")?
        .ok_or_else(|| top.missing("messages", "a non-empty array of message objects"))?;
    let mut messages = Vec::with_capacity(items.len());
    for item in items {
        split(message(item.object()?)?, &mut messages);
    }
    Ok(messages)
}

fn message(mut object: Object<'_>) -> Result<Message, Invalid> {
    const ROLE: &str = "user, assistant or system";
    let word = object.required_string("role")?;
    let role = match word.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(Invalid::shown(&object.at_of("role"), &word, ROLE)),
    };
    let mut message = Message {
        at: At(object.at().to_owned()),
        ..Message::new(role, Vec::new())
    };
    let raw = object
        .take("content")
        .ok_or_else(|| object.missing("content", CONTENT))?;
    let at = object.at_of("content");
    read_content(Item { raw, at }, &mut message)?;
    message.rest.extend(object.rest());
    Ok(message)
}

fn read_content(content: Item<'_>, message: &mut Message) -> Result<(), Invalid> {
    if content.is_string() {
        let text = content.string()?;
        message.parts.push(Part::text(text).at(content.at));
        return Ok(());
    }
    let blocks = content
        .items()
        .map_err(|_| Invalid::wrong(&content.at, content.raw.get(), CONTENT))?;
    for block in blocks {
        parts::read(&block, &mut message.parts, &mut message.rest)?;
    }
    Ok(())
}

/// Tool results stand in messages of their own role here, in the same order.
fn split(message: Message, out: &mut Vec<Message>) {
    let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
    if !message.parts.iter().any(is_result) {
        out.push(message);
        return;
    }
    let mut rest = message.rest;
    for run in message.parts.chunk_by(|a, b| is_result(a) == is_result(b)) {
        let role = if is_result(&run[0]) {
            Role::Tool
        } else {
            message.role
        };
        out.push(Message {
            at: message.at.clone(),
            rest: std::mem::take(&mut rest),
            ..Message::new(role, run.to_vec())
        });
    }
}

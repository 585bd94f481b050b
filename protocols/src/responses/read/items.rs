//! What has been said and done so far.

use super::{super::SIGNED, parts};
use crate::{
    error::Invalid,
    json::{At, Field, Item, Object},
    request::{Content, Message, Part, Role},
};

/// The conversation; items that only OpenAI has go to the rest.
pub(super) fn input(top: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Vec<Message>, Invalid> {
    const INPUT: &str = "a string or an array of items";
    let raw = top
        .take("input")
        .ok_or_else(|| top.missing("input", INPUT))?;
    let at = top.at_of("input");
    let input = Item { raw, at };
    if input.is_string() {
        let text = input.string()?;
        return Ok(vec![Message {
            at: At(input.at.clone()),
            ..Message::new(Role::User, vec![Part::text(text).at(input.at)])
        }]);
    }
    let items = input
        .items()
        .map_err(|_| Invalid::wrong(&input.at, raw.get(), INPUT))?;
    let mut messages = Vec::new();
    for item in items {
        match read(&item)? {
            Some(message) => add(message, &mut messages),
            None => rest.push(Field {
                name: item.object()?.string("type")?.unwrap_or_default(),
                at: At(item.at),
                value: item.raw.into(),
            }),
        }
    }
    Ok(messages)
}

/// What the assistant did goes on in one message, and so do the outputs of its calls.
fn add(message: Message, messages: &mut Vec<Message>) {
    let joins = matches!(message.role, Role::Assistant | Role::Tool);
    match messages.last_mut() {
        Some(last) if joins && last.role == message.role => {
            last.parts.extend(message.parts);
            last.rest.extend(message.rest);
        }
        Some(_) | None => messages.push(message),
    }
}

fn read(item: &Item<'_>) -> Result<Option<Message>, Invalid> {
    let mut object = item.object()?;
    let kind = object.string("type")?;
    let (role, part) = match kind.as_deref() {
        None | Some("message") => return message(object).map(Some),
        Some("function_call") => (Role::Assistant, call(object)?),
        Some("function_call_output") => (Role::Tool, output(object)?),
        Some("reasoning") => (Role::Assistant, thought(object)?),
        Some(_) => return Ok(None),
    };
    Ok(Some(Message {
        at: At(item.at.clone()),
        ..Message::new(role, vec![part])
    }))
}

/// OpenAI's own name of an item, and how far it came: it tells a model nothing.
fn take_bookkeeping(item: &mut Object<'_>) {
    item.take("id");
    item.take("status");
}

fn message(mut item: Object<'_>) -> Result<Message, Invalid> {
    const ROLE: &str = "user, assistant, system or developer";
    const CONTENT: &str = "a string or an array of content parts";
    let word = item.required_string("role")?;
    let role = match word.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => return Err(Invalid::shown(&item.at_of("role"), &word, ROLE)),
    };
    let raw = item
        .take("content")
        .ok_or_else(|| item.missing("content", CONTENT))?;
    let content = Item {
        raw,
        at: item.at_of("content"),
    };
    let mut rest = Vec::new();
    let parts = parts::read(&content, CONTENT, &mut rest)?;
    take_bookkeeping(&mut item);
    let at = At(item.at().to_owned());
    rest.extend(item.rest());
    Ok(Message {
        at,
        rest,
        ..Message::new(role, parts)
    })
}

fn call(mut item: Object<'_>) -> Result<Part, Invalid> {
    let content = Content::ToolCall {
        id: item.required_string("call_id")?,
        name: item.required_string("name")?,
        arguments: item.required_string("arguments")?,
    };
    finish(item, content, Vec::new())
}

fn output(mut item: Object<'_>) -> Result<Part, Invalid> {
    const OUTPUT: &str = "a string or an array of content parts";
    let call_id = item.required_string("call_id")?;
    let raw = item
        .take("output")
        .ok_or_else(|| item.missing("output", OUTPUT))?;
    let content = Item {
        raw,
        at: item.at_of("output"),
    };
    let mut rest = Vec::new();
    let parts = parts::read(&content, OUTPUT, &mut rest)?;
    let content = Content::ToolResult {
        call_id,
        parts,
        is_error: false,
    };
    finish(item, content, rest)
}

fn finish(mut item: Object<'_>, content: Content, mut rest: Vec<Field>) -> Result<Part, Invalid> {
    take_bookkeeping(&mut item);
    let part = Part::new(content).at(item.at());
    rest.extend(item.rest());
    Ok(Part { rest, ..part })
}

/// The thoughts themselves where they are there, else their summary; without words they are encrypted.
fn thought(mut item: Object<'_>) -> Result<Part, Invalid> {
    let mut words = texts(&mut item, "content")?;
    let summary = texts(&mut item, "summary")?;
    if words.is_empty() {
        words = summary;
    }
    let encrypted = item.string("encrypted_content")?;
    let signature = encrypted.and_then(|text| text.strip_prefix(SIGNED).map(str::to_owned));
    let content = if words.is_empty() {
        Content::RedactedThinking
    } else {
        Content::Thinking(words.join("\n\n"))
    };
    Ok(Part {
        signature,
        ..finish(item, content, Vec::new())?
    })
}

fn texts(item: &mut Object<'_>, name: &str) -> Result<Vec<String>, Invalid> {
    let pieces = item.list(name)?;
    let text = |piece: &Item<'_>| piece.object()?.required_string("text");
    pieces.iter().map(text).collect()
}

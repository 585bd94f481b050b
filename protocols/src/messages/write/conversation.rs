//! Instructions and messages, in the turns that the API wants.

use serde::Serialize;

use super::{Writing, parts};
use crate::{
    error::Unsupported,
    json::Out,
    request::{Message, Request, Role},
    rules,
};

#[derive(Serialize)]
pub(super) struct WireMessage {
    role: &'static str,
    content: Vec<Out>,
}

/// The instructions before the conversation, and the conversation.
pub(super) fn write(
    request: &Request,
    writing: &mut Writing<'_>,
) -> Result<(Vec<Out>, Vec<WireMessage>), Unsupported> {
    let (before, conversation) = rules::split_instructions(&request.messages);
    let mut system = Vec::new();
    for message in before {
        system.extend(instructions(message, writing)?);
    }
    let mut messages: Vec<WireMessage> = Vec::new();
    for (index, message) in conversation.iter().enumerate() {
        let (role, content) = match message.role {
            Role::System | Role::Developer => {
                may_stand_here(message, index, conversation, writing)?;
                ("system", instructions(message, writing)?)
            }
            Role::User | Role::Tool => ("user", spoken(message, writing)?),
            Role::Assistant => ("assistant", spoken(message, writing)?),
        };
        if content.is_empty() {
            continue;
        }
        match messages.last_mut().filter(|last| last.role == role) {
            Some(last) => last.content.extend(content),
            None => messages.push(WireMessage { role, content }),
        }
    }
    Ok((system, messages))
}

fn instructions(message: &Message, writing: &mut Writing<'_>) -> Result<Vec<Out>, Unsupported> {
    nameless(message, writing)?;
    parts::text_only(&message.parts, writing)
}

fn spoken(message: &Message, writing: &mut Writing<'_>) -> Result<Vec<Out>, Unsupported> {
    nameless(message, writing)?;
    parts::all(&message.parts, writing)
}

/// The name in a tool's message is its function's, which the call has told already.
fn nameless(message: &Message, writing: &mut Writing<'_>) -> Result<(), Unsupported> {
    if message.name.is_none() {
        return Ok(());
    }
    let field = format!("{}.name", message.at);
    if message.role == Role::Tool {
        writing.dropped.push(field);
        return Ok(());
    }
    Err(writing.refuse(field, "its messages have no names of participants"))
}

/// Instructions in the middle follow the user (or tools, who are the user here) and come before the assistant or
/// last; several in a row are one message.
fn may_stand_here(
    message: &Message,
    index: usize,
    conversation: &[Message],
    writing: &Writing<'_>,
) -> Result<(), Unsupported> {
    if !writing.model.instructions {
        let why = "this model takes instructions only before the conversation";
        return Err(writing.refuse(message.at.0.clone(), why));
    }
    let other = |message: &&Message| !matches!(message.role, Role::System | Role::Developer);
    let (before, after) = conversation.split_at(index);
    let before = before.iter().rev().find(other).map(|message| message.role);
    let after = after.iter().find(other).map(|message| message.role);
    let follows_user = matches!(before, Some(Role::User | Role::Tool));
    let is_answered = matches!(after, None | Some(Role::Assistant));
    if follows_user && is_answered {
        return Ok(());
    }
    let why =
        "instructions in a conversation may only stand between the user and the assistant's answer";
    Err(writing.refuse(message.at.0.clone(), why))
}

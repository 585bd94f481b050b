//! The conversation in turns of `user` and `model`. Neighbours of one role become one turn, so that the results
//! of parallel calls stand together, as the API demands.

use std::collections::HashMap;

use serde::Serialize;

use super::{Writing, media, refuse_name};
use crate::{
    error::Unsupported,
    json::{Json, Out},
    request::{Content, Message, Part, Role},
};

#[derive(Serialize)]
pub(super) struct Turn {
    role: &'static str,
    parts: Vec<Out>,
}

/// What Google documents for calls that Gemini did not make
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn write(
    messages: &[Message],
    writing: &mut Writing<'_>,
) -> Result<Vec<Turn>, Unsupported> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut names = Names::default();
    for message in messages {
        refuse_name(message, writing)?;
        let role = role(message, writing)?;
        let parts = parts(message, &mut names, writing)?;
        match turns.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            Some(_) | None if parts.is_empty() => {}
            Some(_) | None => turns.push(Turn { role, parts }),
        }
    }
    if turns.is_empty() {
        let why = "its API needs a message besides the instructions";
        return Err(writing.refuse("messages", why));
    }
    Ok(turns)
}

fn role(message: &Message, writing: &Writing<'_>) -> Result<&'static str, Unsupported> {
    match message.role {
        Role::User | Role::Tool => Ok("user"),
        Role::Assistant => Ok("model"),
        Role::System | Role::Developer => {
            let why = "its instructions stand before the conversation";
            Err(writing.refuse(&message.at.0, why))
        }
    }
}

/// The functions by the ids of the calls so far; ids may come again, and then the last counts.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, &'a str>);

fn parts<'a>(
    message: &'a Message,
    names: &mut Names<'a>,
    writing: &mut Writing<'_>,
) -> Result<Vec<Out>, Unsupported> {
    let mut out = Vec::new();
    let mut has_call = false;
    for part in &message.parts {
        writing.drop_cache(part.cache, &part.at.0);
        match &part.content {
            Content::ToolCall { id, name, .. } => {
                names.0.insert(id, name);
                // Of parallel calls only the first has one.
                let foreign = !has_call && writing.model.wants_signatures();
                let default = foreign.then_some(FOREIGN_SIGNATURE);
                let mut call = call(part, writing)?;
                call.put_some("thoughtSignature", part.signature.as_deref().or(default));
                has_call = true;
                out.push(call);
            }
            Content::ToolResult { call_id, .. } => {
                let name = names.0.get(call_id.as_str()).ok_or_else(|| {
                    let why = "no call of this id stands before it, and its API needs the name";
                    writing.refuse(&part.at.0, why)
                })?;
                out.push(result(part, name, writing)?);
            }
            Content::Text(text) | Content::Refusal(text) => {
                let is_empty = text.is_empty() && part.signature.is_none();
                if !is_empty || message.parts.len() == 1 {
                    let mut wire = Out::default();
                    wire.put("text", text);
                    wire.put_some("thoughtSignature", part.signature.as_deref());
                    out.push(wire);
                }
            }
            Content::Image(media) | Content::Audio(media) | Content::Document(media) => {
                out.push(media::write(media, &part.at.0, writing)?);
            }
            Content::Thinking(text) if part.signature.is_none() => {
                let mut wire = Out::default();
                wire.put("text", text);
                wire.put("thought", &true);
                out.push(wire);
            }
            Content::Thinking(_) | Content::RedactedThinking => {
                writing.dropped.push(part.at.0.clone());
            }
        }
    }
    Ok(out)
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    name: &'a str,
    args: Json,
}

fn call(part: &Part, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    if let Content::ToolCall {
        id,
        name,
        arguments,
    } = &part.content
    {
        let text = match arguments.trim() {
            "" => "{}",
            text => text,
        };
        let args = Json::parse(text).filter(|json| json.text().starts_with('{'));
        let args = args.ok_or_else(|| {
            let why = "the arguments are not a JSON object";
            writing.refuse(&part.at.0, why)
        })?;
        out.put("functionCall", &Call { id, name, args });
    }
    Ok(out)
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    name: &'a str,
    response: Out,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Out>,
}

/// Several texts stay several: a list of them.
fn result(part: &Part, name: &str, writing: &mut Writing<'_>) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    if let Content::ToolResult {
        call_id,
        parts,
        is_error,
    } = &part.content
    {
        let (mut texts, mut seen) = (Vec::new(), Vec::new());
        for inner in parts {
            writing.drop_cache(inner.cache, &inner.at.0);
            match &inner.content {
                Content::Text(text) => texts.push(text.as_str()),
                Content::Image(media) | Content::Document(media) => {
                    seen.push(media::write_in_result(media, &inner.at.0, writing)?);
                }
                Content::Audio(_)
                | Content::Refusal(_)
                | Content::ToolCall { .. }
                | Content::ToolResult { .. }
                | Content::Thinking(_)
                | Content::RedactedThinking => {
                    return Err(writing.refuse(&inner.at.0, "a tool result cannot hold it"));
                }
            }
        }
        let key = if *is_error { "error" } else { "output" };
        let mut response = Out::default();
        match texts.as_slice() {
            [] => response.put(key, ""),
            [text] => response.put(key, text),
            several => response.put(key, several),
        }
        let answer = Answer {
            id: call_id,
            name,
            response,
            parts: seen,
        };
        out.put("functionResponse", &answer);
    }
    Ok(out)
}

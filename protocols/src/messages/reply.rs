//! Whole replies.

use serde::Serialize;

use super::{
    arguments_object, finish_words, read_finish,
    usage::{ReadUsage, WireUsage},
};
use crate::{
    error::{Invalid, InvalidReply},
    json::{At, Field, Item, Json, Object, Out},
    reply::{Choice, Reply},
    request::{Content, Part},
};

/// Reads the provider's reply.
pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let mut top = Object::top(body)?;
    let kind = top.required_string("type")?;
    if kind != "message" {
        return Err(Invalid::shown("type", &kind, "message").into());
    }
    top.take("role");
    let (mut parts, mut rest) = (Vec::new(), Vec::new());
    let blocks = top
        .array("content")?
        .ok_or_else(|| top.missing("content", "an array of content blocks"))?;
    for block in blocks {
        read_block(&block, &mut parts, &mut rest)?;
    }
    let sequence = top.string("stop_sequence")?;
    let word = top.required_string("stop_reason")?;
    let usage = top.take("usage");
    let usage = usage
        .map(|raw| serde_json::from_str::<ReadUsage>(raw.get()))
        .transpose()
        .map_err(|e| InvalidReply(format!("a reply whose usage cannot be read: {e}")))?;
    let mut reply = Reply {
        id: top.required_string("id")?,
        model: top.required_string("model")?,
        created: None,
        choices: vec![Choice {
            index: 0,
            parts,
            finish: Some(read_finish(&word, sequence)),
            logprobs: None,
        }],
        usage: usage.map(ReadUsage::total),
        rest,
    };
    reply.rest.extend(top.rest());
    Ok(reply)
}

/// Blocks that only the API's own tools bring are kept whole.
fn read_block(
    item: &Item<'_>,
    parts: &mut Vec<Part>,
    rest: &mut Vec<Field>,
) -> Result<(), Invalid> {
    let mut block = item.object()?;
    let kind = block.required_string("type")?;
    let (content, signature) = match kind.as_str() {
        "text" => (Content::Text(block.required_string("text")?), None),
        "tool_use" => (call(&mut block)?, None),
        "thinking" => (
            Content::Thinking(block.required_string("thinking")?),
            block.string("signature")?.filter(|text| !text.is_empty()),
        ),
        "redacted_thinking" => (
            Content::RedactedThinking,
            Some(block.required_string("data")?),
        ),
        _ => {
            rest.push(Field {
                name: kind,
                at: At(item.at.clone()),
                value: Json::from(item.raw),
            });
            return Ok(());
        }
    };
    parts.push(Part {
        signature,
        rest: block.rest(),
        ..Part::new(content).at(item.at.clone())
    });
    Ok(())
}

fn call(block: &mut Object<'_>) -> Result<Content, Invalid> {
    let id = block.required_string("id")?;
    let name = block.required_string("name")?;
    let input = block
        .take("input")
        .ok_or_else(|| block.missing("input", "a JSON object"))?;
    Ok(Content::ToolCall {
        id,
        name,
        arguments: input.get().to_owned(),
    })
}

#[derive(Serialize)]
struct WireReply<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Out>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: WireUsage,
}

/// Writes the reply for a caller, who can only have asked for one choice.
pub fn write_reply(reply: &Reply) -> Vec<u8> {
    let choice = reply.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.parts);
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let (stop_reason, stop_sequence) = finish.map_or((None, None), finish_words);
    let wire = WireReply {
        id: &reply.id,
        r#type: "message",
        role: "assistant",
        model: &reply.model,
        content: parts.iter().filter_map(write_block).collect(),
        stop_reason,
        stop_sequence,
        usage: reply.usage.unwrap_or_default().into(),
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn write_block(part: &Part) -> Option<Out> {
    let signature = part.signature.as_deref().unwrap_or_default();
    let mut out = Out::default();
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => {
            out.put("type", "text");
            out.put("text", text);
        }
        Content::Thinking(text) => {
            out.put("type", "thinking");
            out.put("thinking", text);
            out.put("signature", signature);
        }
        Content::RedactedThinking => {
            out.put("type", "redacted_thinking");
            out.put("data", signature);
        }
        Content::ToolCall {
            id,
            name,
            arguments,
        } => {
            out.put("type", "tool_use");
            out.put("id", id);
            out.put("name", name);
            match arguments_object(arguments) {
                Some(input) => out.put("input", &input),
                None => out.put("input", &Broken { text: arguments }),
            }
        }
        // Models answer in words and calls.
        Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolResult { .. } => return None,
    }
    Some(out)
}

#[derive(Serialize)]
struct Broken<'a> {
    #[serde(rename = "INVALID_JSON")]
    text: &'a str,
}

//! Whole replies.

use serde::Serialize;

use super::{finish_word, read_finish, usage::WireUsage};
use crate::{
    error::{Invalid, InvalidReply},
    json::{Item, Json, Object, Out},
    reply::{Choice, Reply},
    request::{Content, Part},
};

/// Reads a provider's reply.
pub fn read_reply(body: &[u8]) -> Result<Reply, InvalidReply> {
    let mut top = Object::top(body)?;
    let choices = top
        .array("choices")?
        .ok_or_else(|| top.missing("choices", "an array"))?;
    let choices = choices.iter().map(|item| choice(item.object()?));
    let usage: Option<WireUsage> = top
        .take("usage")
        .and_then(|raw| serde_json::from_str(raw.get()).ok());
    top.take("object");
    Ok(Reply {
        id: top.string("id")?.unwrap_or_default(),
        model: top.string("model")?.unwrap_or_default(),
        created: top.u64("created").unwrap_or_default(),
        choices: choices.collect::<Result<_, Invalid>>()?,
        usage: usage.map(Into::into),
        rest: top.rest(),
    })
}

fn choice(mut choice: Object<'_>) -> Result<Choice, Invalid> {
    let mut message = choice
        .object("message")?
        .ok_or_else(|| choice.missing("message", "an object"))?;
    let finish = choice.string("finish_reason")?;
    let index = choice.u64("index")?.unwrap_or(0);
    Ok(Choice {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        parts: parts(&mut message)?,
        finish: finish.as_deref().map(read_finish),
        logprobs: choice.json("logprobs"),
    })
}

/// Thoughts, words, refusal, calls.
fn parts(message: &mut Object<'_>) -> Result<Vec<Part>, Invalid> {
    let mut parts = Vec::new();
    for block in message.list("thinking_blocks")? {
        parts.push(thought(block.object()?)?);
    }
    let mut thoughts = Vec::new();
    for name in ["reasoning_content", "reasoning"] {
        thoughts.extend(message.string(name)?.filter(|text| !text.is_empty()));
    }
    if let Some(text) = thoughts.into_iter().next().filter(|_| parts.is_empty()) {
        parts.push(Part::new(Content::Thinking(text)));
    }
    content(message, &mut parts)?;
    if let Some(refusal) = message.string("refusal")?.filter(|text| !text.is_empty()) {
        parts.push(Part::new(Content::Refusal(refusal)));
    }
    for item in message.list("tool_calls")? {
        parts.push(call(item.object()?)?);
    }
    Ok(parts)
}

/// A string, or Mistral's list of chunks, of which some are thoughts.
fn content(message: &mut Object<'_>, parts: &mut Vec<Part>) -> Result<(), Invalid> {
    let Some(raw) = message.take("content") else {
        return Ok(());
    };
    let item = Item {
        raw,
        at: message.at_of("content"),
    };
    if item.is_string() {
        let text = item.string()?;
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        return Ok(());
    }
    let chunks: Vec<Chunk> = serde_json::from_str(raw.get())
        .map_err(|_| Invalid::wrong(&item.at, raw.get(), "a string or an array of chunks"))?;
    parts.extend(chunks.into_iter().map(|chunk| match chunk {
        Chunk::Text { text } => Part::text(text),
        Chunk::Thinking { thinking } => {
            let text = thinking.into_iter().map(|inner| inner.text).collect();
            Part::new(Content::Thinking(text))
        }
    }));
    Ok(())
}

/// Of Mistral's content (<https://docs.mistral.ai/capabilities/reasoning>).
#[derive(serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Chunk {
    Text { text: String },
    Thinking { thinking: Vec<Inner> },
}

#[derive(serde::Deserialize)]
pub(super) struct Inner {
    #[serde(default)]
    pub(super) text: String,
}

fn thought(mut block: Object<'_>) -> Result<Part, Invalid> {
    let kind = block.required_string("type")?;
    if kind == "redacted_thinking" {
        return Ok(Part {
            signature: Some(block.required_string("data")?),
            ..Part::new(Content::RedactedThinking)
        });
    }
    Ok(Part {
        signature: block.string("signature")?,
        ..Part::new(Content::Thinking(block.required_string("thinking")?))
    })
}

fn call(mut call: Object<'_>) -> Result<Part, Invalid> {
    let id = call.required_string("id")?;
    let mut function = call
        .object("function")?
        .ok_or_else(|| call.missing("function", "an object"))?;
    let google = call.object("extra_content")?;
    let google = google.map_or(Ok(None), |mut extra| extra.object("google"))?;
    let signature = google.map_or(Ok(None), |mut google| google.string("thought_signature"))?;
    Ok(Part {
        signature,
        ..Part::new(Content::ToolCall {
            id,
            name: function.required_string("name")?,
            arguments: function.string("arguments")?.unwrap_or_default(),
        })
    })
}

#[derive(Serialize)]
struct WireReply<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct WireChoice<'a> {
    index: u32,
    message: Out,
    finish_reason: Option<&'static str>,
    logprobs: Option<&'a Json>,
}

/// Writes a reply for a caller.
pub fn write_reply(reply: &Reply) -> Vec<u8> {
    let choices = reply.choices.iter().map(|choice| WireChoice {
        index: choice.index,
        message: message(&choice.parts),
        finish_reason: choice.finish.as_ref().map(finish_word),
        logprobs: choice.logprobs.as_ref(),
    });
    let wire = WireReply {
        id: &reply.id,
        object: "chat.completion",
        created: reply.created.unwrap_or(0),
        model: &reply.model,
        choices: choices.collect(),
        usage: reply.usage.as_ref().map(Into::into),
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

#[derive(Serialize)]
pub(super) struct Block<'a> {
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a str>,
}

/// Thoughts as text for everybody, and as blocks where they must be sent back signed.
fn message(parts: &[Part]) -> Out {
    let (mut text, mut thoughts) = (String::new(), String::new());
    let (mut has_text, mut refusal) = (false, None::<String>);
    let (mut calls, mut blocks, mut is_signed) = (Vec::new(), Vec::new(), false);
    for part in parts {
        let signature = part.signature.as_deref();
        match &part.content {
            Content::Text(more) => {
                has_text = true;
                text.push_str(more);
            }
            Content::Refusal(why) => refusal.get_or_insert_default().push_str(why),
            Content::Thinking(more) => {
                thoughts.push_str(more);
                is_signed |= signature.is_some();
                blocks.push(Block {
                    r#type: "thinking",
                    thinking: Some(more),
                    signature,
                    data: None,
                });
            }
            Content::RedactedThinking => {
                is_signed = true;
                blocks.push(Block {
                    r#type: "redacted_thinking",
                    thinking: None,
                    signature: None,
                    data: signature,
                });
            }
            Content::ToolCall {
                id,
                name,
                arguments,
            } => calls.push(write_call((id, name, arguments), signature)),
            // Models answer in words and calls.
            Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult { .. } => {}
        }
    }
    let mut out = Out::default();
    out.put("role", "assistant");
    out.put("content", &has_text.then_some(text));
    out.put("refusal", &refusal);
    if !thoughts.is_empty() {
        out.put("reasoning_content", &thoughts);
    }
    if is_signed {
        out.put("thinking_blocks", &blocks);
    }
    if !calls.is_empty() {
        out.put("tool_calls", &calls);
    }
    out
}

fn write_call((id, name, arguments): (&str, &str, &str), signature: Option<&str>) -> Out {
    let mut call = Out::default();
    call.put("id", id);
    call.put("type", "function");
    let function = serde_json::json!({"name": name, "arguments": arguments});
    call.put("function", &function);
    if let Some(signature) = signature {
        let google = serde_json::json!({"google": {"thought_signature": signature}});
        call.put("extra_content", &google);
    }
    call
}

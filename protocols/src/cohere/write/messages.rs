//! The conversation. Words beside tool results become messages of their own, in the same order.

use super::Writing;
use crate::{
    error::Unsupported,
    json::Out,
    request::{Content, Detail, Media, Message, Part, Role, Source},
};

pub(super) fn write(
    messages: &[Message],
    writing: &mut Writing<'_>,
) -> Result<Vec<Out>, Unsupported> {
    let mut out = Vec::new();
    for message in messages {
        if message.name.is_some() {
            let field = format!("{}.name", message.at);
            return Err(writing.refuse(field, "its API has no names of participants"));
        }
        match message.role {
            Role::System | Role::Developer => {
                out.push(plain("system", &message.parts, writing)?);
            }
            Role::Assistant => out.push(assistant(message, writing)?),
            Role::User | Role::Tool => others(message, writing, &mut out)?,
        }
    }
    Ok(out)
}

fn others(
    message: &Message,
    writing: &mut Writing<'_>,
    out: &mut Vec<Out>,
) -> Result<(), Unsupported> {
    let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
    let runs = message
        .parts
        .chunk_by(|a, b| !is_result(a) && !is_result(b));
    for run in runs {
        out.push(match &run[0].content {
            Content::ToolResult {
                call_id,
                parts,
                is_error,
            } => {
                writing.drop_cache(run[0].cache, &run[0].at.0);
                if *is_error {
                    // The result's own text says so.
                    writing.dropped.push(format!("{}.is_error", run[0].at));
                }
                result(call_id, parts, writing)?
            }
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolCall { .. }
            | Content::Thinking(_)
            | Content::RedactedThinking => plain("user", run, writing)?,
        });
    }
    if message.parts.is_empty() {
        out.push(plain("user", &[], writing)?);
    }
    Ok(())
}

fn result(call_id: &str, parts: &[Part], writing: &mut Writing<'_>) -> Result<Out, Unsupported> {
    for part in parts {
        if !matches!(part.content, Content::Text(_)) {
            return Err(writing.refuse(&part.at.0, "its tool results are text only"));
        }
    }
    let mut out = Out::default();
    out.put("role", "tool");
    out.put("tool_call_id", call_id);
    put_content(&mut out, parts, writing)?;
    Ok(out)
}

fn plain(
    role: &'static str,
    parts: &[Part],
    writing: &mut Writing<'_>,
) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    out.put("role", role);
    put_content(&mut out, parts, writing)?;
    Ok(out)
}

/// One text is a string; all else is a list of parts.
fn put_content(
    out: &mut Out,
    parts: &[Part],
    writing: &mut Writing<'_>,
) -> Result<(), Unsupported> {
    for part in parts {
        writing.drop_cache(part.cache, &part.at.0);
    }
    match parts {
        [] => out.put("content", ""),
        [
            Part {
                content: Content::Text(text),
                ..
            },
        ] => out.put("content", text),
        several => {
            let wire = several.iter().map(|part| write_part(part, writing));
            out.put("content", &wire.collect::<Result<Vec<_>, _>>()?);
        }
    }
    Ok(())
}

fn write_part(part: &Part, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let at = &part.at.0;
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => Ok(words("text", text)),
        Content::Image(media) => image(media, at, writing),
        Content::Audio(_) => Err(writing.refuse(at, "it hears no sound")),
        Content::Document(_) => Err(writing.refuse(at, "its messages hold no documents")),
        Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::Thinking(_)
        | Content::RedactedThinking => {
            Err(writing.refuse(at, "it cannot stand in a message of this role"))
        }
    }
}

/// A part of this type, whose words stand in a field of the same name.
fn words(kind: &'static str, text: &str) -> Out {
    let mut out = Out::default();
    out.put("type", kind);
    out.put(kind, text);
    out
}

fn image(media: &Media, at: &str, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let mut url = Out::default();
    match &media.source {
        Source::Url(address) => url.put("url", address),
        Source::Data(data) => url.put("url", &media.data_url(data)),
        Source::File(_) | Source::Text(_) => {
            return Err(writing.refuse(at, "it takes images by URL or as data only"));
        }
    }
    let detail = media.detail.map(|detail| match detail {
        Detail::Auto => "auto",
        Detail::Low => "low",
        Detail::High => "high",
    });
    url.put_some("detail", detail);
    let mut out = Out::default();
    out.put("type", "image_url");
    out.put("image_url", &url);
    Ok(out)
}

fn assistant(message: &Message, writing: &mut Writing<'_>) -> Result<Out, Unsupported> {
    let is_call = |part: &Part| matches!(part.content, Content::ToolCall { .. });
    let has_call = message.parts.iter().any(is_call);
    let (mut plan, mut content, mut calls) = (String::new(), Vec::new(), Vec::new());
    for part in &message.parts {
        writing.drop_cache(part.cache, &part.at.0);
        match &part.content {
            Content::Thinking(text) if part.signature.is_none() && has_call => plan.push_str(text),
            Content::Thinking(text) if part.signature.is_none() => {
                content.push(words("thinking", text));
            }
            Content::Thinking(_) | Content::RedactedThinking => {
                writing.dropped.push(part.at.0.clone());
            }
            Content::ToolCall {
                id,
                name,
                arguments,
            } => calls.push(call(id, name, arguments)),
            Content::Image(_) => {
                return Err(writing.refuse(&part.at.0, "its own messages hold no images"));
            }
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult { .. } => content.push(write_part(part, writing)?),
        }
    }
    let mut out = Out::default();
    out.put("role", "assistant");
    if !plan.is_empty() {
        out.put("tool_plan", &plan);
    }
    match (content.is_empty(), has_call) {
        (false, _) => out.put("content", &content),
        (true, true) => {}
        (true, false) => out.put("content", ""),
    }
    if has_call {
        out.put("tool_calls", &calls);
    }
    Ok(out)
}

/// Arguments are text here too, as the model wrote them.
fn call(id: &str, name: &str, arguments: &str) -> Out {
    let mut function = Out::default();
    function.put("name", name);
    function.put(
        "arguments",
        if arguments.is_empty() {
            "{}"
        } else {
            arguments
        },
    );
    let mut call = Out::default();
    call.put("id", id);
    call.put("type", "function");
    call.put("function", &function);
    call
}

//! The conversation. What one message of another API holds together (words beside tool results) becomes several
//! messages here, in the same order.

use serde::Serialize;

use super::{super::dialect::Images, NO_TOOLS, Writing, drop_cache};
use crate::{
    error::Unsupported,
    json::Out,
    request::{Content, Detail, Media, Message, Part, Request, Role, Source},
    rules,
};

pub(super) fn write(request: &Request, writing: &mut Writing<'_>) -> Result<Vec<Out>, Unsupported> {
    let mut out = Vec::new();
    for message in &request.messages {
        for field in &message.rest {
            rules::drop_or_refuse(field, writing.target.provider, &mut writing.dropped)?;
        }
        match message.role {
            Role::Assistant => out.push(assistant(message, writing)?),
            Role::System | Role::Developer | Role::User | Role::Tool => {
                others(message, writing, &mut out)?;
            }
        }
    }
    Ok(out)
}

fn role_word(role: Role, writing: &Writing<'_>) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer if writing.dialect.developer => "developer",
        Role::Developer => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

/// Tool results are messages of their own; what stands between them stays between them.
fn others(
    message: &Message,
    writing: &mut Writing<'_>,
    out: &mut Vec<Out>,
) -> Result<(), Unsupported> {
    let role = role_word(message.role, writing);
    let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
    for run in message
        .parts
        .chunk_by(|a, b| !is_result(a) && !is_result(b))
    {
        if let Content::ToolResult {
            call_id,
            parts,
            is_error,
        } = &run[0].content
        {
            if !writing.dialect.tools {
                return Err(writing.refuse(&run[0].at.0, NO_TOOLS));
            }
            tidy(&run[0], writing)?;
            if *is_error {
                // The result's own text says so.
                writing.dropped.push(format!("{}.is_error", run[0].at));
            }
            let mut result = Out::default();
            result.put("role", "tool");
            result.put("tool_call_id", call_id);
            put_content(&mut result, parts, writing)?;
            out.push(result);
        } else {
            out.push(plain(role, message, run, writing)?);
        }
    }
    if message.parts.is_empty() {
        out.push(plain(role, message, &[], writing)?);
    }
    Ok(())
}

fn plain(
    role: &'static str,
    message: &Message,
    parts: &[Part],
    writing: &mut Writing<'_>,
) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    out.put("role", role);
    put_content(&mut out, parts, writing)?;
    out.put_some("name", message.name.as_deref());
    Ok(out)
}

fn assistant(message: &Message, writing: &mut Writing<'_>) -> Result<Out, Unsupported> {
    let (mut words, mut calls, mut thoughts) = (Vec::new(), Vec::new(), String::new());
    let mut refusal = None;
    for part in &message.parts {
        match &part.content {
            Content::ToolCall {
                id,
                name,
                arguments,
            } => {
                if !writing.dialect.tools {
                    return Err(writing.refuse(&part.at.0, NO_TOOLS));
                }
                tidy(part, writing)?;
                calls.push(call(
                    (id, name, arguments),
                    part.signature.as_deref(),
                    writing,
                ));
            }
            Content::Thinking(text) if writing.dialect.thoughts.is_some() => {
                thoughts.push_str(text);
            }
            Content::Thinking(_) | Content::RedactedThinking => {
                writing.dropped.push(part.at.0.clone());
            }
            Content::Refusal(text) => refusal = Some(text),
            // An empty text says nothing, here as beside calls.
            Content::Text(text) if text.is_empty() => tidy(part, writing)?,
            Content::Text(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult { .. } => words.push(part.clone()),
        }
    }
    let mut out = Out::default();
    out.put("role", "assistant");
    if !words.is_empty() {
        put_content(&mut out, &words, writing)?;
    } else if calls.is_empty() && refusal.is_none() {
        out.put("content", "");
    }
    out.put_some("refusal", refusal);
    if let Some(name) = writing.dialect.thoughts.filter(|_| !thoughts.is_empty()) {
        out.put(name, &thoughts);
    }
    if !calls.is_empty() {
        out.put("tool_calls", &calls);
    }
    out.put_some("name", message.name.as_deref());
    Ok(out)
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

fn call(
    (id, name, arguments): (&str, &str, &str),
    signature: Option<&str>,
    writing: &Writing<'_>,
) -> Out {
    let mut call = Out::default();
    call.put("id", id);
    call.put("type", "function");
    call.put("function", &Function { name, arguments });
    // Google's own server of this protocol wants it back; it says nothing to others.
    if let Some(signature) = signature.filter(|_| writing.target.provider == "gemini") {
        let google = serde_json::json!({"google": {"thought_signature": signature}});
        call.put("extra_content", &google);
    }
    call
}

/// One text is a string, as everybody takes it; all else is a list of parts.
fn put_content(
    out: &mut Out,
    parts: &[Part],
    writing: &mut Writing<'_>,
) -> Result<(), Unsupported> {
    for part in parts {
        tidy(part, writing)?;
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
            if let Some(text) = joined(several, writing) {
                out.put("content", &text);
                return Ok(());
            }
            let wire = several.iter().map(|part| write_part(part, writing));
            out.put("content", &wire.collect::<Result<Vec<_>, _>>()?);
        }
    }
    Ok(())
}

/// Several texts as one, a line each, where content cannot be a list: as vLLM puts them into a prompt that takes
/// strings only.
fn joined(parts: &[Part], writing: &Writing<'_>) -> Option<String> {
    if writing.dialect.content_parts {
        return None;
    }
    let texts = parts.iter().map(|part| match &part.content {
        Content::Text(text) => Some(text.as_str()),
        Content::Refusal(_)
        | Content::Image(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::Thinking(_)
        | Content::RedactedThinking => None,
    });
    Some(texts.collect::<Option<Vec<_>>>()?.join("\n"))
}

/// Lets go of what only others know of a part, or refuses it.
fn tidy(part: &Part, writing: &mut Writing<'_>) -> Result<(), Unsupported> {
    drop_cache(part.cache, &part.at.0, writing);
    for field in &part.rest {
        rules::drop_or_refuse(field, writing.target.provider, &mut writing.dropped)?;
    }
    Ok(())
}

fn write_part(part: &Part, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    let at = &part.at.0;
    match &part.content {
        Content::Text(text) => {
            out.put("type", "text");
            out.put("text", text);
        }
        Content::Refusal(text) => {
            out.put("type", "refusal");
            out.put("refusal", text);
        }
        Content::Image(media) => {
            out.put("type", "image_url");
            out.put("image_url", &image(media, at, writing)?);
        }
        Content::Audio(media) => {
            out.put("type", "input_audio");
            out.put("input_audio", &audio(media, at, writing)?);
        }
        Content::Document(media) => {
            out.put("type", "file");
            out.put("file", &file(media, at, writing)?);
        }
        Content::ToolCall { .. } | Content::ToolResult { .. } => {
            return Err(writing.refuse(at, "it cannot stand in a message of this role"));
        }
        Content::Thinking(_) | Content::RedactedThinking => {
            return Err(writing.refuse(at, "only an assistant's message has thoughts"));
        }
    }
    Ok(out)
}

fn image(media: &Media, at: &str, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    if writing.dialect.images == Images::None {
        return Err(writing.refuse(at, "it reads no images"));
    }
    let mut out = Out::default();
    match &media.source {
        Source::Url(_) if writing.dialect.images == Images::Data => {
            return Err(writing.refuse(at, "it reads no images by address"));
        }
        Source::Url(url) => out.put("url", url),
        Source::Data(data) => out.put("url", &media.data_url(data)),
        Source::File(_) | Source::Text(_) => {
            return Err(writing.refuse(at, "it takes images by URL or as data only"));
        }
    }
    let detail = media.detail.map(|detail| match detail {
        Detail::Auto => "auto",
        Detail::Low => "low",
        Detail::High => "high",
    });
    out.put_some("detail", detail);
    Ok(out)
}

fn audio(media: &Media, at: &str, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let Source::Data(data) = &media.source else {
        return Err(writing.refuse(at, "it takes sound as data only"));
    };
    let mut out = Out::default();
    out.put("data", data);
    out.put("format", media.mime.trim_start_matches("audio/"));
    Ok(out)
}

fn file(media: &Media, at: &str, writing: &Writing<'_>) -> Result<Out, Unsupported> {
    let mut out = Out::default();
    match &media.source {
        Source::Data(data) => {
            out.put("file_data", &media.data_url(data));
        }
        Source::File(id) => out.put("file_id", id),
        Source::Url(_) | Source::Text(_) => {
            return Err(writing.refuse(at, "it takes documents as data or by file id only"));
        }
    }
    out.put_some("filename", media.name.as_deref());
    Ok(out)
}

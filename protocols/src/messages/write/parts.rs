//! The blocks of a message.

use serde::Serialize;

use super::{super::arguments_object, CacheControl, Writing};
use crate::{
    error::Unsupported,
    json::Out,
    request::{Content, Detail, Media, Part, Source},
};

/// What any message may hold.
pub(super) fn all(parts: &[Part], writing: &mut Writing<'_>) -> Result<Vec<Out>, Unsupported> {
    let mut blocks = Vec::new();
    for part in parts {
        blocks.extend(block(part, writing)?);
    }
    Ok(blocks)
}

/// Instructions are words.
pub(super) fn text_only(
    parts: &[Part],
    writing: &mut Writing<'_>,
) -> Result<Vec<Out>, Unsupported> {
    let mut blocks = Vec::new();
    for part in parts {
        if part.content.as_text().is_none() {
            return Err(writing.refuse(part.at.0.clone(), "its instructions are text only"));
        }
        blocks.extend(block(part, writing)?);
    }
    Ok(blocks)
}

fn block(part: &Part, writing: &mut Writing<'_>) -> Result<Option<Out>, Unsupported> {
    let mut out = Out::default();
    match &part.content {
        // The API refuses empty texts, which say nothing.
        Content::Text(text) if text.is_empty() => return Ok(None),
        // The assistant's own words, here as there.
        Content::Text(text) | Content::Refusal(text) => {
            out.put("type", "text");
            out.put("text", text);
        }
        Content::Image(media) => image(&mut out, media, part, writing)?,
        Content::Document(media) => document(&mut out, media, part, writing)?,
        Content::Audio(_) => return Err(writing.refuse(part.at.0.clone(), "it hears no audio")),
        Content::ToolCall {
            id,
            name,
            arguments,
        } => {
            let why = "its API takes only a JSON object as the arguments of a call";
            let input = arguments_object(arguments)
                .ok_or_else(|| writing.refuse(part.at.0.clone(), why))?;
            out.put("type", "tool_use");
            out.put("id", id);
            out.put("name", name);
            out.put("input", &input);
            if part.signature.is_some() {
                // Gemini's, which nobody else can read.
                writing.dropped.push(format!("{}.signature", part.at));
            }
        }
        Content::ToolResult {
            call_id,
            parts,
            is_error,
        } => {
            out.put("type", "tool_result");
            out.put("tool_use_id", call_id);
            result(&mut out, parts, writing)?;
            if *is_error {
                out.put("is_error", &true);
            }
        }
        Content::Thinking(_) | Content::RedactedThinking => return Ok(thought(part, writing)),
    }
    out.put_some("cache_control", part.cache.map(CacheControl::from));
    Ok(Some(out))
}

/// Only with its proof, and never a mark in the cache.
fn thought(part: &Part, writing: &mut Writing<'_>) -> Option<Out> {
    let Some(signature) = &part.signature else {
        writing.dropped.push(part.at.0.clone());
        return None;
    };
    if part.cache.is_some() {
        writing.dropped.push(format!("{}.cache_control", part.at));
    }
    let mut out = Out::default();
    if let Content::Thinking(text) = &part.content {
        out.put("type", "thinking");
        out.put("thinking", text);
        out.put("signature", signature);
    } else {
        out.put("type", "redacted_thinking");
        out.put("data", signature);
    }
    Some(out)
}

/// One plain text is a string, as most write it.
fn result(out: &mut Out, parts: &[Part], writing: &mut Writing<'_>) -> Result<(), Unsupported> {
    if let [
        Part {
            content: Content::Text(text),
            cache: None,
            ..
        },
    ] = parts
    {
        out.put("content", text);
        return Ok(());
    }
    let blocks = all(parts, writing)?;
    if !blocks.is_empty() {
        out.put("content", &blocks);
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum WireSource<'a> {
    Url { url: &'a str },
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'a str, data: &'a str },
}

fn image(
    out: &mut Out,
    media: &Media,
    part: &Part,
    writing: &mut Writing<'_>,
) -> Result<(), Unsupported> {
    match media.detail {
        None | Some(Detail::Auto) => {}
        Some(Detail::Low | Detail::High) => writing.dropped.push(format!("{}.detail", part.at)),
    }
    let source = match &media.source {
        Source::Url(url) => WireSource::Url { url },
        Source::Data(data) if !media.mime.is_empty() => WireSource::Base64 {
            media_type: &media.mime,
            data,
        },
        Source::Data(_) => {
            return Err(writing.refuse(part.at.0.clone(), "it wants to know the image's type"));
        }
        Source::File(_) => return Err(foreign_file(part, writing)),
        Source::Text(_) => {
            return Err(writing.refuse(part.at.0.clone(), "an image is no text"));
        }
    };
    out.put("type", "image");
    out.put("source", &source);
    Ok(())
}

const PDF: &str = "application/pdf";

fn document(
    out: &mut Out,
    media: &Media,
    part: &Part,
    writing: &mut Writing<'_>,
) -> Result<(), Unsupported> {
    let source = match &media.source {
        Source::Url(url) => WireSource::Url { url },
        Source::Text(data) => WireSource::Text {
            media_type: "text/plain",
            data,
        },
        Source::Data(data) if media.mime == PDF => WireSource::Base64 {
            media_type: PDF,
            data,
        },
        Source::Data(_) => {
            let why = "it reads documents that are PDF or plain text";
            return Err(writing.refuse(part.at.0.clone(), why));
        }
        Source::File(_) => return Err(foreign_file(part, writing)),
    };
    out.put("type", "document");
    out.put("source", &source);
    out.put_some("title", media.name.as_deref());
    Ok(())
}

fn foreign_file(part: &Part, writing: &Writing<'_>) -> Unsupported {
    let why = "a file that was uploaded to one provider is unknown to another";
    writing.refuse(part.at.0.clone(), why)
}

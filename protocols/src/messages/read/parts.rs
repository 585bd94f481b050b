//! The blocks of a message.

use super::cache;
use crate::{
    error::Invalid,
    json::{At, Field, Item, Json, Object},
    request::is_media_type,
    request::{Content, Media, Part, Source},
};

/// Reads a block into the parts, or, where no other API has such a thing, whole into the rest.
pub(super) fn read(
    item: &Item<'_>,
    parts: &mut Vec<Part>,
    rest: &mut Vec<Field>,
) -> Result<(), Invalid> {
    let mut block = item.object()?;
    let kind = block.required_string("type")?;
    let (content, signature) = match kind.as_str() {
        "text" => (Content::Text(block.required_string("text")?), None),
        "image" => (Content::Image(media(&mut block)?), None),
        "document" if !is_of_blocks(&mut item.object()?)? => {
            (Content::Document(document(&mut block)?), None)
        }
        "tool_use" => (call(&mut block)?, None),
        "tool_result" => (result(&mut block, rest)?, None),
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
        content,
        cache: cache(&mut block)?,
        signature,
        at: At(item.at.clone()),
        rest: block.rest(),
    });
    Ok(())
}

fn call(block: &mut Object<'_>) -> Result<Content, Invalid> {
    const INPUT: &str = "a JSON object";
    let id = block.required_string("id")?;
    let name = block.required_string("name")?;
    let input = block
        .take("input")
        .ok_or_else(|| block.missing("input", INPUT))?;
    if !input.get().starts_with('{') {
        return Err(block.wrong("input", input.get(), INPUT));
    }
    Ok(Content::ToolCall {
        id,
        name,
        arguments: input.get().to_owned(),
    })
}

fn result(block: &mut Object<'_>, rest: &mut Vec<Field>) -> Result<Content, Invalid> {
    const CONTENT: &str = "a string or an array of content blocks";
    let call_id = block.required_string("tool_use_id")?;
    let is_error = block.bool("is_error")?.unwrap_or(false);
    let mut parts = Vec::new();
    if let Some(raw) = block.take("content") {
        let at = block.at_of("content");
        let content = Item { raw, at };
        if content.is_string() {
            let text = content.string()?;
            parts.push(Part::text(text).at(content.at));
        } else {
            let items = content
                .items()
                .map_err(|_| block.wrong("content", raw.get(), CONTENT))?;
            for item in items {
                read_inner(&item, &mut parts, rest)?;
            }
        }
    }
    Ok(Content::ToolResult {
        call_id,
        parts,
        is_error,
    })
}

/// What a tool answers is text, images and documents.
fn read_inner(
    item: &Item<'_>,
    parts: &mut Vec<Part>,
    rest: &mut Vec<Field>,
) -> Result<(), Invalid> {
    let kind = item.object()?.required_string("type")?;
    if matches!(
        kind.as_str(),
        "tool_use" | "tool_result" | "thinking" | "redacted_thinking"
    ) {
        let at = format!("{}.type", item.at);
        return Err(Invalid::shown(&at, &kind, "text, image or document"));
    }
    read(item, parts, rest)
}

/// A document that is made of blocks itself is Anthropic's alone.
fn is_of_blocks(document: &mut Object<'_>) -> Result<bool, Invalid> {
    let Some(mut source) = document.object("source")? else {
        return Ok(false);
    };
    Ok(source.string("type")?.as_deref() == Some("content"))
}

fn document(block: &mut Object<'_>) -> Result<Media, Invalid> {
    let name = block.string("title")?;
    Ok(Media {
        name,
        ..media(block)?
    })
}

fn media(block: &mut Object<'_>) -> Result<Media, Invalid> {
    const TYPE: &str = "base64, url, text or file";
    let mut source = block
        .object("source")?
        .ok_or_else(|| block.missing("source", "an object"))?;
    let kind = source.required_string("type")?;
    let place = match kind.as_str() {
        "base64" => Source::Data(source.required_string("data")?),
        "url" => Source::Url(source.required_string("url")?),
        "text" => Source::Text(source.required_string("data")?),
        "file" => Source::File(source.required_string("file_id")?),
        _ => return Err(Invalid::shown(&source.at_of("type"), &kind, TYPE)),
    };
    let mime = match place {
        Source::Data(_) => {
            let mime = source.required_string("media_type")?;
            if !is_media_type(&mime) {
                let at = source.at_of("media_type");
                return Err(Invalid::shown(&at, &mime, "a media type like image/png"));
            }
            mime
        }
        Source::Url(_) | Source::Text(_) | Source::File(_) => {
            source.string("media_type")?.unwrap_or_default()
        }
    };
    Ok(Media {
        source: place,
        mime,
        name: None,
        detail: None,
    })
}

//! The messages of a conversation.

use super::tools::cache;
use crate::{
    error::Invalid,
    json::{At, Item, Object},
    request::{Content, Detail, Media, Message, Part, Role, Source},
};

const ROLE: &str = "system, developer, user, assistant or tool";
const CONTENT: &str = "a string or an array of parts";
const PART: &str = "text, image_url, input_audio, file or refusal";

pub(super) fn read(mut message: Object<'_>) -> Result<Message, Invalid> {
    let word = message.required_string("role")?;
    let role = match word.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return Err(Invalid::shown(&message.at_of("role"), &word, ROLE)),
    };
    let at = message.at().to_owned();
    let content = content(&mut message)?;
    let parts = match role {
        Role::Tool => vec![result(&mut message, content)?],
        Role::Assistant => said(&mut message, content)?,
        Role::System | Role::Developer | Role::User => content,
    };
    Ok(Message {
        role,
        parts,
        name: message.string("name")?,
        at: At(at),
        rest: message.rest(),
    })
}

fn content(message: &mut Object<'_>) -> Result<Vec<Part>, Invalid> {
    let Some(raw) = message.take("content") else {
        return Ok(Vec::new());
    };
    let at = message.at_of("content");
    let item = Item { raw, at };
    if item.is_string() {
        let text = item.string()?;
        return Ok(vec![Part::text(text).at(item.at)]);
    }
    let parts: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Invalid::wrong(&item.at, raw.get(), CONTENT))?;
    let parts = parts.into_iter().enumerate();
    parts
        .map(|(index, raw)| part(Object::read(raw, format!("{}[{index}]", item.at))?))
        .collect()
}

fn part(mut part: Object<'_>) -> Result<Part, Invalid> {
    let kind = part.required_string("type")?;
    // Some clients keep Anthropic's thoughts where Anthropic has them.
    if matches!(kind.as_str(), "thinking" | "redacted_thinking") {
        return thought(part, &kind);
    }
    let at = part.at().to_owned();
    let content = match kind.as_str() {
        "text" => Content::Text(part.required_string("text")?),
        "refusal" => Content::Refusal(part.required_string("refusal")?),
        "image_url" => Content::Image(image(&mut part)?),
        "input_audio" => Content::Audio(audio(&mut part)?),
        "file" => Content::Document(file(&mut part)?),
        _ => return Err(Invalid::shown(&part.at_of("type"), &kind, PART)),
    };
    Ok(Part {
        cache: cache(&mut part)?,
        content,
        signature: None,
        at: At(at),
        rest: part.rest(),
    })
}

fn image(part: &mut Object<'_>) -> Result<Media, Invalid> {
    let mut image = part
        .object("image_url")?
        .ok_or_else(|| part.missing("image_url", "an object with a url"))?;
    let url = image.required_string("url")?;
    let detail = image.string("detail")?;
    let detail = match detail.as_deref() {
        None => None,
        Some("auto") => Some(Detail::Auto),
        Some("low") => Some(Detail::Low),
        Some("high") => Some(Detail::High),
        Some(other) => {
            return Err(Invalid::shown(
                &image.at_of("detail"),
                other,
                "auto, low or high",
            ));
        }
    };
    let (source, mime) = Source::of_url(url);
    Ok(Media {
        source,
        mime,
        name: None,
        detail,
    })
}

fn audio(part: &mut Object<'_>) -> Result<Media, Invalid> {
    let mut audio = part
        .object("input_audio")?
        .ok_or_else(|| part.missing("input_audio", "an object with data and format"))?;
    let data = audio.required_string("data")?;
    let format = audio.required_string("format")?;
    Ok(Media {
        source: Source::Data(data),
        mime: format!("audio/{format}"),
        name: None,
        detail: None,
    })
}

fn file(part: &mut Object<'_>) -> Result<Media, Invalid> {
    let mut file = part
        .object("file")?
        .ok_or_else(|| part.missing("file", "an object with file_data or file_id"))?;
    let name = file.string("filename")?;
    let (source, mime) = match (file.string("file_data")?, file.string("file_id")?) {
        (Some(data), _) => Source::of_document(data, name.as_deref()),
        (None, Some(id)) => (Source::File(id), String::new()),
        (None, None) => {
            return Err(file.missing("file_data", "a data URL, unless file_id is there"));
        }
    };
    Ok(Media {
        source,
        mime,
        name,
        detail: None,
    })
}

fn result(message: &mut Object<'_>, parts: Vec<Part>) -> Result<Part, Invalid> {
    let at = message.at().to_owned();
    let call_id = message.required_string("tool_call_id")?;
    Ok(Part {
        cache: cache(message)?,
        ..Part::new(Content::ToolResult {
            call_id,
            parts,
            is_error: false,
        })
        .at(at)
    })
}

/// What an assistant said: thoughts first, then words, then calls.
fn said(message: &mut Object<'_>, content: Vec<Part>) -> Result<Vec<Part>, Invalid> {
    let mut parts = Vec::new();
    let thoughts = message.string("reasoning_content")?;
    let blocks = message.list("thinking_blocks")?;
    for block in &blocks {
        let mut block = block.object()?;
        let kind = block.required_string("type")?;
        parts.push(thought(block, &kind)?);
    }
    // Signed blocks say the same once more.
    if let Some(text) = thoughts.filter(|text| blocks.is_empty() && !text.is_empty()) {
        let at = message.at_of("reasoning_content");
        parts.push(Part::new(Content::Thinking(text)).at(at));
    }
    // An empty text beside calls is how some clients say that there is none.
    parts.extend(content.into_iter().filter(|part| !is_empty(part)));
    // An empty one refuses nothing.
    if let Some(refusal) = message.string("refusal")?.filter(|text| !text.is_empty()) {
        let at = message.at_of("refusal");
        parts.push(Part::new(Content::Refusal(refusal)).at(at));
    }
    for item in message.list("tool_calls")? {
        parts.push(call(item.object()?)?);
    }
    Ok(parts)
}

fn is_empty(part: &Part) -> bool {
    matches!(&part.content, Content::Text(text) if text.is_empty())
}

fn thought(mut block: Object<'_>, kind: &str) -> Result<Part, Invalid> {
    let at = block.at().to_owned();
    match kind {
        "thinking" => Ok(Part {
            signature: block.string("signature")?,
            ..Part::new(Content::Thinking(block.required_string("thinking")?)).at(at)
        }),
        "redacted_thinking" => Ok(Part {
            signature: Some(block.required_string("data")?),
            ..Part::new(Content::RedactedThinking).at(at)
        }),
        _ => {
            let at = block.at_of("type");
            Err(Invalid::shown(&at, kind, "thinking or redacted_thinking"))
        }
    }
}

fn call(mut call: Object<'_>) -> Result<Part, Invalid> {
    let at = call.at().to_owned();
    let kind = call.string("type")?;
    if let Some(kind) = kind.filter(|kind| kind != "function") {
        return Err(Invalid::shown(&call.at_of("type"), &kind, "function"));
    }
    let id = call.required_string("id")?;
    let mut function = call
        .object("function")?
        .ok_or_else(|| call.missing("function", "an object with name and arguments"))?;
    let name = function.required_string("name")?;
    let arguments = function.string("arguments")?.unwrap_or_default();
    let signature = google_signature(&mut call)?;
    call.take("index");
    let mut rest = function.rest();
    rest.extend(call.rest());
    Ok(Part {
        signature,
        rest,
        ..Part::new(Content::ToolCall {
            id,
            name,
            arguments,
        })
        .at(at)
    })
}

fn google_signature(call: &mut Object<'_>) -> Result<Option<String>, Invalid> {
    let Some(mut extra) = call.object("extra_content")? else {
        return Ok(None);
    };
    let google = extra.object("google")?;
    google.map_or(Ok(None), |mut google| google.string("thought_signature"))
}

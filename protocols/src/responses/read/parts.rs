//! The parts of a message or of a function's output.

use crate::{
    error::Invalid,
    json::{At, Field, Item, Object},
    request::{Content, Detail, Media, Part, Source},
};

/// A string is one text; parts that only OpenAI has go to the rest.
pub(super) fn read(
    content: &Item<'_>,
    expected: &'static str,
    rest: &mut Vec<Field>,
) -> Result<Vec<Part>, Invalid> {
    if content.is_string() {
        let text = content.string()?;
        return Ok(vec![Part::text(text).at(content.at.clone())]);
    }
    let items = content
        .items()
        .map_err(|_| Invalid::wrong(&content.at, content.raw.get(), expected))?;
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let mut object = item.object()?;
        let kind = object.required_string("type")?;
        let content = match kind.as_str() {
            "input_text" | "output_text" | "text" => text(&mut object)?,
            "refusal" => Content::Refusal(object.required_string("refusal")?),
            "input_image" => Content::Image(image(&mut object)?),
            "input_file" => Content::Document(file(&mut object)?),
            "input_audio" => Content::Audio(audio(&mut object)?),
            _ => {
                rest.push(Field {
                    name: kind,
                    at: At(item.at),
                    value: item.raw.into(),
                });
                continue;
            }
        };
        parts.push(Part {
            rest: object.rest(),
            ..Part::new(content).at(item.at)
        });
    }
    Ok(parts)
}

fn text(part: &mut Object<'_>) -> Result<Content, Invalid> {
    // Of a reply that is sent back: how likely its words were.
    part.take("logprobs");
    Ok(Content::Text(part.required_string("text")?))
}

fn image(part: &mut Object<'_>) -> Result<Media, Invalid> {
    let (source, mime) = match (part.string("image_url")?, part.string("file_id")?) {
        (Some(url), _) => Source::of_url(url),
        (None, Some(id)) => (Source::File(id), String::new()),
        (None, None) => {
            return Err(part.missing("image_url", "a URL, unless file_id is there"));
        }
    };
    Ok(Media {
        source,
        mime,
        name: None,
        detail: detail(part)?,
    })
}

fn detail(part: &mut Object<'_>) -> Result<Option<Detail>, Invalid> {
    const DETAIL: &str = "auto, low or high";
    match part.string("detail")?.as_deref() {
        None => Ok(None),
        Some("auto") => Ok(Some(Detail::Auto)),
        Some("low") => Ok(Some(Detail::Low)),
        // The image as it is, which no other API has a word for.
        Some("high" | "original") => Ok(Some(Detail::High)),
        Some(other) => Err(Invalid::shown(&part.at_of("detail"), other, DETAIL)),
    }
}

fn file(part: &mut Object<'_>) -> Result<Media, Invalid> {
    const FILE: &str = "a data URL, unless file_url or file_id is there";
    let name = part.string("filename")?;
    let (data, url) = (part.string("file_data")?, part.string("file_url")?);
    let (source, mime) = match (data, url, part.string("file_id")?) {
        (Some(data), ..) => Source::of_document(data, name.as_deref()),
        (None, Some(url), _) => (Source::Url(url), String::new()),
        (None, None, Some(id)) => (Source::File(id), String::new()),
        (None, None, None) => return Err(part.missing("file_data", FILE)),
    };
    Ok(Media {
        source,
        mime,
        name,
        detail: detail(part)?,
    })
}

fn audio(part: &mut Object<'_>) -> Result<Media, Invalid> {
    let mut audio = part
        .object("input_audio")?
        .ok_or_else(|| part.missing("input_audio", "an object with data and format"))?;
    Ok(Media {
        source: Source::Data(audio.required_string("data")?),
        mime: format!("audio/{}", audio.required_string("format")?),
        name: None,
        detail: None,
    })
}

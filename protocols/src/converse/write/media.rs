//! Images, sounds and documents: bytes, or objects in S3.

use super::Writing;
use crate::{
    converse::wire::{Media as WireMedia, Source as WireSource},
    error::Unsupported,
    request::{Detail, Media, Source},
};

/// MIME types and endings of files, and the API's word for them.
type Formats = [(&'static str, &'static str, &'static str)];

const IMAGES: &Formats = &[
    ("image/png", "png", "png"),
    ("image/jpeg", "jpeg", "jpeg"),
    ("image/jpg", "jpg", "jpeg"),
    ("image/gif", "gif", "gif"),
    ("image/webp", "webp", "webp"),
];

const SOUNDS: &Formats = &[
    ("audio/wav", "wav", "wav"),
    ("audio/x-wav", "wav", "wav"),
    ("audio/mp3", "mp3", "mp3"),
    ("audio/mpeg", "mp3", "mp3"),
    ("audio/flac", "flac", "flac"),
    ("audio/opus", "opus", "opus"),
    ("audio/aac", "aac", "aac"),
    ("audio/ogg", "ogg", "ogg"),
    ("audio/webm", "webm", "webm"),
    ("audio/mp4", "mp4", "mp4"),
    ("audio/x-m4a", "m4a", "m4a"),
];

const DOCUMENTS: &Formats = &[
    ("application/pdf", "pdf", "pdf"),
    ("text/plain", "txt", "txt"),
    ("text/markdown", "md", "md"),
    ("text/html", "html", "html"),
    ("text/csv", "csv", "csv"),
    ("application/msword", "doc", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        "xlsx",
    ),
];

/// The API's longest name of a document.
const MAX_NAME_CHARS: usize = 200;

pub(super) fn image<'a>(
    media: &'a Media,
    at: &str,
    writing: &mut Writing<'_>,
) -> Result<WireMedia<'a>, Unsupported> {
    match media.detail {
        Some(Detail::Low | Detail::High) => writing.drop(at, "detail"),
        None | Some(Detail::Auto) => {}
    }
    Ok(WireMedia {
        format: format(media, IMAGES, at, writing)?,
        name: None,
        source: source(media, at, writing)?,
    })
}

pub(super) fn audio<'a>(
    media: &'a Media,
    at: &str,
    writing: &Writing<'_>,
) -> Result<WireMedia<'a>, Unsupported> {
    Ok(WireMedia {
        format: format(media, SOUNDS, at, writing)?,
        name: None,
        source: source(media, at, writing)?,
    })
}

pub(super) fn document<'a>(
    media: &'a Media,
    at: &str,
    writing: &mut Writing<'_>,
) -> Result<WireMedia<'a>, Unsupported> {
    writing.documents += 1;
    let is_text = matches!(media.source, Source::Text(_)) && media.mime.is_empty();
    let format = if is_text {
        "txt"
    } else {
        format(media, DOCUMENTS, at, writing)?
    };
    let name = media.name.as_deref().and_then(|name| allowed(name, format));
    Ok(WireMedia {
        format,
        name: Some(name.unwrap_or_else(|| format!("document-{}", writing.documents))),
        source: source(media, at, writing)?,
    })
}

/// The name without the ending that says the format, in letters, digits, single blanks, hyphens, parentheses and
/// brackets.
fn allowed(name: &str, format: &str) -> Option<String> {
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.eq_ignore_ascii_case(format) => stem,
        Some(_) | None => name,
    };
    let replaced: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c.is_whitespace() || "-()[]".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let words: Vec<&str> = replaced.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(MAX_NAME_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

/// By the MIME type; by the ending of a name or place where the caller gave none.
fn format(
    media: &Media,
    formats: &Formats,
    at: &str,
    writing: &Writing<'_>,
) -> Result<&'static str, Unsupported> {
    let place = match &media.source {
        Source::Url(url) => Some(url.as_str()),
        Source::Data(_) | Source::File(_) | Source::Text(_) => media.name.as_deref(),
    };
    let ending = place.and_then(|place| place.rsplit_once('.'));
    let ending = ending.map(|(_, ending)| ending.to_ascii_lowercase());
    let essence = media.mime.split(';').next().unwrap_or_default().trim();
    let found = formats.iter().find(|(mime, end, _)| {
        if essence.is_empty() {
            ending.as_deref() == Some(end)
        } else {
            essence.eq_ignore_ascii_case(mime)
        }
    });
    found.map(|(_, _, format)| *format).ok_or_else(|| {
        let why = if essence.is_empty() {
            "its API wants to be told the format, and the type is not given".to_owned()
        } else {
            format!("its API does not take the type {essence}")
        };
        writing.refuse(at, why)
    })
}

fn source<'a>(
    media: &'a Media,
    at: &str,
    writing: &Writing<'_>,
) -> Result<WireSource<'a>, Unsupported> {
    match &media.source {
        Source::Data(base64) => Ok(WireSource::Bytes(base64)),
        Source::Text(text) => Ok(WireSource::Text(text)),
        Source::Url(uri) if uri.starts_with("s3://") => Ok(WireSource::S3Location { uri }),
        Source::Url(_) => {
            let why = "its API fetches nothing but objects in S3: send the data itself";
            Err(writing.refuse(at, why))
        }
        Source::File(_) => Err(writing.refuse(at, "its API has no uploaded files")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_name_keeps_what_is_allowed_of_it() {
        for (name, expected) in [
            ("Report (final).PDF", Some("Report (final)")),
            ("a_b/c.txt", Some("a-b-c-txt")),
            ("two  blanks", Some("two blanks")),
            (" ", None),
            (".pdf", None),
        ] {
            assert_eq!(allowed(name, "pdf").as_deref(), expected, "{name}");
        }
    }
}

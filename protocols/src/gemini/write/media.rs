//! Images, sounds and documents as parts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::Writing;
use crate::{
    error::Unsupported,
    json::Out,
    request::{Detail, Media, Source},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    file_uri: &'a str,
}

/// Where Google keeps what was uploaded to it.
const FILES: [&str; 2] = ["https://generativelanguage.googleapis.com/", "gs://"];
const ADDRESSES: [&str; 3] = ["https://", "http://", "gs://"];

pub(super) fn write(
    media: &Media,
    at: &str,
    writing: &mut Writing<'_>,
) -> Result<Out, Unsupported> {
    match media.detail {
        None | Some(Detail::Auto) => {}
        Some(Detail::Low | Detail::High) => writing.dropped.push(format!("{at}.detail")),
    }
    if media.name.is_some() {
        writing.dropped.push(format!("{at}.filename"));
    }
    let mut out = Out::default();
    match &media.source {
        Source::Data(data) => put_data(&mut out, data, mime(media, at, writing)?),
        Source::Text(text) => put_data(&mut out, &STANDARD.encode(text), "text/plain"),
        Source::Url(url) if ADDRESSES.iter().any(|start| url.starts_with(start)) => {
            put_file(&mut out, url, &media.mime);
        }
        Source::File(uri) if FILES.iter().any(|start| uri.starts_with(start)) => {
            put_file(&mut out, uri, &media.mime);
        }
        Source::Url(_) => return Err(writing.refuse(at, "it takes https and gs addresses only")),
        Source::File(_) => {
            let why = "files uploaded elsewhere are not known to it";
            return Err(writing.refuse(at, why));
        }
    }
    Ok(out)
}

/// What a tool result can hold.
pub(super) fn write_in_result(
    media: &Media,
    at: &str,
    writing: &mut Writing<'_>,
) -> Result<Out, Unsupported> {
    if !writing.model.sees_tool_results() {
        let why = "only models from Gemini 3 on see images and documents in tool results";
        return Err(writing.refuse(at, why));
    }
    match &media.source {
        Source::Data(_) | Source::Text(_) => write(media, at, writing),
        Source::Url(_) | Source::File(_) => {
            Err(writing.refuse(at, "it takes them as data in tool results"))
        }
    }
}

fn put_data(out: &mut Out, data: &str, mime_type: &str) {
    out.put("inlineData", &Blob { mime_type, data });
}

/// The type may be left out where neither the caller nor the address says it: the API looks for itself.
fn put_file(out: &mut Out, file_uri: &str, mime: &str) {
    let mime_type = (!mime.is_empty())
        .then_some(mime)
        .or_else(|| mime_of(file_uri));
    let file = File {
        mime_type,
        file_uri,
    };
    out.put("fileData", &file);
}

fn mime<'a>(media: &'a Media, at: &str, writing: &Writing<'_>) -> Result<&'a str, Unsupported> {
    if media.mime.is_empty() {
        return Err(writing.refuse(at, "its API needs to know the media type"));
    }
    Ok(&media.mime)
}

/// By the ending of the path: the types that Gemini reads
/// (<https://ai.google.dev/gemini-api/docs/file-input-methods>).
fn mime_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "gif" => Some("image/gif"),
        "heic" => Some("image/heic"),
        "heif" => Some("image/heif"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        "wav" => Some("audio/wav"),
        "mp3" => Some("audio/mp3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_read_from_the_path_only() {
        for (url, expected) in [
            ("https://a.example/b/c.PNG?x=1.pdf", Some("image/png")),
            ("gs://bucket/report.pdf", Some("application/pdf")),
            ("https://a.example", None),
            ("https://a.example/b.d/picture", None),
        ] {
            assert_eq!(mime_of(url), expected, "{url}");
        }
    }
}

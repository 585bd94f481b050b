//! Reading single JSON values without copying them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Strings longer than this are not repeated in errors.
const SHOWN_BYTES: usize = 64;

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a JSON string, borrowed unless it has escapes; `None` for anything else.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    if !raw.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Text<'_>>(raw.get())
        .ok()
        .map(|text| text.0)
}

/// The elements of a JSON array; `None` for anything else.
pub(super) fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if !raw.get().starts_with('[') {
        return None;
    }
    serde_json::from_str(raw.get()).ok()
}

/// The type of a value, with its article.
pub(super) fn kind_of(raw: &RawValue) -> &'static str {
    kind_of_byte(raw.get().bytes().next())
}

/// The type of the value that begins with this byte, with its article.
pub(super) fn kind_of_byte(first: Option<u8>) -> &'static str {
    match first {
        None => "empty",
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) => "a number",
    }
}

/// The type and, where it is short, the value.
pub(super) fn described(raw: &RawValue) -> String {
    let shown = raw.get();
    let short = shown.len() <= SHOWN_BYTES;
    match shown.bytes().next() {
        Some(b'"') if short => format!("the string {shown}"),
        Some(b't' | b'f') => format!("the boolean {shown}"),
        Some(b'-' | b'0'..=b'9') if short => format!("the number {shown}"),
        first => kind_of_byte(first).to_owned(),
    }
}

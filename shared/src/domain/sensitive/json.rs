//! The same over JSON: only values change, and what is valid stays valid.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{find, scrub};

/// Texts in texts that are JSON themselves, such as the arguments of tools; deeper ones are text.
const MAX_DEPTH: u8 = 4;

/// JSON whose strings and numbers are scrubbed; names of members stay, and so does every other byte. A number that gives
/// something away becomes a string.
pub fn scrub_json(json: &str) -> Cow<'_, str> {
    scrub_within(json, MAX_DEPTH)
}

fn scrub_within(json: &str, depth: u8) -> Cow<'_, str> {
    let mut scrubbed = String::new();
    // Up to which the scrubbed text is written.
    let mut written = 0;
    let mut at = 0;
    while let Some(next) = json.as_bytes().get(at) {
        let end = match next {
            b'"' => string_end(json, at),
            b'-' | b'0'..=b'9' => number_end(json, at),
            _ => {
                at += 1;
                continue;
            }
        };
        let token = &json[at..end];
        let replaced = match next {
            b'"' if is_name(json, end) => None,
            b'"' => string(token, depth),
            _ => find(token)
                .next()
                .map(|found| format!("\"{}\"", found.kind.placeholder())),
        };
        if let Some(replaced) = replaced {
            scrubbed.push_str(&json[written..at]);
            scrubbed.push_str(&replaced);
            written = end;
        }
        at = end;
    }
    if written == 0 {
        return Cow::Borrowed(json);
    }
    scrubbed.push_str(&json[written..]);
    Cow::Owned(scrubbed)
}

/// Where a string that begins here ends.
fn string_end(json: &str, at: usize) -> usize {
    let mut escaped = false;
    let rest = json.as_bytes()[at + 1..].iter();
    let mut length = 1;
    for byte in rest {
        length += 1;
        match byte {
            b'"' if !escaped => return at + length,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    json.len()
}

fn number_end(json: &str, at: usize) -> usize {
    let rest = &json.as_bytes()[at..];
    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    at + rest.iter().take_while(is_part).count()
}

/// Whether the string before is a member's name.
fn is_name(json: &str, end: usize) -> bool {
    json[end..].trim_ascii_start().starts_with(':')
}

/// A string's text scrubbed, and written again; `None`: it stays.
fn string(token: &str, depth: u8) -> Option<String> {
    let Some(text) = unescaped(token) else {
        // Not JSON: the quotes stay where they are.
        return match scrub(token) {
            Cow::Borrowed(_) => None,
            Cow::Owned(scrubbed) => Some(scrubbed),
        };
    };
    let is_json = depth > 0
        && text.trim_ascii_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(&text).is_ok();
    let scrubbed = if is_json {
        scrub_within(&text, depth - 1)
    } else {
        scrub(&text)
    };
    match scrubbed {
        Cow::Borrowed(_) => None,
        Cow::Owned(scrubbed) => serde_json::to_string(&scrubbed).ok(),
    }
}

/// What a string says. Most have nothing escaped, and are read where they are; `None`: it is no string.
fn unescaped(token: &str) -> Option<Cow<'_, str>> {
    let plain = token.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    match plain.filter(|it| !it.contains('\\')) {
        Some(plain) => Some(Cow::Borrowed(plain)),
        None => serde_json::from_str(token).ok().map(Cow::Owned),
    }
}

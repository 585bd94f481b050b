//! The conversation as text, for the judge; the end of it matters most, so the beginning is cut.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    chat::Part,
    value::{items, text},
};

/// A conversation's text. Content: it must not be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    /// Something was cut.
    pub truncated: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// The last `max_bytes` of the conversation, oldest first; `messages` is the call's array of them.
pub(super) fn read(messages: &[u8], max_bytes: usize) -> Prompt {
    let messages = std::str::from_utf8(messages).unwrap_or_default();
    let messages = items(messages).unwrap_or_default();
    last_of(messages.into_iter().rev().filter_map(line), max_bytes)
}

/// The last `max_bytes` of these lines, of which the newest comes first.
pub(super) fn last_of(newest_first: impl Iterator<Item = String>, max_bytes: usize) -> Prompt {
    let mut kept: Vec<String> = Vec::new();
    let mut room = max_bytes;
    let mut truncated = false;
    for mut line in newest_first {
        if room == 0 {
            truncated = true;
            break;
        }
        let cut = line.len() - suffix(&line, room).len();
        truncated |= cut > 0;
        line.drain(..cut);
        room = room.saturating_sub(line.len() + 1);
        kept.push(line);
    }
    kept.reverse();
    Prompt {
        text: kept.join("\n"),
        truncated,
    }
}

fn line(raw: &RawValue) -> Option<String> {
    let message: Message<'_> = serde_json::from_str(raw.get()).ok()?;
    let content = message.content?;
    let role = message.role.unwrap_or_default();
    let Some(parts) = items(content.get()) else {
        return Some(format!("{role}: {}", text(content)?));
    };
    let texts: Vec<Cow<'_, str>> = parts
        .into_iter()
        .filter_map(|part| Part::read(part).text.and_then(text))
        .collect();
    Some(format!("{role}: {}", texts.join("\n")))
}

fn suffix(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"[{"role":"system","content":"be brief"},
        {"role":"user","content":[{"type":"text","text":"caf\u00e9?"},{"type":"image_url"}]}]"#;

    #[test]
    fn conversations_are_flattened_oldest_first() {
        let prompt = read(MESSAGES.as_bytes(), 1_000);
        assert_eq!(prompt.text, "system: be brief\nuser: café?");
        assert!(!prompt.truncated);
    }

    #[test]
    fn the_beginning_is_cut_between_characters() {
        let prompt = read(MESSAGES.as_bytes(), 2);
        assert_eq!(prompt.text, "?");
        assert!(prompt.truncated);
    }
}

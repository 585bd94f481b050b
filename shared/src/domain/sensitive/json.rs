//! The same over JSON: only values change, and what is valid stays valid.

use std::{borrow::Cow, ops::Range};

use serde::de::IgnoredAny;

use super::{Found, Kind, find};

/// Texts in texts that are JSON themselves, such as the arguments of tools; deeper ones are text.
const MAX_DEPTH: u8 = 4;

/// A part of a text that gives something away, and what is to stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
    pub kind: Kind,
}

impl Edit {
    /// The same in a text that has so many bytes before.
    pub fn after(self, bytes: usize) -> Self {
        Self {
            range: bytes + self.range.start..bytes + self.range.end,
            ..self
        }
    }

    /// The text with all of them made, which are from left to right.
    pub fn all(edits: &[Self], text: &str) -> String {
        let mut edited = String::with_capacity(text.len());
        let mut from = 0;
        for edit in edits {
            edited.push_str(&text[from..edit.range.start]);
            edited.push_str(&edit.text);
            from = edit.range.end;
        }
        edited.push_str(&text[from..]);
        edited
    }
}

/// JSON whose strings and numbers are scrubbed; names of members stay, and so does every other byte. A number that gives
/// something away becomes a string.
pub fn scrub_json(json: &str) -> Cow<'_, str> {
    let edits = in_json(json);
    if edits.is_empty() {
        return Cow::Borrowed(json);
    }
    Cow::Owned(Edit::all(&edits, json))
}

/// What JSON gives away by its strings and numbers, from left to right; every other byte may stay as it is.
pub fn in_json(json: &str) -> Vec<Edit> {
    values(json, MAX_DEPTH)
}

/// What the values give away, from left to right.
fn values(json: &str, depth: u8) -> Vec<Edit> {
    let mut edits = Vec::new();
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
        if *next != b'"' {
            edits.extend(find(token).next().map(|found| Edit {
                range: at..end,
                text: format!("\"{}\"", found.kind.placeholder()),
                kind: found.kind,
            }));
        } else if !is_name(json, end) {
            let found = string(token, depth).into_iter();
            edits.extend(found.map(|edit| edit.after(at)));
        }
        at = end;
    }
    edits
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

fn string(token: &str, depth: u8) -> Vec<Edit> {
    let Some(text) = unescaped(token) else {
        // Not JSON: the quotes stay where they are.
        return find(token).map(Edit::from).collect();
    };
    let is_json = depth > 0
        && text.trim_ascii_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(&text).is_ok();
    let edits = if is_json {
        values(&text, depth - 1)
    } else {
        find(&text).map(Edit::from).collect()
    };
    let mut written = Written::new(token);
    let place = |edit: Edit| Edit {
        range: written.place(edit.range.start)..written.place(edit.range.end),
        text: escaped(edit.text),
        kind: edit.kind,
    };
    edits.into_iter().map(place).collect()
}

impl From<Found> for Edit {
    fn from(Found { kind, range }: Found) -> Self {
        Self {
            range,
            text: kind.placeholder().to_owned(),
            kind,
        }
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

/// A placeholder within a string: those of numbers have quotes.
fn escaped(text: String) -> String {
    if text.contains(['"', '\\']) {
        text.replace('\\', "\\\\").replace('"', "\\\"")
    } else {
        text
    }
}

/// A string as it is written, gone through along with what it says.
struct Written<'a> {
    token: &'a str,
    /// After the quote.
    at: usize,
    said: usize,
}

impl<'a> Written<'a> {
    fn new(token: &'a str) -> Self {
        let (at, said) = (1, 0);
        Self { token, at, said }
    }

    /// Where this byte of what it says is written; later ones only.
    fn place(&mut self, said: usize) -> usize {
        while self.said < said
            && let Some(next) = self.token[self.at..].chars().next()
        {
            let (written, means) = match next {
                '\\' => escape(&self.token[self.at..]),
                next => (next.len_utf8(), next.len_utf8()),
            };
            self.at += written;
            self.said += means;
        }
        self.at
    }
}

/// How many bytes an escape has, and what it says.
fn escape(text: &str) -> (usize, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    if !text.starts_with("\\u") {
        return (2, 1);
    }
    match unit(2).and_then(char::from_u32) {
        Some(said) => (6, said.len_utf8()),
        // One of two that are a character together.
        None => (12, 4),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn scrubbed(value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(super::super::scrub(text)),
            Value::Array(items) => items.iter().map(scrubbed).collect(),
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), scrubbed(value)));
                Value::Object(members.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    #[test]
    fn every_byte_that_gives_nothing_away_stays_as_it_is_written() {
        let json = r#"{ "a" : "\u00e9\ud83d\ude00\n ann@example.com \/ \"x\"", "n":4111111111111111 , "é":"\u0061nn@example.com"}"#;
        let expected =
            r#"{ "a" : "\u00e9\ud83d\ude00\n [email] \/ \"x\"", "n":"[card]" , "é":"[email]"}"#;
        assert_eq!(scrub_json(json), expected);
        let nested =
            r#"{"arguments":"{\"card\": 4111111111111111, \"to\":\"ann@example.com\",\"n\":1}"}"#;
        let expected = r#"{"arguments":"{\"card\": \"[card]\", \"to\":\"[email]\",\"n\":1}"}"#;
        assert_eq!(scrub_json(nested), expected);
    }

    proptest! {
        #[test]
        fn strings_say_what_their_scrubbed_texts_say(
            texts in prop::collection::vec("(ann@example\\.com|4111 1111 1111 1111|[a-z \"\\\\\n\u{e9}\u{1F600}/]{1,6}){0,5}", 0..5),
            ascii in any::<bool>(),
        ) {
            let value = Value::from(texts);
            let mut json = value.to_string();
            if ascii {
                let escape = |c: char| match c.is_ascii() {
                    true => c.to_string(),
                    false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
                };
                json = json.chars().map(escape).collect();
            }
            let read: Value = serde_json::from_str(&scrub_json(&json)).expect("JSON");
            prop_assert_eq!(read, scrubbed(&value));
        }
    }
}

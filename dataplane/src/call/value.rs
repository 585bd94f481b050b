//! Reading single JSON values without copying them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
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

/// Most elements of an array that are looked at one by one: each costs more than the two bytes it may be
/// written in.
pub(super) const MAX_ITEMS: usize = 10_000;

/// The elements of a JSON array, at most [`MAX_ITEMS`] of them; `None` for anything else.
pub(super) fn items(json: &str) -> Option<Vec<&RawValue>> {
    let mut list = Vec::new();
    let take = |index, item| {
        if index == MAX_ITEMS {
            return Err(());
        }
        list.push(item);
        Ok(())
    };
    // More than that are left out.
    each(json, take)?.ok();
    Some(list)
}

/// How many elements a JSON array has; `None` for anything else.
pub(super) fn count(raw: &RawValue) -> Option<u64> {
    let mut counted = 0;
    let visited = each(raw.get(), |_, _| {
        counted += 1;
        Ok::<_, std::convert::Infallible>(())
    });
    visited.map(|_| counted)
}

/// Visits the elements of a JSON array with their indices, without keeping them; `None` for anything else.
pub(super) fn each<'a, E>(
    json: &'a str,
    mut visit: impl FnMut(usize, &'a RawValue) -> Result<(), E>,
) -> Option<Result<(), E>> {
    if !json.starts_with('[') {
        return None;
    }
    let mut refused = None;
    let visitor = Each {
        visit: &mut visit,
        refused: &mut refused,
    };
    let read = serde_json::Deserializer::from_str(json).deserialize_seq(visitor);
    match (refused, read) {
        (Some(error), _) => Some(Err(error)),
        (None, Ok(())) => Some(Ok(())),
        (None, Err(_)) => None,
    }
}

struct Each<'v, F, E> {
    visit: &'v mut F,
    refused: &'v mut Option<E>,
}

impl<'de, E, F: FnMut(usize, &'de RawValue) -> Result<(), E>> Visitor<'de> for Each<'_, F, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(item) = seq.next_element::<&'de RawValue>()? {
            if let Err(error) = (self.visit)(index, item) {
                *self.refused = Some(error);
                return Err(A::Error::custom("not looked at any further"));
            }
            index += 1;
        }
        Ok(())
    }
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

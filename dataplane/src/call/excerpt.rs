//! The beginning and the end of a message: all that task shapes are read from, however long it is.

use std::borrow::Cow;

use floopy_shared::domain::shape::ENOUGH_BYTES;
use serde_json::value::RawValue;

use super::{
    chat::Part,
    value::{items, text},
};

/// What stands for the text between beginning and end.
const GAP: &str = "\n\n";

/// Text parts of one message that are read: this many first ones, and as many last ones.
const MAX_PARTS: usize = 4;

/// The ends of a message's text: of its string, or of its text parts together. `None` if it has no text.
pub(super) fn of_content(content: &RawValue) -> Option<Cow<'_, str>> {
    let Some(parts) = items(content.get()) else {
        return of_string(content);
    };
    let mut texts: Vec<&RawValue> = parts
        .into_iter()
        .filter_map(|part| Part::read(part).text)
        .collect();
    if texts.len() > 2 * MAX_PARTS {
        texts.drain(MAX_PARTS..texts.len() - MAX_PARTS);
    }
    let mut texts: Vec<Cow<'_, str>> = texts.into_iter().filter_map(of_string).collect();
    match texts.len() {
        0 | 1 => texts.pop(),
        _ => Some(texts.join(GAP).into()),
    }
}

/// The ends of several texts together.
pub(super) fn of_texts(mut texts: Vec<&str>) -> Cow<'_, str> {
    if texts.len() > 2 * MAX_PARTS {
        texts.drain(MAX_PARTS..texts.len() - MAX_PARTS);
    }
    match texts.as_slice() {
        [] => Cow::Borrowed(""),
        [only] => of_text(only),
        several => {
            let several: Vec<Cow<'_, str>> = several.iter().map(|text| of_text(text)).collect();
            several.join(GAP).into()
        }
    }
}

fn of_text(text: &str) -> Cow<'_, str> {
    if text.len() <= 3 * ENOUGH_BYTES {
        return text.into();
    }
    let head = text.floor_char_boundary(ENOUGH_BYTES);
    let tail = text.ceil_char_boundary(text.len() - ENOUGH_BYTES);
    format!("{}{GAP}{}", &text[..head], &text[tail..]).into()
}

fn of_string(raw: &RawValue) -> Option<Cow<'_, str>> {
    // What cannot be cut, such as one run of backslashes, is read whole.
    match ends_of(raw.get()) {
        Some(ends) => Some(ends.into()),
        None => text(raw),
    }
}

/// Beginning and end of a long JSON string.
fn ends_of(json: &str) -> Option<String> {
    if json.len() <= 3 * ENOUGH_BYTES {
        return None;
    }
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    let head = (1..=ENOUGH_BYTES)
        .rev()
        .find(|at| is_between(inside, *at))?;
    let last = inside.len() - ENOUGH_BYTES..inside.len();
    let tail = last.into_iter().find(|at| is_between(inside, *at))?;
    let unescape = |piece: &str| serde_json::from_str::<String>(&format!("\"{piece}\"")).ok();
    let (head, tail) = (unescape(&inside[..head])?, unescape(&inside[tail..])?);
    Some(format!("{head}{GAP}{tail}"))
}

/// Whether a JSON string may be cut here: between characters, outside of escapes, not within a pair of them.
fn is_between(json: &str, at: usize) -> bool {
    if !json.is_char_boundary(at) {
        return false;
    }
    let (before, after) = (&json.as_bytes()[..at], &json.as_bytes()[at..]);
    if after.starts_with(b"\\") {
        // The first backslash of a run begins an escape. The second half of a surrogate pair does not stand alone.
        let second_half = matches!(after, [_, b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..]);
        return !before.ends_with(b"\\") && !second_half;
    }
    // The longest escape has six bytes.
    !before[at.saturating_sub(5)..].contains(&b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn a_short_text_is_read_whole_and_all_its_parts_in_order() {
        let content = raw(
            r#"[{"type":"text","text":"a\n"},{"type":"image_url"},{"type":"text","text":"b"}]"#,
        );
        assert_eq!(of_content(&content).as_deref(), Some("a\n\n\nb"));
        assert_eq!(of_content(&raw("\"caf\\u00e9\"")).as_deref(), Some("café"));
        assert_eq!(of_content(&raw("[]")), None);
        assert_eq!(of_content(&raw("7")), None);
    }

    #[test]
    fn of_a_long_text_both_ends_are_read_whatever_its_escapes() {
        let pieces = [
            "plain ",
            r"\n",
            r"\u00e9",
            r"\ud83d\ude00",
            "漢",
            r#"\""#,
            r"\\u00e9 ",
            r"x\ud83d\ude00y",
        ];
        for (piece, shift) in pieces
            .iter()
            .flat_map(|piece| (0..13).map(move |shift| (piece, shift)))
        {
            let inside = format!("{}{}", "s".repeat(shift), piece.repeat(8_000 / piece.len()));
            let json = raw(&format!("\"{inside}\""));
            let whole = text(&json).expect("text");
            let ends = of_content(&json).expect("ends");
            let within = ENOUGH_BYTES / 6..=2 * ENOUGH_BYTES + GAP.len();
            assert!(
                within.contains(&ends.len()),
                "{piece} {shift}: {}",
                ends.len()
            );
            let gaps = ends
                .match_indices(GAP)
                .map(|(at, _)| (&ends[..at], &ends[at + GAP.len()..]));
            let mut right =
                gaps.filter(|(head, tail)| whole.starts_with(head) && whole.ends_with(tail));
            assert!(right.next().is_some(), "{piece} {shift}");
        }
    }

    #[test]
    fn what_cannot_be_cut_is_read_whole() {
        let json = raw(&format!("\"{}\"", r"\\".repeat(4_000)));
        assert_eq!(of_content(&json), text(&json));
    }
}

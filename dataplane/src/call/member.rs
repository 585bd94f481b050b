//! Where a member of a body's top level lies, so that it can be taken out.

use std::ops::Range;

use serde_json::value::RawValue;

/// From the key to the end of the value, with one comma where there is one. The value was borrowed from the body, and
/// its key has no quotation mark in it.
pub(super) fn span_of(value: &RawValue, body: &[u8]) -> Range<usize> {
    let start = value.get().as_ptr() as usize - body.as_ptr() as usize;
    let end = start + value.get().len();
    let quote = |before: usize| body[..before].iter().rposition(|byte| *byte == b'"');
    let key_end = quote(start).unwrap_or(start);
    let key = quote(key_end).unwrap_or(start);
    let before = body[..key].iter().rposition(|b| !b.is_ascii_whitespace());
    if let Some(comma) = before.filter(|at| body[*at] == b',') {
        return comma..end;
    }
    let after = body[end..].iter().position(|b| !b.is_ascii_whitespace());
    match after.map(|after| end + after) {
        Some(comma) if body[comma] == b',' => key..comma + 1,
        Some(_) | None => key..end,
    }
}

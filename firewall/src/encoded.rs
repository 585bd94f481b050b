//! Text that hides in base64 or hexadecimal digits.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Shorter runs of such characters are words.
const LEAST_RUN: usize = 16;
/// Longer ones are files.
const MOST_RUN: usize = 65_536;
/// Characters that a hidden text has, at least.
const LEAST_TEXT: usize = 8;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A part of a text that hides another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Where it stands, in bytes.
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

/// All of them, in order.
pub(crate) fn hidden(text: &str) -> Vec<Hidden> {
    let mut found = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    while start < bytes.len() {
        let rest = &bytes[start..];
        let length = rest.iter().take_while(|byte| is_digit(**byte)).count();
        let range = start..start + length;
        if length >= LEAST_RUN
            && let Some(text) = decoded(&text[range.clone()])
        {
            found.push(Hidden { range, text });
        }
        start += length.max(1);
    }
    found
}

/// Of base64 in either of its alphabets.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

fn decoded(run: &str) -> Option<String> {
    if run.len() > MOST_RUN {
        return None;
    }
    from_hex(run).or_else(|| from_base64(run))
}

fn from_hex(run: &str) -> Option<String> {
    if !run.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| Some(digit(pair[0])? * 16 + digit(pair[1])?);
    let bytes = run.as_bytes().chunks_exact(2).map(pair);
    let bytes: Option<Vec<u8>> = bytes.map(|byte| u8::try_from(byte?).ok()).collect();
    readable(bytes?)
}

fn from_base64(run: &str) -> Option<String> {
    let plain = run.replace('-', "+").replace('_', "/");
    readable(LENIENT.decode(plain).ok()?)
}

/// The text in these bytes, if it is one: letters and spaces, four of five.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_good = |c: &char| *c == ' ' || c.is_ascii_alphabetic() || *c >= '\u{a0}';
    let (count, good) = (text.chars().count(), text.chars().filter(is_good).count());
    (count >= LEAST_TEXT && good * 5 >= count * 4).then_some(text)
}

//! Fields of protobuf messages, appended one by one. What has its default value is left out, unless it is optional.

use prost::{
    Message,
    encoding::{WireType, encode_varint, encoded_len_varint, message},
};
use uuid::Uuid;

/// A message within another. Its length comes before it and is known after it: one byte is left for it, which is
/// enough for nearly all.
pub(super) fn nested(tag: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    key(tag, WireType::LengthDelimited, out);
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out[at] = short,
        Ok(_) | Err(_) => {
            // What was written moves back by as much as the length is longer.
            let more = encoded_len_varint(length as u64) - 1;
            out.resize(out.len() + more, 0);
            out.copy_within(at + 1..at + 1 + length, at + 1 + more);
            let mut room = &mut out[at..=at + more];
            encode_varint(length as u64, &mut room);
        }
    }
}

/// A message as it is generated, of those that are seldom there.
pub(super) fn generated<M: Message>(tag: u32, value: Option<M>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        message::encode(tag, &value, out);
    }
}

pub(super) fn text(tag: u32, value: &str, out: &mut Vec<u8>) {
    if !value.is_empty() {
        element(tag, value.as_bytes(), out);
    }
}

/// One of several texts or bytes, also if it is empty.
pub(super) fn element(tag: u32, value: &[u8], out: &mut Vec<u8>) {
    key(tag, WireType::LengthDelimited, out);
    raw_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

pub(super) fn uuid(tag: u32, value: Option<Uuid>, out: &mut Vec<u8>) {
    if let Some(id) = value {
        element(tag, id.as_bytes(), out);
    }
}

pub(super) fn number(tag: u32, value: u64, out: &mut Vec<u8>) {
    varint(tag, (value > 0).then_some(value), out);
}

pub(super) fn flag(tag: u32, value: bool, out: &mut Vec<u8>) {
    varint(tag, value.then_some(1), out);
}

pub(super) fn real(tag: u32, value: f64, out: &mut Vec<u8>) {
    double(tag, (value != 0.0).then_some(value), out);
}

pub(super) fn double(tag: u32, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        key(tag, WireType::SixtyFourBit, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

pub(super) fn varint(tag: u32, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        key(tag, WireType::Varint, out);
        raw_varint(value, out);
    }
}

/// What a field begins with.
fn key(tag: u32, kind: WireType, out: &mut Vec<u8>) {
    raw_varint(u64::from(tag << 3 | kind as u32), out);
}

#[inline]
fn raw_varint(value: u64, out: &mut Vec<u8>) {
    match u8::try_from(value) {
        Ok(short @ ..0x80) => out.push(short),
        Ok(_) | Err(_) => encode_varint(value, out),
    }
}

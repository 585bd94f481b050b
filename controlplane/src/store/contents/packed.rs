//! Messages and lists of them as bytes.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde_json::value::RawValue;

use crate::store::StoreError;

/// Shorter messages do not get shorter.
const COMPRESSED_FROM: usize = 256;

/// What the first byte of a body says of the rest.
const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;

/// A message's JSON, compressed where that makes it shorter.
pub(super) fn pack_body(json: &str) -> Vec<u8> {
    let plain = || [&[PLAIN], json.as_bytes()].concat();
    if json.len() < COMPRESSED_FROM {
        return plain();
    }
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::fast());
    let written = encoder.write_all(json.as_bytes());
    match written.and_then(|()| encoder.finish()) {
        Ok(packed) if packed.len() <= json.len() => packed,
        Ok(_) | Err(_) => plain(),
    }
}

/// Reads a message back.
pub(super) fn unpack_body(bytes: &[u8]) -> Result<Box<RawValue>, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("message", e);
    let (kind, rest) = bytes.split_first().ok_or_else(|| corrupt(&"empty"))?;
    match *kind {
        PLAIN => serde_json::from_slice(rest).map_err(|e| corrupt(&e)),
        DEFLATED => {
            let mut json = Vec::new();
            let read = DeflateDecoder::new(rest).read_to_end(&mut json);
            read.map_err(|e| corrupt(&e))?;
            serde_json::from_slice(&json).map_err(|e| corrupt(&e))
        }
        other => Err(corrupt(&format_args!("form {other}"))),
    }
}

/// Numbers as runs of successive ones: pairs of a first number and a length, each a LEB128.
pub(super) fn pack_runs(numbers: &[u64]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = numbers;
    while let Some(&first) = rest.first() {
        let next = (first..)
            .zip(rest)
            .take_while(|(expected, number)| expected == *number);
        let length = next.count();
        prost::encoding::encode_varint(first, &mut packed);
        prost::encoding::encode_varint(length as u64, &mut packed);
        rest = &rest[length..];
    }
    packed
}

/// Numbers that a list of runs may stand for: more than a call has messages.
const MAX_NUMBERS: u64 = 1 << 20;

/// Reads runs back.
pub(super) fn unpack_runs(mut packed: &[u8]) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    while !packed.is_empty() {
        let mut number = || {
            let read = prost::encoding::decode_varint(&mut packed);
            read.map_err(|e| StoreError::corrupt("list of messages", e))
        };
        let (first, length) = (number()?, number()?);
        let end = first.checked_add(length);
        let end = end.filter(|_| length <= MAX_NUMBERS);
        let end = end.ok_or_else(|| StoreError::corrupt("list of messages", "too long a run"))?;
        numbers.extend(first..end);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_read_back_as_they_were(numbers in prop::collection::vec(0..40u64, 0..60)) {
            let packed = pack_runs(&numbers);
            prop_assert_eq!(unpack_runs(&packed).expect("reads"), numbers);
        }

        #[test]
        fn messages_are_read_back_as_they_were(text in "\\PC{0,600}") {
            let message = json!({"role": "user", "content": text});
            let packed = pack_body(&message.to_string());
            let read = unpack_body(&packed).expect("reads");
            prop_assert_eq!(read.get(), message.to_string());
        }
    }

    #[test]
    fn a_conversation_that_goes_on_takes_a_few_bytes() {
        let numbers: Vec<u64> = (0..200).collect();
        assert_eq!(pack_runs(&numbers).len(), 3);
        let long = json!({"role": "user", "content": "the same again and ".repeat(500)});
        assert!(pack_body(&long.to_string()).len() < 200);
    }

    #[test]
    fn what_was_damaged_is_an_error() {
        for bytes in [&b""[..], b"\x02{}", b"\x00{", b"\x01xx"] {
            assert!(unpack_body(bytes).is_err(), "{bytes:?}");
        }
        for bytes in [&b"\x01"[..], b"\x00\xff\xff\xff\xff\xff\x01"] {
            assert!(unpack_runs(bytes).is_err(), "{bytes:?}");
        }
    }
}

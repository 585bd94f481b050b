//! Frames of the log: length, checksum, payload; a torn one is recognised and not read.

use prost::Message;

/// Length and CRC-32 of the payload, both little endian.
pub(super) const HEADER_BYTES: usize = 8;

/// A larger payload is not a frame of ours; gRPC messages are at most 4 MiB.
pub(super) const MAX_PAYLOAD_BYTES: usize = 2 << 20;

/// How long the frame of a message is; `None` where it is too long to be one.
pub(super) fn length(message: &impl Message) -> Option<usize> {
    let length = message.encoded_len();
    (length <= MAX_PAYLOAD_BYTES).then_some(HEADER_BYTES + length)
}

/// Appends a message in its frame, which must not be too long.
pub(super) fn put(message: &impl Message, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    message.encode_raw(out);
    let (header, payload) = out[start..].split_at_mut(HEADER_BYTES);
    // At most `MAX_PAYLOAD_BYTES`.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
}

/// What the bytes at a position are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<'a> {
    /// A payload, and the length of its frame.
    Frame(&'a [u8], usize),
    /// More bytes are needed to tell.
    Incomplete,
    /// No frame begins here.
    Corrupt,
}

/// Reads the frame that begins with these bytes.
pub(super) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Decoded::Incomplete;
    };
    let [a, b, c, d, e, f, g, h] = *header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_PAYLOAD_BYTES {
        return Decoded::Corrupt;
    }
    match rest.get(..length) {
        None => Decoded::Incomplete,
        Some(payload)
            if crc32fast::hash(payload) == u32::from_le_bytes([e, f, g, h]) && length > 0 =>
        {
            Decoded::Frame(payload, HEADER_BYTES + length)
        }
        Some(_) => Decoded::Corrupt,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(payload: &Vec<u8>) -> Vec<u8> {
        let mut frame = Vec::new();
        put(payload, &mut frame);
        assert_eq!(length(payload), Some(frame.len()));
        frame
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back_and_any_flipped_bit_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 1..200),
            flip in any::<prop::sample::Index>(),
        ) {
            let (mut frame, payload) = (framed(&payload), payload.encode_to_vec());
            prop_assert_eq!(decode(&frame), Decoded::Frame(&payload, frame.len()));
            let at = flip.index(frame.len());
            frame[at] ^= 1;
            prop_assert!(!matches!(decode(&frame), Decoded::Frame(_, _)));
        }

        #[test]
        fn a_torn_frame_is_incomplete(payload in prop::collection::vec(any::<u8>(), 1..50), keep in 0usize..59) {
            let frame = framed(&payload);
            prop_assume!(keep < frame.len());
            prop_assert_eq!(decode(&frame[..keep]), Decoded::Incomplete);
        }
    }

    #[test]
    fn zeroes_are_not_a_frame() {
        assert_eq!(decode(&[0; 64]), Decoded::Corrupt);
    }
}

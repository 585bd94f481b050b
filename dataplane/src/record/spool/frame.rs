//! Frames of the log: length, checksum, payload; a torn one is recognised and not read.

/// Length and CRC-32 of the payload, both little endian.
pub(super) const HEADER_BYTES: usize = 8;

/// A larger payload is not a frame of ours; gRPC messages are at most 4 MiB.
pub(super) const MAX_PAYLOAD_BYTES: usize = 2 << 20;

/// Puts a payload in its frame; `None` where it is too long.
pub(super) fn encode(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= MAX_PAYLOAD_BYTES)?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    frame.extend_from_slice(payload);
    Some(frame)
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

    proptest! {
        #[test]
        fn a_frame_is_read_back_and_any_flipped_bit_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 1..200),
            flip in any::<prop::sample::Index>(),
        ) {
            let mut frame = encode(&payload).expect("short");
            prop_assert_eq!(decode(&frame), Decoded::Frame(&payload, frame.len()));
            let at = flip.index(frame.len());
            frame[at] ^= 1;
            prop_assert!(!matches!(decode(&frame), Decoded::Frame(_, _)));
        }

        #[test]
        fn a_torn_frame_is_incomplete(payload in prop::collection::vec(any::<u8>(), 1..50), keep in 0usize..57) {
            let frame = encode(&payload).expect("short");
            prop_assume!(keep < frame.len());
            prop_assert_eq!(decode(&frame[..keep]), Decoded::Incomplete);
        }
    }

    #[test]
    fn zeroes_are_not_a_frame() {
        assert_eq!(decode(&[0; 64]), Decoded::Corrupt);
    }
}

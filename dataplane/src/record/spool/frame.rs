//! Frames of the log: length, checksum, payload; a torn one is recognised and not read.

use prost::Message;

/// Length and CRC-32 of the payload, both little endian.
pub(super) const HEADER_BYTES: usize = 8;

/// A larger payload is not a frame of ours; gRPC messages are at most 4 MiB.
pub(super) const MAX_PAYLOAD_BYTES: usize = 2 << 20;

/// A message in its frame; `None` where it is too long for one.
pub(super) fn of(message: &impl Message) -> Option<Vec<u8>> {
    let length = message.encoded_len();
    if length > MAX_PAYLOAD_BYTES {
        return None;
    }
    framed(length, |out| message.encode_raw(out))
}

/// What is written after a frame's head, in that frame; `None` where it is too long for one.
pub(super) fn framed(capacity: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + capacity);
    frame.extend_from_slice(&[0; HEADER_BYTES]);
    write(&mut frame);
    let (header, payload) = frame.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(payload.len()).ok()?;
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    (payload.len() <= MAX_PAYLOAD_BYTES).then_some(frame)
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

    fn frame_of(payload: &Vec<u8>) -> Vec<u8> {
        of(payload).expect("short")
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back_and_any_flipped_bit_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 1..200),
            flip in any::<prop::sample::Index>(),
        ) {
            let (mut frame, payload) = (frame_of(&payload), payload.encode_to_vec());
            prop_assert_eq!(decode(&frame), Decoded::Frame(&payload, frame.len()));
            let at = flip.index(frame.len());
            frame[at] ^= 1;
            prop_assert!(!matches!(decode(&frame), Decoded::Frame(_, _)));
        }

        #[test]
        fn a_torn_frame_is_incomplete(payload in prop::collection::vec(any::<u8>(), 1..50), keep in 0usize..59) {
            let frame = frame_of(&payload);
            prop_assume!(keep < frame.len());
            prop_assert_eq!(decode(&frame[..keep]), Decoded::Incomplete);
        }
    }

    #[test]
    fn what_is_too_long_gets_no_frame() {
        let longest = vec![1; MAX_PAYLOAD_BYTES];
        assert!(framed(0, |out| out.extend_from_slice(&longest)).is_some());
        assert!(
            framed(0, |out| out
                .extend_from_slice(&[&longest[..], &[1]].concat()))
            .is_none()
        );
    }

    #[test]
    fn zeroes_are_not_a_frame() {
        assert_eq!(decode(&[0; 64]), Decoded::Corrupt);
    }
}

//! Binary event streams: any cutting gives the same frames, and broken bytes are errors.
#![allow(clippy::unwrap_used, reason = "a broken assumption must end the test")]

use bytes::Bytes;
use floopy_protocols::event_stream::{Decoder, Frame, FrameError, HeaderValue, Headers};
use proptest::{collection::vec, prelude::*};

fn header_value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i8>().prop_map(HeaderValue::Byte),
        any::<i16>().prop_map(HeaderValue::Short),
        any::<i32>().prop_map(HeaderValue::Int),
        any::<i64>().prop_map(HeaderValue::Long),
        vec(any::<u8>(), 0..40).prop_map(|bytes| HeaderValue::Bytes(bytes.into())),
        ".{0,20}".prop_map(HeaderValue::Text),
        any::<i64>().prop_map(HeaderValue::TimestampMs),
        any::<[u8; 16]>().prop_map(HeaderValue::Uuid),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let headers = vec((".{1,30}", header_value()), 0..6);
    (headers, vec(any::<u8>(), 0..300)).prop_map(|(headers, payload)| Frame {
        headers: Headers(headers),
        payload: Bytes::from(payload),
    })
}

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Result<(), FrameError>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    let end = decoder.finish();
    (frames, end)
}

fn encode(frames: &[Frame]) -> Vec<u8> {
    let encoded = frames.iter().map(|frame| frame.encode().unwrap());
    encoded.collect::<Vec<_>>().concat()
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_frames(
        frames in vec(frame(), 0..5),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = encode(&frames);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(decode(chunks), (frames.clone(), Ok(())));
        prop_assert_eq!(decode(bytes.chunks(1)), (frames, Ok(())));
    }

    #[test]
    fn a_flipped_bit_is_never_taken_for_a_frame(
        frames in vec(frame(), 1..4),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut bytes = encode(&frames);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (found, end) = decode(std::iter::once(&bytes[..]));
        prop_assert!(end.is_err());
        prop_assert_eq!(&found[..], &frames[..found.len()], "what came before stands");
    }

    #[test]
    fn any_bytes_end_in_frames_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        decode(bytes.chunks(7)).1.err();
    }

    /// Checksums that fit, so that what they protect is reached.
    #[test]
    fn any_headers_with_good_checksums_end_in_a_frame_or_an_error(
        headers in vec(any::<u8>(), 0..60),
        payload in vec(any::<u8>(), 0..20),
    ) {
        let total = (16 + headers.len() + payload.len()) as u32;
        let mut bytes = [total.to_be_bytes(), (headers.len() as u32).to_be_bytes()].concat();
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend([headers, payload].concat());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        let (frames, end) = decode(std::iter::once(&bytes[..]));
        prop_assert_eq!(frames.len() == 1, end.is_ok());
    }
}

//! What is not yet anybody's API: JSON field by field, the framing of streams, signatures, tokens.

use std::str;

use floopy_protocols::{
    Item, Object,
    event_stream::{Decoder, Frame},
    google_jwt, sigv4,
    sse::Scanner,
};

/// The whole of a body, as deep as it goes.
pub(super) fn object(data: &[u8]) {
    let Ok(mut top) = Object::top(data) else {
        return;
    };
    top.u64("a").ok();
    top.f64("b").ok();
    top.bool("c").ok();
    let items = top.list("d").unwrap_or_default();
    items.iter().for_each(item);
    for field in top.rest() {
        let text = str::from_utf8(data).expect("what is JSON is UTF-8");
        assert!(text.contains(field.value.text()), "bytes pass through");
        field.value.object(&field.at.0).ok();
    }
}

fn item(item: &Item<'_>) {
    if item.is_string() {
        item.string().ok();
    } else if let Ok(object) = item.object() {
        assert!(
            object
                .rest()
                .iter()
                .all(|field| field.at.0.starts_with(&item.at))
        );
    }
}

/// The data of the events in these chunks.
pub(super) fn events<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut scanner, mut events) = (Scanner::default(), Vec::new());
    for chunk in chunks {
        scanner.feed(chunk, |data, end| {
            assert!(
                end <= chunk.len(),
                "an event ends in the bytes that complete it"
            );
            events.push(data.to_vec());
        });
    }
    events
}

/// Any cutting gives the same events. The first byte says in what pieces.
pub(super) fn sse(data: &[u8]) {
    let whole = events([data].into_iter());
    let size = data.first().map_or(1, |first| usize::from(*first).max(1));
    assert_eq!(events(data.chunks(size)), whole);
    assert_eq!(events(data.chunks(1)), whole);
}

fn decode(data: &[u8], chunk: usize) -> Vec<Frame> {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for chunk in data.chunks(chunk) {
        decoder.push(chunk);
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames.push(frame);
        }
    }
    frames
}

/// The bytes as they are; and as headers and payload of a frame whose checksums fit, for no chance finds those.
pub(super) fn event_stream(data: &[u8]) {
    let whole = decode(data, data.len().max(1));
    assert_eq!(decode(data, 1), whole, "any cutting gives the same frames");
    let Some((headers, data)) = data.split_first() else {
        return;
    };
    let headers = usize::from(*headers).min(data.len());
    let frames = decode(&framed(&data[..headers], &data[headers..]), 7);
    for frame in whole.iter().chain(&frames) {
        let again = decode(&frame.encode().expect("what was read can be written"), 11);
        assert_eq!(again, std::slice::from_ref(frame));
        frame.to_json().ok();
    }
}

fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = 16 + headers.len() + payload.len();
    let mut bytes = Vec::with_capacity(total);
    for length in [total, headers.len()] {
        bytes.extend(
            u32::try_from(length)
                .expect("inputs are short")
                .to_be_bytes(),
        );
    }
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend([headers, payload].concat());
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

/// ISO 3309's, bit by bit: the targets need no library but the one they test.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xEDB8_8320
        } else {
            crc >> 1
        }
    };
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A service account, and what its token's server says.
pub(super) fn google_jwt(data: &[u8]) {
    google_jwt::ServiceAccount::read(data).err();
    google_jwt::read_token(data).err();
    google_jwt::read_token_error(400, data);
}

/// A path, a query and a header.
pub(super) fn sign(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (path, query, header) = (next(), next(), next());
    let encoded = sigv4::encode(path);
    assert!(
        encoded
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b))
    );
    let request = sigv4::Unsigned {
        method: "POST",
        path,
        query,
        headers: &[("host", header)],
        payload_sha256: &sigv4::payload_sha256(b""),
    };
    sigv4::sign(&request, &credentials(), scope(), sigv4::Time::UNIX_EPOCH);
}

fn credentials() -> sigv4::Credentials {
    sigv4::Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    }
}

fn scope() -> sigv4::Scope<'static> {
    sigv4::Scope {
        region: "us-east-1",
        service: "bedrock",
    }
}

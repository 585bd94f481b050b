//! What is fuzzed: a line each. A target gets any bytes; it must neither panic nor take long, and holds what its
//! own assertions say.
//!
//! The seeds of a target are in `seeds/<name>` and `protocols/tests/golden/<name>`; a test of `protocols` runs all
//! of them too, whole and damaged, so that what was found once stays mended.

use std::str;

use floopy_protocols::{
    EventReader, Item, Object, converse,
    event_stream::{Decoder, Frame},
    google_jwt, sigv4,
};

pub(crate) type Target = fn(&[u8]);

pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("object", object),
    ("event_stream", event_stream),
    ("converse", |data| {
        converse::read_reply(data).ok();
        converse::read_error(400, None, data);
        events::<converse::EventReader>(data);
        frames(data);
    }),
    ("google_jwt", |data| {
        google_jwt::ServiceAccount::read(data).err();
        google_jwt::read_token(data).err();
        google_jwt::read_token_error(400, data);
    }),
    ("sigv4", sign),
];

/// Every line is an event's data.
fn events<R: EventReader + Default>(data: &[u8]) {
    let (mut reader, mut out) = (R::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        if reader.read(line, &mut out).is_err() {
            return;
        }
    }
}

/// The whole of a body, as deep as it goes.
fn object(data: &[u8]) {
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
fn event_stream(data: &[u8]) {
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

/// Every line is an event's name, a blank, and its payload.
fn frames(data: &[u8]) {
    let (mut reader, mut out) = (converse::EventReader::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        let Some(blank) = line.iter().position(|byte| *byte == b' ') else {
            return;
        };
        let (name, payload) = line.split_at(blank);
        let frame = Frame::event(&String::from_utf8_lossy(name), payload[1..].to_vec());
        if reader.read_frame(&frame, &mut out).is_err() {
            return;
        }
    }
}

/// A path, a query and a header.
fn sign(data: &[u8]) {
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

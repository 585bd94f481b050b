//! AWS's binary event streams (`application/vnd.amazon.eventstream`): frames from bytes, however they were cut,
//! and bytes from frames.
//!
//! A frame is its length, its headers' length and a CRC-32 of the two; the headers; the payload; and a CRC-32 of
//! all before it, every number big-endian
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html>; the header types are those of
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>).

mod headers;

use bytes::{Buf, Bytes, BytesMut};

pub use self::headers::{HeaderValue, Headers};

/// Both lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// What AWS's own clients accept.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;
const MAX_HEADERS_BYTES: usize = 128 * 1024;

/// What [`Frame::to_json`] calls an error that is no exception.
pub const UNMODELLED: &str = "unmodelledException";

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    pub headers: Headers,
    pub payload: Bytes,
}

/// What a frame is, by its `:message-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// By its `:event-type`.
    Event(&'a str),
    /// An error that the service's API describes, by its `:exception-type`.
    Exception(&'a str),
    /// Any other error.
    Error { code: &'a str, message: &'a str },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes, the most is {MAX_FRAME_BYTES}")]
    TooLong(usize),
    #[error("a frame of {frame} bytes cannot hold headers of {headers} bytes")]
    TooShort { frame: usize, headers: usize },
    #[error("headers of {0} bytes, the most is {MAX_HEADERS_BYTES}")]
    HeadersTooLong(usize),
    #[error("the checksum of a frame's lengths is {found:08x}, they say {expected:08x}")]
    PreludeChecksum { found: u32, expected: u32 },
    #[error("the checksum of a frame is {found:08x}, it says {expected:08x}")]
    Checksum { found: u32, expected: u32 },
    #[error("a frame's headers end in the middle of one")]
    HeaderCut,
    #[error("a header's name is empty, too long or not UTF-8")]
    HeaderName,
    #[error("the header {name} is of the unknown type {kind}")]
    HeaderType { name: String, kind: u8 },
    #[error("the header {0} holds a string that is not UTF-8")]
    HeaderText(String),
    #[error("the header {0} is too long")]
    HeaderTooLong(String),
    #[error("a frame has no header {0}")]
    HeaderMissing(&'static str),
    #[error("a frame is of the unknown kind {0:?}")]
    UnknownKind(String),
    #[error("the stream ends {0} bytes into a frame")]
    Cut(usize),
}

impl Frame {
    /// What the service sends for an event: for replay servers and tests.
    pub fn event(name: &str, payload: impl Into<Bytes>) -> Self {
        let text = |value: &str| HeaderValue::Text(value.to_owned());
        Self {
            headers: Headers(vec![
                (":event-type".to_owned(), text(name)),
                (":content-type".to_owned(), text("application/json")),
                (":message-type".to_owned(), text("event")),
            ]),
            payload: payload.into(),
        }
    }

    /// What the service sends for an exception.
    pub fn exception(name: &str, payload: impl Into<Bytes>) -> Self {
        let text = |value: &str| HeaderValue::Text(value.to_owned());
        Self {
            headers: Headers(vec![
                (":exception-type".to_owned(), text(name)),
                (":content-type".to_owned(), text("application/json")),
                (":message-type".to_owned(), text("exception")),
            ]),
            payload: payload.into(),
        }
    }

    pub fn kind(&self) -> Result<Kind<'_>, FrameError> {
        let required = |name| {
            let value = self.headers.text(name);
            value.ok_or(FrameError::HeaderMissing(name))
        };
        match required(":message-type")? {
            "event" => Ok(Kind::Event(required(":event-type")?)),
            "exception" => Ok(Kind::Exception(required(":exception-type")?)),
            "error" => Ok(Kind::Error {
                code: required(":error-code")?,
                message: self.headers.text(":error-message").unwrap_or_default(),
            }),
            other => Err(FrameError::UnknownKind(other.to_owned())),
        }
    }

    /// The event in the form in which AWS's references write streams, `{"messageStart":{…}}`: the payload under
    /// the event's name, or the exception's. Of any other error only its code and message are known.
    pub fn to_json(&self) -> Result<Vec<u8>, FrameError> {
        let (name, payload) = match self.kind()? {
            Kind::Event(name) | Kind::Exception(name) => (name, self.payload.clone()),
            Kind::Error { code, message } => {
                let payload = serde_json::json!({"__type": code, "message": message});
                (UNMODELLED, Bytes::from(payload.to_string()))
            }
        };
        let mut json = serde_json::json!(name).to_string().into_bytes();
        json.insert(0, b'{');
        json.push(b':');
        json.extend_from_slice(&payload);
        json.push(b'}');
        Ok(json)
    }

    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut headers = Vec::new();
        self.headers.encode(&mut headers)?;
        if headers.len() > MAX_HEADERS_BYTES {
            return Err(FrameError::HeadersTooLong(headers.len()));
        }
        let total = PRELUDE_BYTES + headers.len() + self.payload.len() + CHECKSUM_BYTES;
        let too_long = |_| FrameError::TooLong(total);
        let total_u32 = u32::try_from(total).map_err(too_long)?;
        let headers_u32 = u32::try_from(headers.len()).map_err(too_long)?;
        if total > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong(total));
        }
        let mut out = Vec::with_capacity(total);
        out.extend_from_slice(&total_u32.to_be_bytes());
        out.extend_from_slice(&headers_u32.to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        Ok(out)
    }
}

/// Finds the frames in a stream. After an error there is no way back into step: the error repeats.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    failed: Option<FrameError>,
}

impl Decoder {
    /// Takes in what came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame, if all of it is here.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let found = self.decode();
        if let Err(error) = &found {
            self.failed = Some(error.clone());
            self.buffer = BytesMut::new();
        }
        found
    }

    /// That the stream may end here.
    pub fn finish(&self) -> Result<(), FrameError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.buffer.is_empty() => Ok(()),
            None => Err(FrameError::Cut(self.buffer.len())),
        }
    }

    fn decode(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(prelude) = self.buffer.first_chunk::<PRELUDE_BYTES>() else {
            return Ok(None);
        };
        let (total, headers) = lengths(prelude)?;
        if self.buffer.len() < total {
            self.buffer.reserve(total - self.buffer.len());
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(total).freeze();
        let mut checksum = frame.split_off(total - CHECKSUM_BYTES);
        let (found, expected) = (crc32fast::hash(&frame), checksum.get_u32());
        if found != expected {
            return Err(FrameError::Checksum { found, expected });
        }
        frame.advance(PRELUDE_BYTES);
        let headers = Headers::decode(frame.split_to(headers))?;
        Ok(Some(Frame {
            headers,
            payload: frame,
        }))
    }
}

/// Of the whole frame and of its headers.
fn lengths(mut prelude: &[u8]) -> Result<(usize, usize), FrameError> {
    let found = crc32fast::hash(&prelude[..PRELUDE_BYTES - CHECKSUM_BYTES]);
    let (frame, headers) = (prelude.get_u32() as usize, prelude.get_u32() as usize);
    let expected = prelude.get_u32();
    if found != expected {
        return Err(FrameError::PreludeChecksum { found, expected });
    }
    if frame > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(frame));
    }
    if headers > MAX_HEADERS_BYTES {
        return Err(FrameError::HeadersTooLong(headers));
    }
    if frame < PRELUDE_BYTES + headers + CHECKSUM_BYTES {
        return Err(FrameError::TooShort { frame, headers });
    }
    Ok((frame, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        decoder.next_frame()
    }

    /// The vectors of AWS's own clients (`test_vectors/` of their event stream libraries): an empty message, and
    /// a payload with a header of the type int.
    #[test]
    fn published_frames_are_read_and_written_byte_for_byte() {
        let empty = hex::decode("000000100000000005c248eb7d98c8ff").unwrap();
        assert_eq!(decode(&empty).unwrap(), Some(Frame::default()));
        assert_eq!(Frame::default().encode().unwrap(), empty);
        let int32 = hex::decode(
            "0000002d00000010 41c424b80a 6576656e742d74797065 04 0000a00c 7b27666f6f273a27626172277d 36f480a0"
                .replace(' ', ""),
        )
        .unwrap();
        let frame = decode(&int32).unwrap().unwrap();
        assert_eq!(&frame.payload[..], b"{'foo':'bar'}");
        let value = frame.headers.get("event-type");
        assert_eq!(value, Some(&HeaderValue::Int(40_972)));
        assert_eq!(frame.encode().unwrap(), int32);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_they_are_waited_for() {
        let prelude = |frame: u32, headers: u32| {
            let mut bytes = [frame.to_be_bytes(), headers.to_be_bytes()].concat();
            bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
            decode(&bytes).unwrap_err()
        };
        assert_eq!(prelude(u32::MAX, 0), FrameError::TooLong(4_294_967_295));
        assert_eq!(
            prelude(200_000, 131_073),
            FrameError::HeadersTooLong(131_073)
        );
        let short = |frame, headers| FrameError::TooShort { frame, headers };
        assert_eq!(prelude(15, 0), short(15, 0));
        assert_eq!(prelude(0, 0), short(0, 0));
        assert_eq!(prelude(20, 5), short(20, 5));
    }

    #[test]
    fn an_error_repeats_whatever_follows() {
        let good = Frame::event("messageStart", "{}").encode().unwrap();
        let mut bad = good.clone();
        bad[0] ^= 1;
        let mut decoder = Decoder::default();
        decoder.push(&bad);
        let error = decoder.next_frame().unwrap_err();
        decoder.push(&good);
        assert_eq!(decoder.next_frame().unwrap_err(), error);
        assert_eq!(decoder.finish().unwrap_err(), error);
    }

    #[test]
    fn a_frame_says_what_it_is() {
        let frame = Frame::event("metadata", "{}");
        assert_eq!(frame.kind(), Ok(Kind::Event("metadata")));
        let frame = Frame::exception("throttlingException", "{}");
        assert_eq!(frame.kind(), Ok(Kind::Exception("throttlingException")));
        let missing = Err(FrameError::HeaderMissing(":message-type"));
        assert_eq!(Frame::default().kind(), missing);
    }

    #[test]
    fn a_stream_may_only_end_between_frames() {
        let bytes = Frame::event("messageStop", "{}").encode().unwrap();
        let mut decoder = Decoder::default();
        decoder.push(&bytes[..bytes.len() - 1]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.finish(), Err(FrameError::Cut(bytes.len() - 1)));
        decoder.push(&bytes[bytes.len() - 1..]);
        assert!(decoder.next_frame().unwrap().is_some());
        assert_eq!(decoder.finish(), Ok(()));
    }
}

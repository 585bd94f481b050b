//! Heads of HTTP/1.1 messages: writing those of requests, reading those of responses.

use std::{io, mem::MaybeUninit};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};

use super::super::chunked::{Chunked, Next};

/// Header fields of one response.
const MAX_HEADERS: usize = 100;

/// How the end of a body is known (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Bytes that are left.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Framing {
    /// Takes from the buffer what is there of the body.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> io::Result<Next> {
        match self {
            Self::Chunked(chunked) => chunked.next(buffer).map_err(invalid),
            Self::Length(0) => Ok(Next::Ended),
            Self::Length(_) | Self::UntilClose if buffer.is_empty() => Ok(Next::Missing),
            Self::Length(left) => {
                let taken = usize::try_from(*left).map_or(buffer.len(), |l| l.min(buffer.len()));
                *left -= taken as u64;
                Ok(Next::Data(buffer.split_to(taken).freeze()))
            }
            Self::UntilClose => Ok(Next::Data(buffer.split().freeze())),
        }
    }
}

/// The beginning of a response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) framing: Framing,
    /// Another request may follow on the connection.
    pub(super) keep: bool,
}

/// The head of a request, its end included.
pub(super) fn encode(request: &Request<Bytes>, host: &HeaderValue) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    let path = request.uri().path_and_query();
    head.extend_from_slice(request.method().as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(path.map_or("/", |path| path.as_str()).as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
    field(&mut head, &HOST, host.as_bytes());
    let own = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];
    for (name, value) in request.headers() {
        if !own.contains(name) {
            field(&mut head, name, value.as_bytes());
        }
    }
    if !request.body().is_empty() || request.method() == http::Method::POST {
        let length = HeaderValue::from(request.body().len());
        field(&mut head, &CONTENT_LENGTH, length.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn field(head: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    head.extend_from_slice(name.as_str().as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// Takes the head of the final response from the buffer; `None` where it has not all come yet.
pub(super) fn parse(buffer: &mut BytesMut) -> io::Result<Option<Head>> {
    loop {
        let Some(length) = length(buffer) else {
            return Ok(None);
        };
        let head = read(&buffer.split_to(length).freeze())?;
        match head.response.status() {
            StatusCode::SWITCHING_PROTOCOLS => return Err(invalid("an upgrade nobody asked for")),
            status if status.is_informational() => {}
            _ => return Ok(Some(head)),
        }
    }
}

/// How long the head at the beginning of these bytes is: it ends with an empty line.
fn length(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|end| match bytes.get(end + 1..) {
        Some([b'\n', ..]) => Some(end + 2),
        Some([b'\r', b'\n', ..]) => Some(end + 3),
        Some(_) | None => None,
    })
}

/// Reads a whole head; the values of its fields share its bytes.
fn read(head: &Bytes) -> io::Result<Head> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let status = config.parse_response_with_uninit_headers(&mut parsed, head, &mut headers);
    if !matches!(status.map_err(invalid)?, httparse::Status::Complete(length) if length == head.len())
    {
        return Err(invalid("a head that is no whole one"));
    }
    let is_1_1 = parsed.version == Some(1);
    let status = StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(invalid)?;
    let mut fields = HeaderMap::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(invalid)?;
        let value = head.slice_ref(header.value);
        fields.append(
            name,
            HeaderValue::from_maybe_shared(value).map_err(invalid)?,
        );
    }
    let (framing, certain) = framing(status, &fields)?;
    let keep = is_1_1 && certain && !lists(&fields, &CONNECTION, "close");
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    Ok(Head {
        response,
        framing,
        keep,
    })
}

/// The framing, and whether both sides must see the same end of the body.
fn framing(status: StatusCode, fields: &HeaderMap) -> io::Result<(Framing, bool)> {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok((Framing::Length(0), true));
    }
    let length = content_length(fields)?;
    if fields.contains_key(TRANSFER_ENCODING) {
        let chunked = fields
            .get_all(TRANSFER_ENCODING)
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok()?.rsplit(',').next())
            .is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"));
        return Ok(if chunked {
            (Framing::Chunked(Chunked::Size), length.is_none())
        } else {
            (Framing::UntilClose, false)
        });
    }
    Ok(match length {
        Some(length) => (Framing::Length(length), true),
        None => (Framing::UntilClose, false),
    })
}

fn content_length(fields: &HeaderMap) -> io::Result<Option<u64>> {
    let mut length = None;
    let values = fields.get_all(CONTENT_LENGTH).iter();
    for value in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let digits = value.trim_ascii();
        // `parse` would take a sign.
        let number = digits.iter().all(u8::is_ascii_digit).then_some(digits);
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let number: u64 = number.ok_or_else(|| invalid("a content-length that is no number"))?;
        if length.replace(number).is_some_and(|other| other != number) {
            return Err(invalid("two content-lengths"));
        }
    }
    Ok(length)
}

fn lists(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = fields.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> io::Result<Option<Head>> {
        parse(&mut BytesMut::from(text))
    }

    fn framed(fields: &str) -> Option<(Framing, bool)> {
        let head = head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).ok()??;
        Some((head.framing, head.keep))
    }

    #[test]
    fn the_end_of_a_body_is_known_by_the_rules_of_rfc_9112() {
        let chunked = Framing::Chunked(Chunked::Size);
        let cases = [
            ("content-length: 5\r\n", Some((Framing::Length(5), true))),
            (
                "content-length: 5\r\nConnection: Close\r\n",
                Some((Framing::Length(5), false)),
            ),
            ("content-length: 5, 5\r\n", Some((Framing::Length(5), true))),
            ("content-length: 5\r\ncontent-length: 6\r\n", None),
            ("content-length: +5\r\n", None),
            ("content-length: \r\n", None),
            ("transfer-encoding: chunked\r\n", Some((chunked, true))),
            (
                "transfer-encoding: gzip, Chunked\r\n",
                Some((chunked, true)),
            ),
            (
                "content-length: 5\r\ntransfer-encoding: chunked\r\n",
                Some((chunked, false)),
            ),
            (
                "transfer-encoding: gzip\r\n",
                Some((Framing::UntilClose, false)),
            ),
            ("", Some((Framing::UntilClose, false))),
        ];
        for (fields, expected) in cases {
            assert_eq!(framed(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn interim_responses_are_skipped_and_upgrades_refused() {
        let last = "HTTP/1.1 204 No Content\r\nx-request-id: 7\r\n\r\n";
        let found = head(&format!(
            "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n{last}"
        ));
        let found = found.expect("valid").expect("whole");
        assert_eq!(found.response.status(), StatusCode::NO_CONTENT);
        assert_eq!(found.framing, Framing::Length(0));
        assert_eq!(found.response.headers()["x-request-id"], "7");
        assert!(head("HTTP/1.1 101 Switching Protocols\r\n\r\n").is_err());
        assert!(matches!(head(&last[..last.len() - 1]), Ok(None)));
        assert!(head("SSH-2.0-OpenSSH\r\n\r\n").is_err());
        let old = head("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert!(!old.expect("valid").expect("whole").keep);
    }

    #[test]
    fn a_request_says_where_it_goes_and_how_long_it_is() {
        let mut request = Request::post("http://user@h:1/v1/x?y=z").body(Bytes::from("ab"));
        let request = request.as_mut().expect("valid");
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(9));
        headers.insert("a", HeaderValue::from_static("b"));
        let head = encode(request, &HeaderValue::from_static("h:1"));
        let expected = "POST /v1/x?y=z HTTP/1.1\r\nhost: h:1\r\na: b\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(head, expected.as_bytes());
    }
}

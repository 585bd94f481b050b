//! Reading a chunked body (RFC 9112, section 7.1), from bytes however they are cut.

use bytes::{Buf, Bytes, BytesMut};

/// Of one line of framing, chunk extensions included, and of all trailers together.
const MAX_LINE_BYTES: usize = 16 << 10;

/// What is not a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunked body that is not one")]
pub(super) struct Malformed;

/// Where in the body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    Size,
    Data(u64),
    /// After the data of a chunk.
    DataEnd,
    /// After the last chunk, with the bytes of trailers so far.
    Trailers(usize),
    Ended,
}

/// What comes next of the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Data(Bytes),
    /// More must be read first.
    Missing,
    Ended,
}

impl Chunked {
    /// Takes from the buffer what can be taken. Data of a chunk is passed on as it comes.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Next, Malformed> {
        loop {
            match *self {
                Self::Size => {
                    let Some(line) = line(buffer)? else {
                        return Ok(Next::Missing);
                    };
                    *self = match size(&line)? {
                        0 => Self::Trailers(0),
                        size => Self::Data(size),
                    };
                }
                Self::Data(left) if buffer.is_empty() => {
                    debug_assert!(left > 0, "an empty chunk is the last one");
                    return Ok(Next::Missing);
                }
                Self::Data(left) => {
                    let taken = usize::try_from(left).map_or(buffer.len(), |l| l.min(buffer.len()));
                    let left = left - taken as u64;
                    *self = if left == 0 {
                        Self::DataEnd
                    } else {
                        Self::Data(left)
                    };
                    return Ok(Next::Data(buffer.split_to(taken).freeze()));
                }
                Self::DataEnd => match line(buffer)? {
                    None => return Ok(Next::Missing),
                    Some(line) if line.is_empty() => *self = Self::Size,
                    Some(_) => return Err(Malformed),
                },
                Self::Trailers(read) => match line(buffer)? {
                    None => return Ok(Next::Missing),
                    Some(line) if line.is_empty() => *self = Self::Ended,
                    Some(line) if read + line.len() > MAX_LINE_BYTES => return Err(Malformed),
                    Some(line) => *self = Self::Trailers(read + line.len()),
                },
                Self::Ended => return Ok(Next::Ended),
            }
        }
    }
}

/// A whole line without its end; `None` where it has not all come yet.
fn line(buffer: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
        return if buffer.len() > MAX_LINE_BYTES {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    let mut line = buffer.split_to(end);
    buffer.advance(1);
    // A bare LF is no line end here: what one side takes for framing, another might take for data.
    match line.last() {
        Some(b'\r') => line.truncate(end - 1),
        Some(_) | None => return Err(Malformed),
    }
    Ok(Some(line))
}

fn size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line
        .split(|byte| matches!(byte, b';' | b' ' | b'\t'))
        .next()
        .unwrap_or_default();
    // `from_str_radix` would take a sign.
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything that comes of these pieces: the data, and whether it ended; what is left over stays.
    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
        let (mut state, mut buffer, mut data) = (Chunked::Size, BytesMut::new(), Vec::new());
        let mut ended = false;
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match state.next(&mut buffer)? {
                    Next::Data(bytes) => data.extend_from_slice(&bytes),
                    Next::Missing => break,
                    Next::Ended => {
                        ended = true;
                        break;
                    }
                }
            }
        }
        Ok((data, ended, buffer.to_vec()))
    }

    #[test]
    fn what_is_not_chunked_is_refused() {
        for bad in [
            "x\r\n",
            "-1\r\na\r\n",
            "+1\r\na\r\n",
            "\r\n",
            "1\na\r\n",
            "1\r\nab\r\n",
            "10000000000000000\r\n",
        ] {
            assert_eq!(read(&[bad.as_bytes()]), Err(Malformed), "{bad:?}");
        }
        let endless = vec![b'1'; MAX_LINE_BYTES + 1];
        assert_eq!(read(&[&endless]), Err(Malformed));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(MAX_LINE_BYTES));
        assert_eq!(read(&[trailers.as_bytes()]), Err(Malformed));
    }

    #[test]
    fn extensions_and_trailers_are_skipped_and_what_follows_is_left() {
        let body = b"5;name=value\r\nhello\r\nA \r\n0123456789\r\n0\r\nx: y\r\n\r\nHTTP";
        let expected = (b"hello0123456789".to_vec(), true, b"HTTP".to_vec());
        assert_eq!(read(&[body]), Ok(expected));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_data_is_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(1usize..9, 1..40),
        ) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let (mut pieces, mut at) = (Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if at >= body.len() {
                    break;
                }
                let end = (at + cut).min(body.len());
                pieces.push(&body[at..end]);
                at = end;
            }
            prop_assert_eq!(read(&pieces), Ok((chunks.concat(), true, Vec::new())));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&bytes]);
        }
    }
}

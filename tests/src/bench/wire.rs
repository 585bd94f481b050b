//! As much of HTTP/1.1 as both ends of a benchmark need: little, so that what is measured stands between them.

use std::io;

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Longer messages are no part of any benchmark.
const MAX_BYTES: usize = 1 << 20;

/// One message, as it lies in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Where the body begins.
    pub head: usize,
    /// `None`: the body is chunked.
    pub length: Option<usize>,
}

impl Message {
    /// One past the last byte that is announced.
    fn end(self) -> usize {
        self.head + self.length.unwrap_or(0)
    }
}

/// The beginning of a message, if all of it is there.
pub fn head_of(bytes: &[u8]) -> Option<Message> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = bytes[..head].split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        if !name.eq_ignore_ascii_case(b"content-length:") {
            return None;
        }
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    });
    Some(Message { head, length })
}

/// Reads until a head and the body it announces are in the buffer, which is emptied first.
pub async fn read_message(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Message> {
    buffer.clear();
    let mut message = None;
    loop {
        if message.is_none() {
            message = head_of(buffer);
        }
        if let Some(message) = message.filter(|m| buffer.len() >= m.end()) {
            return Ok(message);
        }
        read_more(socket, buffer).await?;
    }
}

/// Reads what there is; the end is an error.
pub async fn read_more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    if buffer.len() > MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if socket.read_buf(buffer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Whether a message was answered with 200.
pub fn is_ok(reply: &[u8]) -> bool {
    reply.get(9..12) == Some(b"200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_gives_the_length_however_it_is_written() {
        let head = |text: &str| head_of(text.as_bytes()).map(|m| (m.head, m.length));
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(head(plain), Some((38, Some(5))));
        assert_eq!(head(&plain[..37]), None);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(head(chunked), Some((47, None)));
        assert!(is_ok(plain.as_bytes()) && !is_ok(b"HTTP/1.1 502 Bad"));
    }
}

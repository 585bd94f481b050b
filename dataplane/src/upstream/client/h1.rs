//! One connection that speaks HTTP/1.1 (RFC 9112), driven by whoever uses it.

mod head;

use std::{
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::SizeHint;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use self::head::{Framing, Head, encode, parse};
use super::{
    ClientError, Unsent,
    chunked::Next,
    connect::Io,
    pool::{MAX_AGE, Shared},
};

/// Room to read into: more than heads and most events need.
const READ_BYTES: usize = 4 << 10;

/// Room where a long body is announced.
const LONG_READ_BYTES: usize = 64 << 10;

/// Buffers that grew beyond this are not kept with an idle connection.
const KEPT_BYTES: usize = 16 << 10;

/// Of the head of one response, with interim ones before it.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// An open connection with nothing under way.
pub(super) struct Connection {
    /// Boxed, because a connection is moved in and out of the pool, and TLS makes it large.
    io: Box<Io>,
    buffer: BytesMut,
    born: Instant,
}

impl Connection {
    pub(super) fn new(io: Box<Io>) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            born: Instant::now(),
        }
    }

    /// Whether it may take another request.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.born) < MAX_AGE
    }

    /// Whether it is young, and the other side neither closed it nor sent what nobody asked for.
    pub(super) fn is_usable(&mut self, now: Instant) -> bool {
        let mut byte = [0];
        let mut read = ReadBuf::new(&mut byte);
        let mut nobody = Context::from_waker(Waker::noop());
        self.is_young(now)
            && Pin::new(&mut *self.io)
                .poll_read(&mut nobody, &mut read)
                .is_pending()
    }

    /// Sends a request and reads the head of its response. The request comes back where none of it was sent.
    pub(super) async fn send(
        self,
        shared: Arc<Shared>,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, Unsent> {
        let mut exchange = Exchange {
            head: encode(&request, shared.host()),
            request,
            sent: 0,
            connection: self,
            failed: None,
        };
        let read = std::future::poll_fn(|cx| exchange.poll(cx)).await;
        match read {
            Ok(head) => Ok(exchange.respond(head, shared)),
            Err(error) => {
                let unsent = (exchange.sent == 0).then(|| Box::new(exchange.request));
                Err((ClientError::Broken(error.into()), unsent))
            }
        }
    }

    /// Reads some more; the end is an error.
    fn poll_read(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<()>> {
        if self.buffer.capacity() - self.buffer.len() < room / 4 {
            self.buffer.reserve(room);
        }
        let read = ready!(pin!(self.io.read_buf(&mut self.buffer)).poll(cx))?;
        Poll::Ready(if read == 0 {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        })
    }
}

/// A request on its way out, while its response may already come in.
struct Exchange {
    head: Vec<u8>,
    request: Request<Bytes>,
    /// Bytes of head and body that are on their way.
    sent: usize,
    connection: Connection,
    /// Writing failed; the server may have answered before it stopped reading.
    failed: Option<io::Error>,
}

impl Exchange {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Head>> {
        if self.failed.is_none()
            && let Poll::Ready(Err(error)) = self.poll_write(cx)
        {
            self.failed = Some(error);
        }
        loop {
            if let Some(head) = parse(&mut self.connection.buffer)? {
                return Poll::Ready(Ok(head));
            }
            if self.connection.buffer.len() > MAX_HEAD_BYTES {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            if let Err(error) = ready!(self.connection.poll_read(cx, READ_BYTES)) {
                return Poll::Ready(Err(self.failed.take().unwrap_or(error)));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_sent() {
            let head = self.head.get(self.sent..).unwrap_or_default();
            let of_body = self.sent.saturating_sub(self.head.len());
            let body = &self.request.body()[of_body..];
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let io = Pin::new(&mut *self.connection.io);
            let written = ready!(io.poll_write_vectored(cx, &parts))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        Pin::new(&mut *self.connection.io).poll_flush(cx)
    }

    fn is_sent(&self) -> bool {
        self.sent == self.head.len() + self.request.body().len()
    }

    fn respond(self, head: Head, shared: Arc<Shared>) -> Response<Body> {
        let all_sent = self.failed.is_none() && self.is_sent();
        let mut body = Body {
            connection: Some(self.connection),
            framing: head.framing,
            keep: head.keep && all_sent,
            shared,
        };
        if head.framing == Framing::Length(0) {
            body.finish();
        }
        head.response.map(|()| body)
    }
}

/// The body of a response, and the connection it comes on: given back at the end, closed before it.
pub(crate) struct Body {
    /// `None`: it ended.
    connection: Option<Connection>,
    framing: Framing,
    keep: bool,
    shared: Arc<Shared>,
}

impl Body {
    pub(super) fn is_ended(&self) -> bool {
        self.connection.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            Framing::Chunked(_) | Framing::UntilClose => SizeHint::default(),
        }
    }

    /// The next bytes, as they come.
    pub(super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ClientError>>> {
        let polled = ready!(self.poll_next(cx));
        if matches!(polled, Some(Err(_))) {
            self.connection = None;
        }
        let broken = |error: io::Error| ClientError::Broken(error.into());
        Poll::Ready(polled.map(|bytes| bytes.map_err(broken)))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(None);
            };
            match self.framing.take(&mut connection.buffer) {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(Next::Data(bytes)) => {
                    if self.framing == Framing::Length(0) {
                        self.finish();
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Ok(Next::Ended) => {
                    self.finish();
                    return Poll::Ready(None);
                }
                Ok(Next::Missing) => {}
            }
            let room = match self.framing {
                Framing::Length(left) if left > READ_BYTES as u64 => LONG_READ_BYTES,
                Framing::Length(_) | Framing::Chunked(_) | Framing::UntilClose => READ_BYTES,
            };
            match ready!(connection.poll_read(cx, room)) {
                Ok(()) => {}
                Err(error) if self.framing == Framing::UntilClose && is_eof(&error) => {
                    self.connection = None;
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    fn finish(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.keep && connection.buffer.is_empty() {
            if connection.buffer.capacity() > KEPT_BYTES {
                connection.buffer = BytesMut::new();
            }
            self.shared.give_back(connection);
        }
    }
}

fn is_eof(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

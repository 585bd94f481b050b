//! Several servers of which one answers at a time: connections go to the one that took the last, and on to the next where
//! that one takes none or was given up.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::Uri;

use super::Io;
use crate::process::{
    config::{Addresses, PlaneTls},
    tls::{InvalidTls, Reloading},
};

/// For one server to take a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long one that was given up is left alone: it may take connections and answer nothing.
const AVOIDED: Duration = Duration::from_secs(5);

/// What cannot be connected to, or not as configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPeer {
    #[error("control.grpc is {address:?}, it must be like {expected}")]
    Address {
        address: String,
        expected: &'static str,
    },
    #[error("control.{0}")]
    Tls(#[from] InvalidTls),
}

/// A moment in the life of [`Peers`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark(u64);

/// The servers.
#[derive(Debug)]
pub(super) struct Peers {
    list: Vec<Peer>,
    tls: Option<Reloading<ClientConfig>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Peer {
    uri: Uri,
    /// As TCP connects to it.
    addr: (String, u16),
    /// As its certificate has it.
    name: ServerName<'static>,
}

#[derive(Debug, Default)]
struct State {
    /// The one to connect to first.
    at: usize,
    mark: u64,
    /// The one that was given up last, and when.
    left: Option<(usize, Instant)>,
    /// Cancelled when whoever is connected to is given up.
    given_up: CancellationToken,
}

impl Peers {
    pub(super) fn new(addresses: &Addresses, tls: Option<&PlaneTls>) -> Result<Self, InvalidPeer> {
        let parse = |address| Peer::parse(address, tls.is_some());
        let list: Result<Vec<Peer>, InvalidPeer> = addresses.iter().map(parse).collect();
        Ok(Self {
            list: list?,
            tls: tls.map(Reloading::client).transpose()?,
            state: Mutex::default(),
        })
    }

    /// What calls name as their server.
    pub(super) fn name(&self) -> Uri {
        self.list.first().map(|p| p.uri.clone()).unwrap_or_default()
    }

    /// How long connecting may take.
    pub(super) fn patience(&self) -> Duration {
        PATIENCE.saturating_mul(u32::try_from(self.list.len()).unwrap_or(u32::MAX))
    }

    /// Connects to the first that takes the connection.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Io>> {
        let (first, left) = {
            let state = self.state();
            (state.at, state.left)
        };
        let is_left =
            |at: usize| left.is_some_and(|(left, when)| left == at && when.elapsed() < AVOIDED);
        let mut failed = io::Error::other("whoever was there was given up a moment ago");
        for step in 0..self.list.len() {
            let at = (first + step) % self.list.len();
            if is_left(at) {
                continue;
            }
            let peer = &self.list[at];
            match timeout(PATIENCE, peer.connect(self.tls.as_ref())).await {
                Ok(Ok(io)) => return Ok(self.connected(at, io)),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }

    fn connected(&self, at: usize, io: Box<dyn Io>) -> Box<dyn Io> {
        let mut state = self.state();
        if self.list.len() > 1 && state.at != at {
            tracing::info!(address = %self.list[at].uri, "connected to another control plane");
        }
        state.at = at;
        Box::new(UntilGivenUp {
            io,
            given_up: Box::pin(state.given_up.clone().cancelled_owned()),
        })
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.state().mark)
    }

    pub(super) fn leave(&self, seen: Mark) {
        let mut state = self.state();
        if self.list.len() < 2 || state.mark != seen.0 {
            return;
        }
        state.mark += 1;
        state.left = Some((state.at, Instant::now()));
        state.at = (state.at + 1) % self.list.len();
        std::mem::take(&mut state.given_up).cancel();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Any state will do: the worst is a connection to whom it was not meant for.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uris: Vec<String> = self.list.iter().map(|peer| peer.uri.to_string()).collect();
        f.write_str(&uris.join(", "))
    }
}

impl Peer {
    fn parse(address: &str, is_secured: bool) -> Result<Self, InvalidPeer> {
        let (scheme, port, expected) = if is_secured {
            let expected = "https://host:8082, because control.tls is set";
            ("https", 443, expected)
        } else {
            let expected = "http://host:8082, or https://host:8082 with control.tls set";
            ("http", 80, expected)
        };
        let invalid = || InvalidPeer::Address {
            address: address.to_owned(),
            expected,
        };
        let uri: Uri = address.parse().map_err(|_| invalid())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some(scheme));
        let host = host.ok_or_else(invalid)?.trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| invalid())?;
        let addr = (host.to_owned(), uri.port_u16().unwrap_or(port));
        Ok(Self { uri, addr, name })
    }

    async fn connect(&self, tls: Option<&Reloading<ClientConfig>>) -> io::Result<Box<dyn Io>> {
        let (host, port) = &self.addr;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = tls else {
            return Ok(Box::new(stream));
        };
        let connector = TlsConnector::from(tls.current());
        let stream = connector.connect(self.name.clone(), stream).await?;
        Ok(Box::new(stream))
    }
}

/// A connection that fails once its server is given up.
struct UntilGivenUp {
    io: Box<dyn Io>,
    given_up: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl UntilGivenUp {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.given_up.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for UntilGivenUp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for UntilGivenUp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        (listener, format!("http://{addr}"))
    }

    fn peers(addresses: &[&String]) -> Peers {
        let text = format!("at = {addresses:?}");
        let written: std::collections::BTreeMap<String, Addresses> =
            toml::from_str(&text).expect("a list");
        Peers::new(&written["at"], None).expect("addresses")
    }

    /// Whom the next connection reaches.
    async fn reached(peers: &Peers, listeners: [&TcpListener; 2]) -> Option<usize> {
        let [first, second] = listeners;
        let mut io = peers.connect().await.ok()?;
        io.write_all(b"x").await.ok()?;
        tokio::select! {
            _ = first.accept() => Some(0),
            _ = second.accept() => Some(1),
        }
    }

    #[tokio::test]
    async fn connections_go_on_to_whoever_takes_them_and_stay_there() {
        let (first, a) = listener().await;
        let (second, b) = listener().await;
        let (gone, nobody) = listener().await;
        drop(gone);
        let all = peers(&[&nobody, &b, &a]);
        for _ in 0..2 {
            assert_eq!(reached(&all, [&first, &second]).await, Some(1));
        }
        drop(second);
        let (second, _) = listener().await;
        assert_eq!(reached(&all, [&first, &second]).await, Some(0));
    }

    #[tokio::test]
    async fn whoever_is_given_up_loses_its_connections_and_is_left_alone() {
        let (first, a) = listener().await;
        let (second, b) = listener().await;
        let all = peers(&[&a, &b]);
        let mut io = all.connect().await.expect("connected");
        first.accept().await.expect("it is the first");
        let mark = all.mark();
        all.leave(mark);
        // Others who saw the same failure say so, too.
        all.leave(mark);
        let broken = io.read(&mut [0]).await.expect_err("given up");
        assert_eq!(broken.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(reached(&all, [&first, &second]).await, Some(1));
        drop(second);
        let (second, _) = listener().await;
        assert_eq!(reached(&all, [&first, &second]).await, None);
    }

    #[tokio::test]
    async fn the_only_one_is_never_given_up() {
        let (_listener, a) = listener().await;
        let only = peers(&[&a]);
        let mut io = only.connect().await.expect("connected");
        only.leave(only.mark());
        io.write_all(b"x").await.expect("still connected");
        assert!(only.connect().await.is_ok());
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        for address in ["localhost", "ftp://a", "http://", "https://a:1"] {
            let error = Peers::new(&Addresses::from(address), None).expect_err(address);
            let error = error.to_string();
            let said = format!("control.grpc is {address:?}, it must be like http://");
            assert!(error.starts_with(&said), "{error}");
        }
    }
}

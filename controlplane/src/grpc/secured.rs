//! Connections over TLS: each with a deadline for its handshake, so that none holds up another.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use floopy_shared::process::tls::Reloading;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// For whoever connects to show its certificate.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes at a time; further ones wait to be accepted.
const HANDSHAKES: usize = 256;
/// Connections that may wait to be served.
const WAITING: usize = 16;
/// Wait after the system could not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection whose peer has shown its certificate.
pub(crate) struct Secured(TlsStream<TcpStream>);

/// Accepts until stopped; what passes is sent on.
pub(crate) async fn accept(
    listener: TcpListener,
    tls: Reloading<ServerConfig>,
    accepted: mpsc::Sender<io::Result<Secured>>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return Ok(());
        };
        let connected = tokio::select! {
            connected = listener.accept() => connected,
            () = stop.cancelled() => return Ok(()),
        };
        let stream = match connected {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let acceptor = TlsAcceptor::from(tls.current());
        let accepted = accepted.clone();
        // Ends within its deadline, or with whom it is sent to.
        tokio::spawn(async move {
            let _permit = permit;
            if let Some(secured) = handshake(&acceptor, stream).await {
                let _ = accepted.send(Ok(secured)).await;
            }
        });
    }
}

async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<Secured> {
    let from = stream.peer_addr().ok();
    // Only makes small answers slower.
    let _ = stream.set_nodelay(true);
    let error = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(Secured(stream)),
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    tracing::warn!(?from, %error, "a plane was turned away");
    None
}

/// How many connections may wait, and where they do.
pub(crate) fn waiting() -> (
    mpsc::Sender<io::Result<Secured>>,
    mpsc::Receiver<io::Result<Secured>>,
) {
    mpsc::channel(WAITING)
}

impl Connected for Secured {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

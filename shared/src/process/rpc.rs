//! How planes reach each other: TCP, or memory inside one process. The contract is the same gRPC either way.

mod peers;

use std::{fmt, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    sync::mpsc,
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
    transport::{Channel, Endpoint, Uri},
};

use super::config::{Addresses, PlaneTls, Secret};

use self::peers::Peers;
pub use self::peers::{InvalidPeer, Mark};

/// A connection of any kind.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// Opens connections to one peer.
#[derive(Clone)]
pub struct Dialer {
    endpoint: Endpoint,
    connect: Arc<dyn Fn() -> Connecting + Send + Sync>,
    /// Where there are several to connect to.
    peers: Option<Arc<Peers>>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.peers {
            Some(peers) => write!(f, "Dialer({peers})"),
            None => write!(f, "Dialer({})", self.endpoint.uri()),
        }
    }
}

/// Bytes buffered each way by an in-memory connection.
const MEMORY_BUFFER: usize = 256 * 1024;

/// In-memory connections that may wait to be accepted.
const MEMORY_BACKLOG: usize = 16;

impl Dialer {
    /// Over TCP, to whichever of these takes the connection; with certificates, over TLS.
    pub fn tcp(addresses: &Addresses, tls: Option<&PlaneTls>) -> Result<Self, InvalidPeer> {
        let peers = Arc::new(Peers::new(addresses, tls)?);
        let connecting = Arc::clone(&peers);
        let connect = move || -> Connecting {
            let peers = Arc::clone(&connecting);
            Box::pin(async move { peers.connect().await })
        };
        let endpoint = tuned(Endpoint::from(peers.name()));
        Ok(Self {
            endpoint: endpoint.connect_timeout(peers.patience()),
            connect: Arc::new(connect),
            peers: Some(peers),
        })
    }

    /// Over whatever `connect` opens.
    pub fn custom<F, T>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: Io + 'static,
    {
        let connect = move || -> Connecting {
            let connecting = connect();
            Box::pin(async move { connecting.await.map(|io| Box::new(io) as Box<dyn Io>) })
        };
        let endpoint = tuned(Endpoint::from_static("http://in-process.invalid"));
        Self {
            endpoint,
            connect: Arc::new(connect),
            peers: None,
        }
    }

    /// A pair within one process: what the dialer opens, the receiver accepts.
    pub fn memory() -> (Self, mpsc::Receiver<DuplexStream>) {
        let (accept, incoming) = mpsc::channel(MEMORY_BACKLOG);
        let dialer = Self::custom(move || {
            let accept = accept.clone();
            async move {
                let (near, far) = tokio::io::duplex(MEMORY_BUFFER);
                accept
                    .send(far)
                    .await
                    .map_err(|_| io::ErrorKind::ConnectionRefused)?;
                Ok(near)
            }
        });
        (dialer, incoming)
    }

    /// A channel that connects when first used and reconnects by itself.
    pub fn channel(&self) -> Channel {
        let connect = Arc::clone(&self.connect);
        let connector = tower::service_fn(move |_: Uri| {
            let connecting = connect();
            async move { connecting.await.map(TokioIo::new) }
        });
        self.endpoint.connect_with_connector_lazy(connector)
    }

    /// What is connected to now, for [`Self::leave`].
    pub fn mark(&self) -> Mark {
        self.peers.as_ref().map_or_else(Mark::default, |p| p.mark())
    }

    /// Whoever was connected to at the mark does not answer: its connections are given up for another's, where there
    /// is another.
    pub fn leave(&self, mark: Mark) {
        if let Some(peers) = &self.peers {
            peers.leave(mark);
        }
    }
}

/// Whether a failure is of the peer as a whole, so that another one may do better.
pub fn is_of_peer(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
}

/// Sends the secret that planes share with every call.
#[derive(Clone)]
pub struct PlaneToken(Option<MetadataValue<Ascii>>);

/// A secret that cannot be a header.
#[derive(Debug, thiserror::Error)]
#[error("the plane token must be printable ASCII and not be empty")]
pub struct InvalidPlaneToken;

impl PlaneToken {
    /// No secret means none is sent.
    pub fn new(token: Option<&Secret>) -> Result<Self, InvalidPlaneToken> {
        let Some(token) = token else {
            return Ok(Self(None));
        };
        if token.expose().trim().is_empty() {
            return Err(InvalidPlaneToken);
        }
        let header = format!("Bearer {}", token.expose())
            .parse()
            .map_err(|_| InvalidPlaneToken)?;
        Ok(Self(Some(header)))
    }

    /// Whether a call carries this secret; always so where none is set. Compares in constant time.
    pub fn admits(&self, metadata: &tonic::metadata::MetadataMap) -> bool {
        let Some(expected) = &self.0 else { return true };
        let Some(given) = metadata.get("authorization") else {
            return false;
        };
        let (a, b) = (expected.as_encoded_bytes(), given.as_encoded_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
    }
}

impl Interceptor for PlaneToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused_rather_than_taken_for_one() {
        for blank in ["", " "] {
            assert!(PlaneToken::new(Some(&Secret::new(blank))).is_err());
        }
        assert!(PlaneToken::new(Some(&Secret::new("s3cret"))).is_ok());
        assert!(PlaneToken::new(None).is_ok());
    }
}

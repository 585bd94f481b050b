//! Opening a connection: name, TCP, TLS, and which HTTP it turns out to speak.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use floopy_shared::process::certificates;
use http::Uri;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{Connection, HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::TcpStream;
use tower::Service;

use super::{
    Failure,
    resolve::{Guarded, Resolver},
};
use crate::network::Guard;

/// Connects to what may be connected to.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) https: HttpsConnector<HttpConnector<Guarded>>,
    pub(super) guard: Arc<ArcSwap<Guard>>,
}

/// A connection, to be read from and written to.
pub(super) type Io = TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// A new connection.
pub(super) enum Transport {
    H1(Box<Io>),
    /// Its connection is driven by a task of its own and serves many requests at once.
    H2(http2::SendRequest<Full<Bytes>>),
}

/// Resolves names anew for each connection, so that what DNS says now is what is used now.
pub(super) fn connector(timeout: Duration, guard: Guard, resolver: Resolver) -> Connector {
    let guard = Arc::new(ArcSwap::from_pointee(guard));
    let mut http = HttpConnector::new_with_resolver(Guarded {
        resolver,
        guard: Arc::clone(&guard),
    });
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(Duration::from_secs(60)));
    http.set_connect_timeout(Some(timeout));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(certificates::of_system())
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(http);
    Connector { https, guard }
}

/// Connects to the host of `uri`.
pub(super) async fn open(connector: &Connector, uri: Uri) -> Result<Transport, Failure> {
    // What is an address already is not looked up.
    let host = uri.host().unwrap_or_default();
    connector.guard.load().check_host(host)?;
    let stream = connector.https.clone().call(uri).await?;
    if !is_h2(&stream) {
        return Ok(Transport::H1(Box::new(TokioIo::new(stream))));
    }
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .adaptive_window(true)
        .handshake(stream)
        .await?;
    // How it ended is told to whoever waits on it.
    tokio::spawn(connection);
    Ok(Transport::H2(sender))
}

fn is_h2(stream: &MaybeHttpsStream<TokioIo<TcpStream>>) -> bool {
    match stream {
        MaybeHttpsStream::Http(_) => false,
        MaybeHttpsStream::Https(_) => stream.connected().is_negotiated_h2(),
    }
}

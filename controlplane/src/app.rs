//! Puts the parts together: opens the store, starts the jobs, serves.

mod core;
mod credentials;
mod database;
mod decision_log;
mod known;
mod operator;
mod queue;
mod reload;
mod setup;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use floopy_shared::process::{
    clock::Clock,
    supervise::{TaskError, Tasks},
    tls::Reloading,
};
use futures::{Stream, StreamExt};
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, Router, TcpIncoming};

use self::core::Core;
use crate::{
    config::Config,
    grpc::secured,
    rest,
    store::{Location, Purpose, StoreError},
};

pub(crate) use self::setup::find as find_model;
pub use self::{
    database::{back_up_store, glance_at_store, migrate_store, move_store, store_status},
    decision_log::glance_at_decision_log,
    known::known_models,
    reload::{LIVE as LIVE_KEYS, Reloader},
    setup::{NewKey, check, create_key},
    turn::prepare_in_turn,
};

/// What the process gives to the control plane.
#[derive(Debug)]
pub struct Deps {
    /// Connections from planes in this process.
    pub incoming: Option<mpsc::Receiver<DuplexStream>>,
    pub clock: Clock,
    /// Shared with the other planes of this process; served at `/metrics`.
    pub registry: Arc<Mutex<Registry>>,
    /// Ends everything.
    pub stop: CancellationToken,
}

/// Why the control plane cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{key}: {message}")]
    Config { key: String, message: String },
    #[error("cannot listen on {addr} ({key}): {source}")]
    Listen {
        key: &'static str,
        addr: SocketAddr,
        source: io::Error,
    },
    #[error("{0} is in use by another control plane")]
    Locked(String),
    #[error("{0}")]
    Store(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Error {
    /// The key of the configuration that is to blame, and what is wrong with it.
    pub fn by_key(self) -> (String, String) {
        match self {
            Self::Config { key, message } => (key, message),
            Self::Listen { .. } | Self::Locked(_) | Self::Store(_) | Self::Task(_) => {
                ("control".to_owned(), self.to_string())
            }
        }
    }

    fn config(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config {
            key: key.into(),
            message: message.into(),
        }
    }
}

/// Where the control plane keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In the configured directory.
    Directory,
    /// In memory, gone with it; for tests.
    Memory,
}

/// Ready to run: the store is open and every listener bound.
#[derive(Debug)]
pub struct Prepared {
    core: Core,
    rest: Arc<TcpListener>,
    rest_addr: SocketAddr,
    grpc: Option<Grpc>,
    incoming: Option<mpsc::Receiver<DuplexStream>>,
}

/// Where other processes reach the planes' services.
#[derive(Debug)]
struct Grpc {
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<Reloading<ServerConfig>>,
}

/// Opens the store, brings it up to date, makes the configured tenants, binds the listeners.
pub async fn prepare(config: Config, deps: Deps) -> Result<Prepared, Error> {
    let (rest, rest_addr) = listen("rest_listen", config.rest_listen).await?;
    let grpc = match config.grpc_listen {
        Some(addr) => {
            let tls = plane_tls(&config, addr)?;
            let (listener, addr) = listen("grpc_listen", addr).await?;
            Some(Grpc {
                listener,
                addr,
                tls,
            })
        }
        None => None,
    };
    let incoming = deps.incoming;
    let process = core::Process {
        clock: deps.clock,
        registry: deps.registry,
        stop: deps.stop,
    };
    let location = Location::of(&config, Purpose::Serve);
    let core = Core::open(config, process, &location).await?;
    Ok(Prepared {
        core,
        rest: Arc::new(rest),
        rest_addr,
        grpc,
        incoming,
    })
}

/// By which the planes know each other. Anybody else who reaches the port could read key hashes and write evidence.
fn plane_tls(config: &Config, addr: SocketAddr) -> Result<Option<Reloading<ServerConfig>>, Error> {
    if let Some(files) = &config.tls {
        let tls = Reloading::server(files).map_err(|e| {
            let (key, message) = e.by_key();
            Error::config(key, message)
        })?;
        return Ok(Some(tls));
    }
    if addr.ip().is_loopback() {
        return Ok(None);
    }
    if config.token.is_none() {
        let message = format!("{addr} can be reached from outside, so tls or token must be set");
        return Err(Error::config("grpc_listen", message));
    }
    tracing::warn!(
        grpc_listen = %addr,
        "the planes share a token and speak without TLS, which is for development only: set tls"
    );
    Ok(None)
}

async fn listen(key: &'static str, addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { key, addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Prepared {
    /// The key minted on the very first start; it is not known afterwards.
    pub fn minted_key(&self) -> Option<&str> {
        self.core.minted_key.as_deref()
    }

    /// Says where the proxy is that evaluations ask, where the configuration does not.
    pub fn set_proxy(&self, url: &str) {
        self.core.evaluations.set_proxy(url);
    }

    /// Where the operator's key is, if it was made here and is still there.
    pub fn operator_key_file(&self) -> Option<&Path> {
        self.core.operator.file.as_deref()
    }

    /// Where REST listens.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest_addr
    }

    /// Where gRPC listens, if on TCP at all.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(|grpc| grpc.addr)
    }

    /// Serves until stopped; running calls get the configured time to finish.
    pub async fn run(self) -> Result<(), Error> {
        let core = self.core;
        let mut tasks = core.start().await?;
        let process_stop = tasks.stop().clone();
        let api = core.api().await?;
        let router = rest::router(api.clone());
        let rest = rest::serve(self.rest, router, process_stop.clone());
        tasks.spawn("rest", rest);
        if let Some(grpc) = self.grpc {
            serve_grpc(grpc, core.grpc_router(&api), &mut tasks);
        }
        if let Some(incoming) = self.incoming {
            // The other planes may go first; that is no reason for this one to end.
            let incoming = ReceiverStream::new(incoming)
                .map(Ok::<_, io::Error>)
                .chain(futures::stream::pending());
            let serving = core
                .grpc_router(&api)
                .serve_with_incoming_shutdown(incoming, process_stop.cancelled_owned());
            tasks.spawn("grpc in memory", serving);
        }
        finish(core, tasks).await
    }
}

fn serve_grpc(grpc: Grpc, router: Router, tasks: &mut Tasks) {
    let stop = tasks.stop().clone();
    let stopped = stop.clone().cancelled_owned();
    let Some(tls) = grpc.tls else {
        let incoming = TcpIncoming::from(grpc.listener).with_nodelay(Some(true));
        tasks.spawn(
            "grpc",
            router.serve_with_incoming_shutdown(incoming, stopped),
        );
        return;
    };
    let (accepted, incoming) = secured::waiting();
    let accepting = secured::accept(grpc.listener, tls, accepted, stop);
    tasks.spawn("grpc handshakes", accepting);
    // What accepts may end first; that is no reason for this to end before it was stopped.
    let incoming = ReceiverStream::new(incoming).chain(futures::stream::pending());
    tasks.spawn(
        "grpc",
        router.serve_with_incoming_shutdown(incoming, stopped),
    );
}

async fn finish(core: Core, tasks: Tasks) -> Result<(), Error> {
    let ended = tasks.run(Duration::from_millis(core.config.drain_ms)).await;
    core.close().await;
    Ok(ended?)
}

/// The control plane without listeners of its own, for a simulated network.
#[derive(Debug)]
pub struct Detached {
    core: Core,
}

/// Opens the store like [`prepare`], and binds nothing.
pub async fn detached(config: Config, deps: Deps, storage: Storage) -> Result<Detached, Error> {
    let process = core::Process {
        clock: deps.clock,
        registry: deps.registry,
        stop: deps.stop,
    };
    let location = match storage {
        Storage::Directory => Location::of(&config, Purpose::Serve),
        Storage::Memory => Location::Memory,
    };
    Ok(Detached {
        core: Core::open(config, process, &location).await?,
    })
}

impl Detached {
    /// The key minted on the very first start.
    pub fn minted_key(&self) -> Option<&str> {
        self.core.minted_key.as_deref()
    }

    /// Serves gRPC on the given connections until stopped.
    pub async fn serve<I, C>(self, incoming: I) -> Result<(), Error>
    where
        I: Stream<Item = io::Result<C>> + Send + 'static,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let core = self.core;
        let mut tasks = core.start().await?;
        let api = core.api().await?;
        let stop = tasks.stop().clone().cancelled_owned();
        tasks.spawn(
            "grpc",
            core.grpc_router(&api)
                .serve_with_incoming_shutdown(incoming, stop),
        );
        finish(core, tasks).await
    }
}

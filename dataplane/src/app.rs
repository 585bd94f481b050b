//! Putting a proxy together, running it, and taking it down in order.

mod detached;
mod open;
mod reload;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use floopy_shared::{
    domain::ids::InvalidId,
    process::{
        clock::Clock,
        credentials::Unloaded,
        rpc::{Dialer, InvalidPlaneToken},
        supervise::{TaskError, Tasks},
    },
};
use tokio::{net::TcpListener, task::JoinError};
use tokio_util::sync::CancellationToken;

pub use self::detached::{Detached, detached};
use self::open::{Opened, open};
pub use self::reload::{Checked, LIVE as LIVE_KEYS, Reloader};
use crate::{
    config::{Config, InvalidConfig},
    gateway::Gateway,
    http::{
        admin::{self, SharedRegistry},
        dispatch,
        server::Server,
    },
    provider::InvalidProvider,
    traces::{self, Traces},
    upstream::Resolver,
    workers::Workers,
};

/// On top of the flush, for background tasks to end.
const TASK_GRACE: Duration = Duration::from_secs(5);

/// What a proxy needs of its process.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Reaches the control plane's gRPC services.
    pub dialer: Dialer,
    pub clock: Clock,
    /// Finds the providers.
    pub resolver: Resolver,
    pub registry: SharedRegistry,
    /// Cancelled when it is time to stop.
    pub stop: CancellationToken,
}

/// Why a proxy cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    #[error(transparent)]
    Provider(#[from] InvalidProvider),
    #[error(transparent)]
    Credentials(#[from] Unloaded),
    #[error(transparent)]
    Token(#[from] InvalidPlaneToken),
    #[error(transparent)]
    Tenant(#[from] InvalidId),
    #[error(transparent)]
    Traces(#[from] traces::Unusable),
    #[error("cannot listen on {addr}: {source}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("cannot use the data directory {dir}: {source}")]
    DataDir { dir: String, source: io::Error },
    #[error("the data directory {dir} is in use by another proxy: give each its own")]
    DataDirInUse { dir: String },
    #[error("the threads that serve cannot be started: {0}")]
    Workers(io::Error),
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error("the supervisor ended: {0}")]
    Supervisor(#[from] JoinError),
}

/// A proxy whose ports are open and whose state is loaded.
pub struct Bound {
    opened: Opened,
    listener: TcpListener,
    admin: Option<TcpListener>,
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    deps: Deps,
}

/// Opens the ports, loads the last good snapshot and recovers the spool.
pub async fn bind(config: Config, deps: Deps) -> Result<Bound, Error> {
    config.check()?;
    let (listener, addr) = listen(config.listen).await?;
    let admin = match config.admin_listen {
        Some(addr) => Some(listen(addr).await?),
        None => None,
    };
    let (admin, admin_addr) = admin.unzip();
    let opened = open(config, &deps)?;
    Ok(Bound {
        opened,
        listener,
        admin,
        addr,
        admin_addr,
        deps,
    })
}

impl Bound {
    /// Where callers reach it.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where operators reach it.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// Tells whether callers can be admitted: some tenant is known.
    pub fn readiness(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let gateway = Arc::clone(&self.opened.gateway);
        move || gateway.current.snapshot().tenants().next().is_some()
    }

    /// Serves until stopped, then finishes what is in flight, delivers the spool and returns.
    pub async fn run(self) -> Result<(), Error> {
        let Self {
            opened,
            listener,
            admin,
            deps,
            ..
        } = self;
        let gateway = Arc::clone(&opened.gateway);
        let stop = deps.stop.clone();
        let workers = Workers::start(gateway.config.limits.workers).map_err(Error::Workers)?;
        // Set once: a proxy runs once.
        let _ = gateway.serving.set(workers.handles().to_vec());
        let workers = Arc::new(workers);
        let server = Server::new(
            &gateway.config.limits,
            &gateway.config.timeouts,
            stop.clone(),
        )
        .telling_peers(gateway.config.addresses.requests_per_minute > 0)
        .on(Arc::clone(&workers));
        for worker in workers.handles() {
            worker.spawn(gateway.upstream.warmer().run(stop.clone()));
        }
        let background = CancellationToken::new();
        let mut tasks = Tasks::new(background.clone());
        opened.spawn_control(&mut tasks, &deps.dialer);
        if let Some(admin) = admin {
            spawn_admin(&mut tasks, &gateway, admin, deps.registry);
        }
        let flush = Duration::from_millis(gateway.config.spool.flush_ms);
        let mut tasks = tokio::spawn(tasks.run(flush + TASK_GRACE));
        let calls = Arc::clone(&gateway);
        let serving = server.accept(listener, move |request| {
            dispatch(Arc::clone(&calls), request)
        });
        let failed = tokio::select! {
            () = serving => None,
            ended = &mut tasks => Some(ended),
        };
        // Without its background tasks a proxy must not go on: callers are let go and it ends.
        stop.cancel();
        drain(&gateway, &server).await;
        background.cancel();
        let ended = match failed {
            Some(ended) => ended,
            None => tasks.await,
        };
        drop(server);
        if let Some(workers) = Arc::into_inner(workers) {
            workers.stop().await;
        }
        // What it waits for runs on this thread's runtime.
        let told = tokio::task::spawn_blocking(move || gateway.traces.as_ref().map(Traces::close));
        let _ = told.await;
        Ok(ended??)
    }
}

async fn drain(gateway: &Gateway, server: &Server) {
    gateway.doors.drain();
    let deadline = Duration::from_millis(gateway.config.drain_ms);
    let cut_off = server.drain(deadline, || gateway.doors.force()).await;
    if cut_off > 0 {
        tracing::warn!(
            connections = cut_off,
            "connections were cut off at the end of the drain time"
        );
    }
    gateway.doors.force();
    gateway.lingering.stop().await;
    gateway.shadows.stop().await;
}

/// Operators are answered until the very end, so that draining can be watched.
fn spawn_admin(
    tasks: &mut Tasks,
    gateway: &Arc<Gateway>,
    listener: TcpListener,
    registry: SharedRegistry,
) {
    let stop = tasks.stop().clone();
    let server = Server::new(&gateway.config.limits, &gateway.config.timeouts, stop);
    let gateway = Arc::clone(gateway);
    tasks.spawn("admin server", async move {
        let answer = move |request| {
            let response = admin::answer(&gateway, &registry, &request);
            std::future::ready(response)
        };
        server.accept(listener, answer).await;
        server.drain(Duration::from_millis(500), || ()).await;
        Ok::<_, std::convert::Infallible>(())
    });
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

//! Putting a proxy together, running it, and taking it down in order.

use std::{
    collections::HashMap,
    fs::DirBuilder,
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use floopy_proto::v1::snapshots_client::SnapshotsClient;
use floopy_shared::{
    domain::{
        catalog::Catalog,
        ids::{InvalidId, KeyHash, TenantId},
        snapshot::{ApiKey, Snapshot, Tenant},
    },
    process::{
        clock::Clock,
        rpc::{Dialer, InvalidPlaneToken, PlaneToken},
        supervise::{TaskError, Tasks},
    },
    wire::snapshot::update_from_wire,
};
use tokio::{net::TcpListener, sync::watch, task::JoinError};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{BootstrapTenant, Config, InvalidConfig},
    control::{Saver, Tables, Watcher, load},
    gateway::{Doors, Gateway},
    http::{
        admin::{self, SharedRegistry},
        dispatch,
        server::Server,
    },
    metrics::{LiveReadings, Metrics},
    provider::{InvalidProvider, Providers},
    record::spool::{Sender, Spool},
    sessions::{OpenSessions, Rated},
    shadow::Shadows,
    state::Current,
    upstream::Upstream,
};

const SNAPSHOT_FILE: &str = "snapshot.bin";
const SPOOL_DIR: &str = "spool";

/// On top of the flush, for background tasks to end.
const TASK_GRACE: Duration = Duration::from_secs(5);

/// What a proxy needs of its process.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Reaches the control plane's gRPC services.
    pub dialer: Dialer,
    pub clock: Clock,
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
    Token(#[from] InvalidPlaneToken),
    #[error(transparent)]
    Tenant(#[from] InvalidId),
    #[error("cannot listen on {addr}: {source}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("cannot use the data directory {dir}: {source}")]
    DataDir { dir: String, source: io::Error },
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error("the supervisor ended: {0}")]
    Supervisor(#[from] JoinError),
}

/// A proxy whose ports are open and whose state is loaded.
pub struct Bound {
    gateway: Arc<Gateway>,
    listener: TcpListener,
    admin: Option<TcpListener>,
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    tables: Tables,
    token: PlaneToken,
    deps: Deps,
}

/// Opens the ports, loads the last good snapshot and recovers the spool.
pub async fn bind(config: Config, deps: Deps) -> Result<Bound, Error> {
    config.check()?;
    let token = PlaneToken::new(config.control.token.as_ref())?;
    let providers = Providers::new(&config.providers)?;
    let metrics = Arc::new(Metrics::default());
    let data_dir = |source| Error::DataDir {
        dir: config.data_dir.display().to_string(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(data_dir)?;
    let spool = Spool::open(
        &config.data_dir.join(SPOOL_DIR),
        &config.spool,
        Arc::clone(&metrics),
    );
    let spool = Arc::new(spool.map_err(data_dir)?);
    let cold = Snapshot::cold(Catalog::builtin(), bootstrap(&config.tenants)?);
    let (snapshot, tables) = restore(&config.data_dir.join(SNAPSHOT_FILE), cold, &metrics);
    let (listener, addr) = listen(config.listen).await?;
    let admin = match config.admin_listen {
        Some(addr) => Some(listen(addr).await?),
        None => None,
    };
    let (admin, admin_addr) = admin.unzip();
    let gateway = Arc::new(Gateway {
        current: Arc::new(Current::new(snapshot, deps.clock.now_ms())),
        upstream: Upstream::new(&config, providers, Arc::clone(&metrics)),
        spool,
        sessions: OpenSessions::default(),
        rated: Rated::default(),
        clock: deps.clock.clone(),
        shadows: Shadows::new(config.limits.shadow_in_flight),
        doors: Doors::new(config.limits.in_flight, &metrics),
        metrics,
        config,
    });
    register(&gateway, &deps.registry);
    Ok(Bound {
        gateway,
        listener,
        admin,
        addr,
        admin_addr,
        tables,
        token,
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

    /// Serves until stopped, then finishes what is in flight, delivers the spool and returns.
    pub async fn run(self) -> Result<(), Error> {
        let Self {
            gateway,
            listener,
            admin,
            tables,
            token,
            deps,
            ..
        } = self;
        let stop = deps.stop.clone();
        let server = Server::new(
            &gateway.config.limits,
            &gateway.config.timeouts,
            stop.clone(),
        );
        let background = CancellationToken::new();
        let mut tasks = Tasks::new(background.clone());
        spawn_control(&mut tasks, &gateway, (&deps.dialer, token, tables));
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
        match failed {
            Some(ended) => Ok(ended??),
            None => Ok(tasks.await??),
        }
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
    gateway.shadows.stop().await;
}

fn spawn_control(
    tasks: &mut Tasks,
    gateway: &Arc<Gateway>,
    (dialer, token, tables): (&Dialer, PlaneToken, Tables),
) {
    let config = &gateway.config;
    let channel = dialer.channel();
    let deadline = Duration::from_millis(config.timeouts.control_ms);
    let flush = Duration::from_millis(config.spool.flush_ms);
    let sender = Sender::new(
        Arc::clone(&gateway.spool),
        channel.clone(),
        token.clone(),
        config.node.clone(),
    )
    .with_deadlines(deadline, flush);
    tasks.spawn("spool sender", sender.run(tasks.stop().clone()));
    let (tables, changed) = watch::channel(tables);
    let saver = Saver::new(
        config.data_dir.join(SNAPSHOT_FILE),
        changed,
        Arc::clone(&gateway.metrics),
    );
    tasks.spawn("snapshot saver", saver.run(tasks.stop().clone()));
    let watcher = Watcher {
        client: SnapshotsClient::with_interceptor(channel, token),
        current: Arc::clone(&gateway.current),
        metrics: Arc::clone(&gateway.metrics),
        clock: gateway.clock.clone(),
        node: config.node.clone(),
        providers: gateway
            .upstream
            .providers
            .names()
            .map(str::to_owned)
            .collect(),
        tables,
    };
    tasks.spawn("snapshot watch", watcher.run(tasks.stop().clone()));
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

fn register(gateway: &Arc<Gateway>, registry: &SharedRegistry) {
    let readings = Arc::downgrade(gateway);
    // The registry may outlive the proxy.
    let read = move || readings.upgrade().map(|gateway| gateway.reading());
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    gateway.metrics.register(&mut registry);
    registry.register_collector(Box::new(LiveReadings::new(read)));
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The tenants of the configuration; one may be listed with several keys.
fn bootstrap(listed: &[BootstrapTenant]) -> Result<Vec<Tenant>, InvalidId> {
    let mut tenants: HashMap<TenantId, Tenant> = HashMap::new();
    for (index, entry) in listed.iter().enumerate() {
        let id = TenantId::new(&entry.id)?;
        let tenant = tenants.entry(id.clone()).or_insert_with(|| Tenant {
            id,
            keys: Vec::new(),
            zero_retention: false,
            default_model: None,
        });
        tenant.keys.push(ApiKey {
            id: format!("configured-{}", index + 1),
            hash: KeyHash::of(entry.key.expose()),
            read: true,
            write: true,
        });
    }
    Ok(tenants.into_values().collect())
}

/// The snapshot of the last run on top of a cold one. A damaged file is counted and passed over.
fn restore(path: &Path, cold: Snapshot, metrics: &Metrics) -> (Snapshot, Tables) {
    let mut tables = Tables::default();
    let saved = match load(path) {
        Ok(Some(saved)) => saved,
        Ok(None) => return (cold, tables),
        Err(error) => {
            metrics.snapshot_file_error();
            tracing::warn!(path = %path.display(), %error, "the saved snapshot is not used");
            return (cold, tables);
        }
    };
    let (snapshot, rejections) = cold.apply(update_from_wire(saved.clone()));
    for rejection in &rejections {
        tracing::warn!(table = %rejection.table, reason = %rejection.reason, "a saved table is not used");
    }
    tables.accept(saved, &rejections);
    tracing::info!(
        version = snapshot.version(),
        "serving on the saved snapshot"
    );
    (snapshot, tables)
}

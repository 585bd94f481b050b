//! Everything of a proxy but its ports: state is loaded, the spool recovered, nothing runs yet.

use std::{
    collections::HashMap,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, OnceLock, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use floopy_shared::{
    catalog::builtin_catalog,
    domain::{
        ids::{InvalidId, KeyHash, TenantId},
        snapshot::{ApiKey, KeyScope, Snapshot, Tenant},
    },
    process::{
        rpc::{Dialer, PlaneToken},
        supervise::Tasks,
    },
};
use tokio::sync::{Notify, watch};
use tonic::{client::Grpc, service::interceptor::InterceptedService};

use super::{Deps, Error};
use crate::{
    access::Opener,
    allowance::Allowance,
    batches::{Batches, Reconciler, books::Books},
    budgets::{self, Budgets},
    cache::{Cache, Keeper, Questions, QuestionsKeeper, Shared, SharedKeeper},
    config::{BootstrapTenant, Config},
    control::{Saver, Told, Watcher, load_onto},
    conversations::Conversations,
    doors::Doors,
    firewall::{self, Firewall},
    gateway::Gateway,
    http::admin::SharedRegistry,
    linger::Lingering,
    mcp::Mcp,
    metrics::{LiveReadings, Metrics},
    provider::Providers,
    qdrant::{self, Qdrant},
    rates::{Fleet, Rates},
    record::spool::{Sender, Spool},
    redis::{Link, Redis},
    sessions::{OpenSessions, Rated},
    shadow::Shadows,
    state::Current,
    traces::Traces,
    upstream::{Client, Upstream},
};

const SNAPSHOT_FILE: &str = "snapshot.bin";
const SPOOL_DIR: &str = "spool";
const BUDGETS_FILE: &str = "budgets.bin";
const LOCK_FILE: &str = "proxy.lock";

/// Of one update from the control plane, which sends whole tables.
const MAX_UPDATE_BYTES: usize = 64 << 20;

/// Ready to be connected.
pub(super) struct Opened {
    pub(super) gateway: Arc<Gateway>,
    token: PlaneToken,
}

/// Loads the last good snapshot and recovers the spool.
pub(super) fn open(config: Config, deps: &Deps) -> Result<Opened, Error> {
    let token = PlaneToken::new(config.control.token.as_ref())?;
    let providers = Providers::new(&config.providers)?;
    let keys = config.credentials.load()?;
    let metrics = Arc::new(Metrics::default());
    let data_dir = |source| Error::DataDir {
        dir: config.data_dir.display().to_string(),
        source,
    };
    private(&config.data_dir).map_err(data_dir)?;
    let lock = lock(&config.data_dir)?;
    let spool = Spool::open(
        &config.data_dir.join(SPOOL_DIR),
        &config.spool,
        Arc::clone(&metrics),
    );
    let spool = Arc::new(spool.map_err(data_dir)?);
    let cold = Snapshot::cold(builtin_catalog(), bootstrap(&config.tenants)?);
    let upstream = Upstream::new(
        &config,
        &providers,
        Arc::clone(&metrics),
        deps.resolver.clone(),
    );
    let opener = Opener::new(keys, &config, providers);
    let path = config.data_dir.join(SNAPSHOT_FILE);
    let snapshot = restore(&path, cold, (&opener, &metrics));
    let redis = Redis::new(&config.redis, &metrics);
    let qdrant = Qdrant::new(&config.qdrant, upstream.client().clone(), &metrics);
    let gateway = Arc::new(Gateway {
        current: Arc::new(Current::new(snapshot, opener, deps.clock.now_ms())),
        traces: traces(&config, upstream.client().clone(), &metrics)?,
        batches: batches(&config, (&upstream, &deps.dialer), &token),
        upstream,
        spool,
        sessions: OpenSessions::default(),
        rates: Rates::default(),
        budgets: Budgets::open(&config.data_dir.join(BUDGETS_FILE), deps.clock.now_ms()),
        rated: Rated::default(),
        explains: Allowance::new(
            config.limits.tenant_explains_per_minute,
            config.limits.key_explains_per_minute,
        ),
        conversations: Conversations::default(),
        cache: cache(&config, (&redis, &qdrant), &metrics),
        firewall: Firewall::new(&config.firewall, &metrics),
        mcp: Mcp::new(&config, deps.resolver.clone()),
        redis,
        qdrant,
        clock: deps.clock.clone(),
        leads: AtomicUsize::new(0),
        shadows: Shadows::new(config.limits.shadow_in_flight),
        doors: Arc::new(Doors::new(&config.limits, metrics.in_flight().clone())),
        lingering: Lingering::new(&config.disconnect, metrics.lingering().clone()),
        serving: OnceLock::new(),
        metrics,
        config,
        _lock: lock,
    });
    register(&gateway, &deps.registry);
    Ok(Opened { gateway, token })
}

/// Who is told of calls.
fn traces(
    config: &Config,
    client: Client,
    metrics: &Arc<Metrics>,
) -> Result<Option<Traces>, Error> {
    Ok(Traces::new(
        (&config.traces, &config.node),
        client,
        metrics,
    )?)
}

/// Makes a directory for its owner alone, where there is none.
fn private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Stored replies, with those that proxies share.
fn cache(
    config: &Config,
    (redis, qdrant): (&Option<Arc<Redis>>, &Option<Arc<Qdrant>>),
    metrics: &Arc<Metrics>,
) -> Cache {
    let shared = redis
        .as_ref()
        .map(|redis| Arc::new(Shared::new(Arc::clone(redis), metrics)));
    let questions = qdrant
        .as_ref()
        .map(|qdrant| Arc::new(Questions::new(Arc::clone(qdrant), metrics)));
    Cache::new(config.cache, shared, questions)
}

/// The books are asked for over the connection that the rest of the control plane is.
fn batches(
    config: &Config,
    (upstream, dialer): (&Upstream, &Dialer),
    token: &PlaneToken,
) -> Batches {
    let deadline = Duration::from_millis(config.timeouts.control_ms);
    Batches {
        books: Books::new(dialer.channel(), token.clone(), deadline),
        streaming: upstream.client().streaming(),
        due: Notify::new(),
    }
}

impl Opened {
    /// Starts what connects the proxy with its control plane.
    pub(super) fn spawn_control(self, tasks: &mut Tasks, dialer: &Dialer) {
        let Self { gateway, token } = self;
        let config = &gateway.config;
        let channel = dialer.channel();
        let deadline = Duration::from_millis(config.timeouts.control_ms);
        let flush = Duration::from_millis(config.spool.flush_ms);
        let sender = Sender::new(
            Arc::clone(&gateway.spool),
            (channel.clone(), dialer.clone()),
            token.clone(),
            config.node.clone(),
        )
        .with_deadlines(deadline, flush);
        tasks.spawn("spool sender", sender.run(tasks.stop().clone()));
        let told = Told::new(channel.clone(), token.clone(), deadline);
        let path = config.data_dir.join(BUDGETS_FILE);
        let books = budgets::Keeper::new(Arc::clone(&gateway), path, told);
        tasks.spawn("budgets", books.run(tasks.stop().clone()));
        let (changed, updates) = watch::channel(());
        let keeper = Keeper {
            gateway: Arc::clone(&gateway),
            updates: updates.clone(),
        };
        tasks.spawn("cache keeper", keeper.run(tasks.stop().clone()));
        let keeper = firewall::Keeper {
            gateway: Arc::clone(&gateway),
            updates: updates.clone(),
        };
        tasks.spawn("firewall keeper", keeper.run(tasks.stop().clone()));
        spawn_shared(tasks, &gateway, updates.clone());
        spawn_questions(tasks, &gateway, updates.clone());
        let saver = Saver::new(
            config.data_dir.join(SNAPSHOT_FILE),
            Arc::clone(&gateway.current),
            updates,
            Arc::clone(&gateway.metrics),
        );
        tasks.spawn("snapshot saver", saver.run(tasks.stop().clone()));
        let watcher = Watcher {
            client: Grpc::new(InterceptedService::new(channel, token))
                .max_decoding_message_size(MAX_UPDATE_BYTES),
            dialer: dialer.clone(),
            current: Arc::clone(&gateway.current),
            metrics: Arc::clone(&gateway.metrics),
            clock: gateway.clock.clone(),
            node: config.node.clone(),
            changed,
        };
        tasks.spawn("snapshot watch", watcher.run(tasks.stop().clone()));
        let reconciler = Reconciler::new(Arc::clone(&gateway));
        tasks.spawn("batches", reconciler.run(tasks.stop().clone()));
    }
}

/// Starts what proxies share by Redis, where there is one.
fn spawn_shared(tasks: &mut Tasks, gateway: &Arc<Gateway>, updates: watch::Receiver<()>) {
    let Some(redis) = &gateway.redis else { return };
    let link = Link::new(Arc::clone(redis));
    tasks.spawn("redis", link.run(tasks.stop().clone()));
    let fleet = Fleet::new(Arc::clone(gateway), Arc::clone(redis));
    tasks.spawn("rates", fleet.run(tasks.stop().clone()));
    let fleet = budgets::Fleet::new(Arc::clone(gateway), Arc::clone(redis));
    tasks.spawn("shared budgets", fleet.run(tasks.stop().clone()));
    if let Some(shared) = gateway.cache.shared() {
        let current = Arc::clone(&gateway.current);
        let keeper = SharedKeeper::new(Arc::clone(shared), current, updates);
        tasks.spawn("shared cache", keeper.run(tasks.stop().clone()));
    }
}

/// Starts what proxies share by Qdrant, where there is one.
fn spawn_questions(tasks: &mut Tasks, gateway: &Arc<Gateway>, updates: watch::Receiver<()>) {
    let Some(qdrant) = &gateway.qdrant else {
        return;
    };
    let link = qdrant::Link::new(Arc::clone(qdrant));
    tasks.spawn("qdrant", link.run(tasks.stop().clone()));
    if let Some(questions) = gateway.cache.questions() {
        let known = (Arc::clone(&gateway.current), gateway.clock.clone());
        let keeper = QuestionsKeeper::new(Arc::clone(questions), known, updates);
        tasks.spawn("shared questions", keeper.run(tasks.stop().clone()));
    }
}

/// Two proxies that write one spool would destroy it. The lock ends with the file, at the latest with the
/// process.
fn lock(dir: &Path) -> Result<File, Error> {
    let shown = || dir.display().to_string();
    let failed = |source| Error::DataDir {
        dir: shown(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(dir.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::DataDirInUse { dir: shown() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn register(gateway: &Arc<Gateway>, registry: &SharedRegistry) {
    let readings = Arc::downgrade(gateway);
    // The registry may outlive the proxy.
    let read = move || readings.upgrade().map(|gateway| gateway.reading());
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    gateway.metrics.register(&mut registry);
    registry.register(
        "floopy_circuits_forgotten",
        "Circuit breakers dropped because there were too many",
        gateway.upstream.breakers.forgotten().clone(),
    );
    registry.register_collector(Box::new(LiveReadings::new(read)));
}

/// The tenants of the configuration; one may be listed with several keys.
fn bootstrap(listed: &[BootstrapTenant]) -> Result<Vec<Tenant>, InvalidId> {
    let mut tenants: HashMap<TenantId, Tenant> = HashMap::new();
    for (index, entry) in listed.iter().enumerate() {
        let id = TenantId::new(&entry.id)?;
        let tenant = tenants.entry(id.clone()).or_insert_with(|| Tenant {
            zero_retention: entry.zero_retention,
            constraints: entry.constraints.to_domain(),
            routing: entry.routing(),
            caching: entry.cache.to_domain(),
            firewall: entry.firewall.to_domain(),
            ..Tenant::new(id)
        });
        tenant.keys.push(ApiKey {
            id: format!("configured-{}", index + 1),
            hash: KeyHash::of(entry.key.expose()),
            read: true,
            write: true,
            scope: KeyScope::default(),
            default_project: None,
        });
    }
    Ok(tenants.into_values().collect())
}

/// The snapshot of the last run on top of a cold one. A damaged file is counted and passed over.
fn restore(path: &Path, cold: Snapshot, (opener, metrics): (&Opener, &Metrics)) -> Snapshot {
    let loaded = load_onto(path, &cold, |sealed| opener.check(sealed));
    let (snapshot, rejections) = match loaded {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return cold,
        Err(error) => {
            metrics.snapshot_file_error();
            tracing::warn!(path = %path.display(), %error, "the saved snapshot is not used");
            return cold;
        }
    };
    for rejection in &rejections {
        tracing::warn!(table = %rejection.table, reason = %rejection.reason, "a saved table is not used");
    }
    tracing::info!(
        version = snapshot.version(),
        "serving on the saved snapshot"
    );
    snapshot
}

//! Everything but listeners: the store, the jobs, the services.

use std::{
    fmt,
    fs::File,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use floopy_shared::{
    domain::{credential::KeyRing, savings::rate_ppm},
    process::{clock::Clock, reload::Reloads, rpc::PlaneToken, supervise::Tasks},
};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router;

use super::{
    Error, credentials, decision_log, known, operator, queue,
    setup::{self, With},
};
use crate::{
    config::Config,
    decision_log::ClickHouse,
    evaluations::{Asker, Evaluations},
    grpc::{self, Services},
    in_force::{InForce, Terms, policy},
    index::{Announcement, Index, KnownModels, dirty::Dirty, gone::Gone},
    ingest::Intake,
    jobs::{
        abandoned::Abandoned,
        budgets::Warnings,
        checkpoint,
        evaluations::Evaluating,
        housekeeping::Housekeeping,
        refresh::{Parts, Refresh},
        webhooks::Deliveries,
    },
    kept::Kept,
    metrics::Metrics,
    plans::Plans,
    rest::{Api, Exports, People, SigningKey},
    store::{Location, Store, StoreError, meta},
    webhooks::{Sender, Signing, Webhooks},
};

/// Greetings that may wait to be heard.
const ANNOUNCEMENTS: usize = 64;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// What the process provides.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) clock: Clock,
    pub(super) registry: Arc<Mutex<Registry>>,
    pub(super) stop: CancellationToken,
}

/// The opened parts.
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) minted_key: Option<String>,
    pub(super) operator: operator::Operator,
    keys: KeyRing,
    process: Process,
    pub(super) store: Store,
    /// Where decisions are looked up, where that is not the store.
    pub(super) log: Option<ClickHouse>,
    /// Held as long as this control plane may publish.
    _lock: Option<File>,
    pub(super) in_force: InForce,
    /// Reads the configuration again, where the process does.
    pub(super) reloads: Arc<OnceLock<Reloads>>,
    pub(super) services: Services,
    dirty: Arc<Dirty>,
    announcements: Mutex<Option<mpsc::Receiver<Announcement>>>,
    pub(super) evaluations: Arc<Evaluations>,
    token: PlaneToken,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn metrics(process: &Process) -> Arc<Metrics> {
    let registry = process.registry.lock();
    Metrics::register(&mut registry.unwrap_or_else(PoisonError::into_inner))
}

/// Ends where another control plane writes to the store: what is in memory here is no longer what is stored.
async fn alone(store: Store, stop: CancellationToken) -> Result<(), StoreError> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = store.replaced() => Err(StoreError::Replaced),
    }
}

/// What it begins with.
fn in_force((models, plans): (KnownModels, Plans), config: &Config) -> InForce {
    InForce::new(Terms {
        policy: policy(&config.learning),
        privacy: config.learning.pool.privacy(),
        models,
        plans,
    })
}

/// Runs of evaluations, and the proxy that they ask.
fn evaluations(config: &Config) -> Arc<Evaluations> {
    let evaluations = Arc::<Evaluations>::default();
    if let Some(url) = &config.proxy_url {
        evaluations.set_proxy(url);
    }
    evaluations
}

impl Core {
    /// Opens the store and makes what the configuration asks for.
    pub(super) async fn open(
        config: Config,
        process: Process,
        location: &Location,
    ) -> Result<Self, Error> {
        let known = known::models_of(&config)?;
        let plans = setup::plans_of(&config)?;
        let token = PlaneToken::new(config.token.as_ref())
            .map_err(|e| Error::config("token", e.to_string()))?;
        let keys = credentials::keys(&config)?;
        let store = Store::open(location).await?;
        credentials::look_over(&store, &keys).await?;
        let log = decision_log::of(&config).await?;
        let lock = setup::lock(location)?;
        // Before a key is made that is told once: this may fail.
        let operator = operator::of(&store, &config, location).await?;
        let with = With::of((&known, &plans), &keys);
        let minted_key = setup::tenants(&store, &config, with, process.clock.now_ms()).await?;
        let metrics = metrics(&process);
        let dirty = Arc::new(Dirty::default());
        let (announce, announcements) = mpsc::channel(ANNOUNCEMENTS);
        let kept = Arc::new(Kept::new(config.retention.decisions_days * DAY_MS));
        kept.refresh(&store, &plans).await?;
        let intake = Intake {
            store: store.clone(),
            outbox: decision_log::outbox(&config),
            clock: process.clock.clone(),
            kept,
            metrics: Arc::clone(&metrics),
            dirty: Arc::clone(&dirty),
            totals: Arc::default(),
            queue: queue::of(&config, (&store, &process.clock), &metrics)?,
        };
        let services = Services {
            index: Arc::new(Index::default()),
            announcements: announce,
            intake,
            metrics,
            fleet: Arc::default(),
            tenant_batch_bytes: config.batches.tenant_bytes,
            stop: process.stop.clone(),
        };
        let announcements = Mutex::new(Some(announcements));
        let evaluations = evaluations(&config);
        let in_force = in_force((known, plans), &config);
        Ok(Self {
            config,
            minted_key,
            operator,
            keys,
            process,
            store,
            log,
            _lock: lock,
            in_force,
            reloads: Arc::default(),
            services,
            dirty,
            announcements,
            evaluations,
            token,
        })
    }

    /// Starts the jobs. Can be called once.
    pub(super) async fn start(&self) -> Result<Tasks, Error> {
        let mut tasks = Tasks::new(self.process.stop.clone());
        let announcements = self
            .announcements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(announcements) = announcements else {
            return Ok(tasks);
        };
        let gone = Arc::default();
        let parts = Parts {
            store: self.store.clone(),
            index: Arc::clone(&self.services.index),
            dirty: Arc::clone(&self.dirty),
            totals: Arc::clone(&self.services.intake.totals),
            gone: Arc::clone(&gone),
            metrics: Arc::clone(&self.services.metrics),
            clock: self.process.clock.clone(),
            terms: self.in_force.watch(),
            evaluations: Arc::clone(&self.evaluations),
            tick: Duration::from_millis(self.config.refresh_ms),
        };
        let refresh = Refresh::load(parts, announcements).await?;
        tasks.spawn("refresh", refresh.run(self.process.stop.clone()));
        let housekeeping = self.housekeeping(gone);
        tasks.spawn("housekeeping", housekeeping.run(self.process.stop.clone()));
        if let Some(shipping) = self.shipping() {
            tasks.spawn("decision log", shipping.run(self.process.stop.clone()));
        }
        if let Some(sending) = self.sending() {
            tasks.spawn("scoring queue", sending.run(self.process.stop.clone()));
        }
        let abandoned = Abandoned {
            intake: self.services.intake.clone(),
            after_ms: self.config.learning.abandoned_after_ms,
        };
        tasks.spawn("abandoned", abandoned.run(self.process.stop.clone()));
        let deliveries = self.deliveries().await?;
        tasks.spawn("webhooks", deliveries.run(self.process.stop.clone()));
        let warnings = Warnings::new(self.store.clone(), self.process.clock.clone());
        tasks.spawn("budget warnings", warnings.run(self.process.stop.clone()));
        let evaluating = Evaluating {
            store: self.store.clone(),
            clock: self.process.clock.clone(),
            evaluations: Arc::clone(&self.evaluations),
            dirty: Arc::clone(&self.dirty),
            asker: Asker::new(),
            settings: self.config.evaluations,
        };
        tasks.spawn("evaluations", evaluating.run(self.process.stop.clone()));
        tasks.spawn(
            "store",
            alone(self.store.clone(), self.process.stop.clone()),
        );
        let checkpoint = checkpoint::run(self.store.clone(), self.process.stop.clone());
        tasks.spawn("checkpoint", checkpoint);
        Ok(tasks)
    }

    fn housekeeping(&self, gone: Arc<Gone>) -> Housekeeping {
        let intake = &self.services.intake;
        Housekeeping {
            store: self.store.clone(),
            clock: self.process.clock.clone(),
            queue: intake.queue.clone(),
            totals: Arc::clone(&intake.totals),
            dirty: Arc::clone(&self.dirty),
            gone,
            kept: Arc::clone(&intake.kept),
            in_force: self.in_force.clone(),
            buckets_ms: self.config.retention.sums_days * DAY_MS,
        }
    }

    async fn deliveries(&self) -> Result<Deliveries, Error> {
        Ok(Deliveries {
            store: self.store.clone(),
            clock: self.process.clock.clone(),
            webhooks: self.webhooks().await?,
            sender: Sender::new(&self.config.webhooks.allow_networks),
        })
    }

    /// The gRPC services; as many times as there are kinds of connections.
    pub(super) fn grpc_router(&self, api: &Api) -> Router {
        grpc::router(&self.services, &self.token, api.clone())
    }

    /// What people and operators are answered with.
    pub(super) async fn api(&self) -> Result<Api, Error> {
        Ok(Api {
            store: self.store.clone(),
            log: self.decisions(),
            queue: self.services.intake.queue.clone(),
            index: Arc::clone(&self.services.index),
            totals: Arc::clone(&self.services.intake.totals),
            clock: self.process.clock.clone(),
            registry: Arc::clone(&self.process.registry),
            cursor_key: SigningKey::new(meta::cursor_key(&self.store).await?),
            retention_ms: self.config.retention.decisions_days * DAY_MS,
            in_force: self.in_force.clone(),
            reloads: Arc::clone(&self.reloads),
            dirty: Arc::clone(&self.dirty),
            exports: self.exports().await?,
            savings_rate_ppm: rate_ppm(self.config.savings.rate).unwrap_or(0),
            asking: Arc::default(),
            webhooks: self.webhooks().await?,
            evaluations: Arc::clone(&self.evaluations),
            operator: self.operator.hash,
            keys: self.keys.clone(),
            fleet: Arc::clone(&self.services.fleet),
            people: Arc::new(People::new(&self.config.dashboard)),
            asker: Arc::new(Asker::new()),
            started_ms: self.process.clock.now_ms(),
        })
    }

    async fn exports(&self) -> Result<Arc<Exports>, Error> {
        let seed = meta::export_key(&self.store).await?;
        let exports = Exports::new(self.config.export, &seed);
        let exports = exports.map_err(|e| Error::Store(Box::new(e)))?;
        Ok(Arc::new(exports))
    }

    async fn webhooks(&self) -> Result<Arc<Webhooks>, Error> {
        Ok(Arc::new(Webhooks {
            signing: Signing::new(&meta::webhook_key(&self.store).await?),
            networks: self.config.webhooks.allow_networks.clone(),
        }))
    }

    /// Told of what changes.
    pub(super) fn dirty(&self) -> &Arc<Dirty> {
        &self.dirty
    }

    /// What credentials are sealed with.
    pub(super) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.process.clock
    }

    /// Closes the store.
    pub(super) async fn close(&self) {
        self.store.close().await;
    }
}

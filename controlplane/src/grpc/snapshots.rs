//! Pushes tables to one proxy: greeting, update, acknowledgement, update, …

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use floopy_proto::v1::{
    self, WatchRequest, WatchResponse, snapshots_server::Snapshots, watch_request::Kind,
};
use floopy_shared::{
    domain::snapshot::Rejection, process::clock::Clock, wire::snapshot::table_to_wire,
};
use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::Services;
use crate::{
    fleet::{Connection, Fleet},
    index::{
        Announcement, Index,
        subscription::{Delta, Subscription},
        tables::Tables,
    },
    metrics::{ConnectedProxy, Metrics},
};

/// How long a proxy may take to greet, and to answer an update.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// How long a greeting may wait to be heard.
const ANNOUNCE_DEADLINE: Duration = Duration::from_secs(5);
/// Longest node name.
const MAX_NODE: usize = 256;

/// Serves `Snapshots`.
pub(super) struct SnapshotsService {
    index: Arc<Index>,
    announcements: mpsc::Sender<Announcement>,
    metrics: Arc<Metrics>,
    fleet: Arc<Fleet>,
    clock: Clock,
    stop: CancellationToken,
}

impl SnapshotsService {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            index: Arc::clone(&services.index),
            announcements: services.announcements.clone(),
            metrics: Arc::clone(&services.metrics),
            fleet: Arc::clone(&services.fleet),
            clock: services.intake.clock.clone(),
            stop: services.stop.clone(),
        }
    }

    async fn announce(&self, hello: &v1::Hello) -> Result<(), Status> {
        if hello.node.is_empty() || hello.node.len() > MAX_NODE {
            return Err(Status::invalid_argument(format!(
                "node must have 1 to {MAX_NODE} bytes"
            )));
        }
        let announcement = Announcement {
            node: hello.node.clone(),
            providers: hello.providers.iter().cloned().collect(),
            known: known(hello),
        };
        let sending = self
            .announcements
            .send_timeout(announcement, ANNOUNCE_DEADLINE);
        sending
            .await
            .map_err(|_| Status::unavailable("too many proxies connect at once; try again"))
    }
}

fn known(hello: &v1::Hello) -> Vec<(String, u64)> {
    hello
        .known
        .iter()
        .map(|table| (table.name.clone(), table.version))
        .collect()
}

#[tonic::async_trait]
impl Snapshots for SnapshotsService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let mut inbound = request.into_inner();
        let hello = match answer(&mut inbound, ANSWER_DEADLINE).await? {
            Some(Kind::Hello(hello)) => hello,
            Some(Kind::Ack(_)) => return Err(Status::invalid_argument("an ack came before hello")),
            None => return Err(Status::invalid_argument("the stream ended before hello")),
        };
        self.announce(&hello).await?;
        tracing::info!(
            node = hello.node,
            version = hello.snapshot_version,
            "proxy connected"
        );
        let subscription = Arc::new(Mutex::new(Subscription::new(known(&hello))));
        let who = (hello.node.as_str(), hello.version.as_str());
        let watcher = Watcher {
            connection: self.fleet.connect(who, &subscription, self.clock.now_ms()),
            clock: self.clock.clone(),
            subscription,
            tables: self.index.watch(),
            inbound,
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
            node: hello.node,
            _connected: self.metrics.connected(),
        };
        Ok(Response::new(Box::pin(futures::stream::unfold(
            Some(watcher),
            step,
        ))))
    }
}

/// One proxy's stream.
struct Watcher {
    subscription: Arc<Mutex<Subscription>>,
    connection: Connection,
    clock: Clock,
    tables: watch::Receiver<Arc<Tables>>,
    inbound: Streaming<WatchRequest>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    node: String,
    _connected: ConnectedProxy,
}

async fn step(
    watcher: Option<Watcher>,
) -> Option<(Result<WatchResponse, Status>, Option<Watcher>)> {
    let mut watcher = watcher?;
    match watcher.next().await {
        Ok(Some(update)) => Some((Ok(update), Some(watcher))),
        Ok(None) => None,
        Err(status) => {
            tracing::info!(
                node = watcher.node,
                reason = status.message(),
                "proxy's stream ended"
            );
            Some((Err(status), None))
        }
    }
}

impl Watcher {
    /// The next update, once the last one was answered; `None` when either side is done.
    async fn next(&mut self) -> Result<Option<WatchResponse>, Status> {
        let stop = self.stop.clone();
        loop {
            if self.subscription().is_waiting() {
                let answered = tokio::select! {
                    () = stop.cancelled() => return Ok(None),
                    answered = answer(&mut self.inbound, ANSWER_DEADLINE) => answered?,
                };
                let Some(kind) = answered else {
                    return Ok(None);
                };
                self.take_answer(kind)?;
            }
            let tables = Arc::clone(&self.tables.borrow_and_update());
            let delta = self.subscription().next(&tables);
            if let Some(delta) = delta {
                return Ok(Some(to_wire(&delta)));
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                changed = self.tables.changed() => {
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
                // Nothing is outstanding: only the end of the stream may come.
                message = self.inbound.message() => match message?.and_then(|m| m.kind) {
                    None => return Ok(None),
                    Some(kind) => self.take_answer(kind)?,
                },
            }
        }
    }

    fn take_answer(&mut self, kind: Kind) -> Result<(), Status> {
        let ack = match kind {
            Kind::Ack(ack) => ack,
            Kind::Hello(_) => return Err(Status::invalid_argument("hello came twice")),
        };
        let rejected: Vec<Rejection> = ack.rejected.into_iter().map(Into::into).collect();
        for rejection in &rejected {
            self.metrics.rejected(&rejection.table);
            let (table, version) = (&rejection.table, rejection.version);
            tracing::warn!(
                node = self.node,
                table,
                version,
                reason = rejection.reason,
                "a proxy refused a table"
            );
        }
        let (version, now_ms) = (ack.snapshot_version, self.clock.now_ms());
        self.connection.acked(version, &rejected, now_ms);
        self.subscription()
            .acknowledge(&rejected)
            .map_err(|e| Status::invalid_argument(e.to_string()))
    }

    fn subscription(&self) -> MutexGuard<'_, Subscription> {
        self.subscription
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next message within the deadline; `None` at the end of the stream.
async fn answer(
    inbound: &mut Streaming<WatchRequest>,
    deadline: Duration,
) -> Result<Option<Kind>, Status> {
    let message = tokio::time::timeout(deadline, inbound.message())
        .await
        .map_err(|_| Status::deadline_exceeded(format!("no answer within {deadline:?}")))??;
    Ok(message.and_then(|message| message.kind))
}

fn to_wire(delta: &Delta) -> WatchResponse {
    let table = |(name, version, body): &(_, u64, _)| table_to_wire(name, *version, body);
    WatchResponse {
        snapshot_version: delta.version,
        tables: delta.tables.iter().map(table).collect(),
        removed: delta.removed.clone(),
    }
}

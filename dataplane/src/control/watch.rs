//! Watches the control plane: takes updates table by table, answers each, and comes back when it is lost.

use std::{convert::Infallible, sync::Arc, time::Duration};

use floopy_proto::v1::{Ack, Hello, Rejection, TableVersion, WatchRequest, watch_request::Kind};
use floopy_shared::{
    domain::credential::Sealed,
    process::{
        backoff::Backoff,
        clock::Clock,
        rpc::{Dialer, PlaneToken, is_of_peer},
    },
};
use http::uri::PathAndQuery;
use prost::DecodeError;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status, Streaming, client::Grpc, service::interceptor::InterceptedService,
    transport::Channel,
};
use tonic_prost::ProstCodec;

use crate::{metrics::Metrics, state::Current};

use super::raw::RawUpdate;

pub(crate) type Client = Grpc<InterceptedService<Channel, PlaneToken>>;

/// For opening the stream, and for handing over an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Between two tries: where several control planes stand in for each other, another one leads within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// A refused update is answered before the next is sent, so little is ever queued.
const OUTGOING: usize = 4;

/// The task that watches.
pub(crate) struct Watcher {
    pub client: Client,
    /// Of the client's connections.
    pub dialer: Dialer,
    pub current: Arc<Current>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub node: String,
    /// Told of every update that was taken.
    pub changed: watch::Sender<()>,
}

/// Why the stream ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("no answer within {DEADLINE:?}")]
    TimedOut,
    #[error("{}: {}", .0.code(), .0.message())]
    Failed(Box<tonic::Status>),
    #[error("the control plane ended the stream")]
    Ended,
    /// It is to hear which providers there are now.
    #[error("the providers that are configured changed")]
    Reconfigured,
}

impl Lost {
    /// Whether another control plane may do better.
    fn is_of_peer(&self) -> bool {
        match self {
            Self::TimedOut => true,
            Self::Failed(status) => is_of_peer(status),
            Self::Ended | Self::Reconfigured => false,
        }
    }
}

impl From<tonic::Status> for Lost {
    fn from(status: tonic::Status) -> Self {
        Self::Failed(Box::new(status))
    }
}

impl Watcher {
    /// Watches until stopped. Losing the control plane is normal: calls go on with what is known.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(Duration::from_millis(100), LONGEST_PAUSE);
        let mut reported = false;
        loop {
            let mark = self.dialer.mark();
            let lost = tokio::select! {
                lost = self.watch(&mut backoff, &mut reported) => lost,
                () = stop.cancelled() => return Ok(()),
            };
            if let Lost::Reconfigured = lost {
                continue;
            }
            self.current.set_connected(false);
            if lost.is_of_peer() {
                self.dialer.leave(mark);
            }
            if !std::mem::replace(&mut reported, true) {
                tracing::warn!(reason = %lost, "control plane lost: serving on the last good snapshot");
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next_delay()) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    async fn watch(&mut self, backoff: &mut Backoff, reported: &mut bool) -> Lost {
        match self.follow(backoff, reported).await {
            Ok(()) => Lost::Ended,
            Err(lost) => lost,
        }
    }

    async fn follow(&mut self, backoff: &mut Backoff, reported: &mut bool) -> Result<(), Lost> {
        let (outgoing, requests) = mpsc::channel(OUTGOING);
        send(&outgoing, Kind::Hello(self.hello())).await?;
        let opened = timeout(DEADLINE, self.open(requests)).await;
        let mut updates = opened.map_err(|_| Lost::TimedOut)??;
        self.current.set_connected(true);
        // The connection's keep-alive finds a dead peer; silence alone means that nothing changed.
        let current = Arc::clone(&self.current);
        loop {
            let response = tokio::select! {
                response = updates.message() => response?,
                () = current.reconfigured() => return Err(Lost::Reconfigured),
            };
            let Some(response) = response else {
                return Ok(());
            };
            backoff.reset();
            if std::mem::take(reported) {
                tracing::info!("control plane is back");
            }
            let ack = self
                .take(response)
                .map_err(|error| Status::internal(error.to_string()))?;
            send(&outgoing, Kind::Ack(ack)).await?;
        }
    }

    async fn open(
        &mut self,
        requests: mpsc::Receiver<WatchRequest>,
    ) -> Result<Streaming<RawUpdate>, Status> {
        self.client
            .ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static("/floopy.v1.Snapshots/Watch");
        let codec = ProstCodec::<WatchRequest, RawUpdate>::default();
        let requests = Request::new(ReceiverStream::new(requests));
        let response = self.client.streaming(requests, path, codec).await?;
        Ok(response.into_inner())
    }

    fn hello(&self) -> Hello {
        let snapshot = self.current.snapshot();
        let known = snapshot
            .table_versions()
            .map(|(name, version)| TableVersion {
                name: name.to_string(),
                // What is there only to close a provider is sent again, and refused again, so that it is told of.
                version: if snapshot.access.is_closed(name) {
                    0
                } else {
                    version
                },
            })
            .collect();
        Hello {
            node: self.node.clone(),
            snapshot_version: snapshot.version(),
            known,
            providers: self.current.configured(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Takes what is good of an update, and says what was not.
    fn take(&self, update: RawUpdate) -> Result<Ack, DecodeError> {
        let snapshot_version = update.snapshot_version;
        let check = |sealed: &Sealed| self.current.check(sealed);
        let (next, rejections) = update.apply_to(&self.current.snapshot(), check)?;
        self.current.replace(next, self.clock.now_ms());
        for rejection in &rejections {
            tracing::warn!(
                table = %rejection.table,
                version = rejection.version,
                reason = %rejection.reason,
                "a table was refused; the one held stays in use"
            );
        }
        self.metrics.nacked(rejections.len());
        self.changed.send_replace(());
        let rejected = rejections
            .into_iter()
            .map(|r| Rejection {
                table: r.table,
                version: r.version,
                reason: r.reason,
            })
            .collect();
        Ok(Ack {
            snapshot_version,
            rejected,
        })
    }
}

async fn send(outgoing: &mpsc::Sender<WatchRequest>, kind: Kind) -> Result<(), Lost> {
    let request = WatchRequest { kind: Some(kind) };
    match timeout(DEADLINE, outgoing.send(request)).await {
        Err(_) => Err(Lost::TimedOut),
        Ok(Err(_)) => Err(Lost::Ended),
        Ok(Ok(())) => Ok(()),
    }
}

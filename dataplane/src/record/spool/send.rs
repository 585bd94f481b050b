//! Delivers the spool to the control plane, in order and at least once.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_proto::v1::{AppendResponse, EventStatus};
use floopy_shared::process::{
    backoff::Backoff,
    rpc::{Dialer, PlaneToken, is_of_peer},
};
use http::uri::PathAndQuery;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{client::Grpc, service::interceptor::InterceptedService, transport::Channel};
use tonic_prost::ProstCodec;

use super::{Spool, acks::Verdict, batch_size::BatchSize, read::Batch};

type Client = Grpc<InterceptedService<Channel, PlaneToken>>;

/// `floopy.v1.AppendRequest` with its events as the bytes they were written as: on the wire the two are the
/// same, and nothing is decoded to be encoded again.
#[derive(Clone, PartialEq, prost::Message)]
struct RawAppend {
    #[prost(string, tag = "1")]
    node: String,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    events: Vec<Bytes>,
}

/// How long events are gathered before they are sent: a batch costs as much as a hundred of its events.
const COALESCE: Duration = Duration::from_millis(100);

/// The same where somebody waits for the answer.
const COALESCE_URGENT: Duration = Duration::from_millis(5);

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(5);

/// Looks at the spool even if nobody called.
const IDLE: Duration = Duration::from_secs(5);

/// The task that delivers.
pub(crate) struct Sender {
    spool: Arc<Spool>,
    client: Client,
    /// Of the client's connections.
    dialer: Dialer,
    node: String,
    deadline: Duration,
    size: BatchSize,
    /// How long to go on delivering after the stop.
    flush: Duration,
}

/// What a delivery took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivered {
    Nothing,
    /// All that there was.
    Part,
    /// More may be waiting.
    Full,
}

/// What is waited for before the next delivery.
#[derive(Debug, Clone, Copy)]
enum Pause {
    UntilAppended,
    /// More that belongs to the same batch.
    Gather,
    For(Duration),
}

/// Why a batch was not delivered.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("{}: {}", .0.code(), .0.message())]
    Refused(Box<tonic::Status>),
    #[error("{answered} answers to {sent} events")]
    Mismatch { sent: usize, answered: usize },
    #[error("the spool cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Undelivered {
    /// Whether another control plane may do better.
    fn is_of_peer(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Refused(status) => is_of_peer(status),
            Self::Mismatch { .. } | Self::Io(_) => false,
        }
    }
}

impl Sender {
    pub(crate) fn new(
        spool: Arc<Spool>,
        (channel, dialer): (Channel, Dialer),
        token: PlaneToken,
        node: String,
    ) -> Self {
        let client = Grpc::new(InterceptedService::new(channel, token));
        Self {
            spool,
            client,
            dialer,
            node,
            deadline: DEADLINE,
            size: BatchSize::within(DEADLINE),
            flush: Duration::ZERO,
        }
    }

    pub(crate) fn with_deadlines(self, deadline: Duration, flush: Duration) -> Self {
        Self {
            deadline,
            size: BatchSize::within(deadline),
            flush,
            ..self
        }
    }

    /// Delivers until stopped, then until nothing is left or the time is up.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut failing = false;
        while !stop.is_cancelled() {
            let mark = self.dialer.mark();
            let pause = match self.deliver_next().await {
                Ok(Delivered::Nothing) => Pause::UntilAppended,
                Ok(delivered) => {
                    backoff.reset();
                    if std::mem::take(&mut failing) {
                        tracing::info!("spool: the control plane takes events again");
                    }
                    if delivered == Delivered::Full {
                        continue;
                    }
                    Pause::Gather
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "spool: events cannot be delivered and are kept");
                    }
                    self.spool.metrics.spool_delivery_failed();
                    if error.is_of_peer() {
                        self.dialer.leave(mark);
                    }
                    Pause::For(backoff.next_delay())
                }
            };
            self.pause(pause, &stop).await;
        }
        self.flush().await;
        Ok(())
    }

    async fn pause(&self, pause: Pause, stop: &CancellationToken) {
        let gather = async {
            let _ = timeout(COALESCE, self.spool.urgent.notified()).await;
            sleep(COALESCE_URGENT).await;
        };
        let wait = async {
            match pause {
                Pause::For(delay) => sleep(delay).await,
                Pause::Gather => gather.await,
                Pause::UntilAppended => {
                    if timeout(IDLE, self.spool.appended.notified()).await.is_ok() {
                        gather.await;
                    }
                }
            }
        };
        tokio::select! {
            () = wait => {}
            () = stop.cancelled() => {}
        }
    }

    async fn flush(&mut self) {
        let until = Instant::now() + self.flush;
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
        while Instant::now() < until {
            match self.deliver_next().await {
                Ok(Delivered::Part | Delivered::Full) => backoff.reset(),
                Ok(Delivered::Nothing) => return,
                Err(_) => sleep(backoff.next_delay()).await,
            }
        }
        let (events, _) = self.spool.depth();
        tracing::warn!(events, "spool: events are left for the next start");
    }

    /// Delivers one batch, if there is one.
    async fn deliver_next(&mut self) -> Result<Delivered, Undelivered> {
        let most = self.size.events();
        let Some(batch) = self.blocking(move |spool| spool.next_batch(most)).await? else {
            return Ok(Delivered::Nothing);
        };
        if batch.unreadable {
            self.spool.metrics.spool_unreadable();
            tracing::error!(
                position = batch.end,
                "spool: unreadable events were skipped"
            );
        }
        let response = if batch.events.is_empty() {
            AppendResponse::default()
        } else {
            self.send(&batch).await?
        };
        if response.results.len() != batch.events.len() {
            let (sent, answered) = (batch.events.len(), response.results.len());
            return Err(Undelivered::Mismatch { sent, answered });
        }
        let delivered = if batch.is_full {
            Delivered::Full
        } else {
            Delivered::Part
        };
        let committed = self.blocking(move |spool| spool.acknowledge(&batch)).await;
        self.tell(response);
        // Not being able to remember that it was delivered only means that it is delivered again.
        if let Err(error) = committed {
            tracing::warn!(%error, "spool: the position of delivered events was not saved");
        }
        Ok(delivered)
    }

    async fn send(&mut self, batch: &Batch) -> Result<AppendResponse, Undelivered> {
        let request = RawAppend {
            node: self.node.clone(),
            events: batch.events.clone(),
        };
        let sent = Instant::now();
        let answer = timeout(self.deadline, self.append(request)).await;
        let Ok(answer) = answer else {
            self.size.late(batch.events.len());
            return Err(Undelivered::TimedOut(self.deadline));
        };
        let response = answer.map_err(|status| Undelivered::Refused(Box::new(status)))?;
        if batch.is_full {
            self.size.answered(batch.events.len(), sent.elapsed());
        }
        Ok(response.into_inner())
    }

    async fn append(
        &mut self,
        request: RawAppend,
    ) -> Result<tonic::Response<AppendResponse>, tonic::Status> {
        self.client
            .ready()
            .await
            .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static("/floopy.v1.Ingest/Append");
        let codec = ProstCodec::<RawAppend, AppendResponse>::default();
        self.client
            .unary(tonic::Request::new(request), path, codec)
            .await
    }

    fn tell(&self, response: AppendResponse) {
        for result in response.results {
            let rejected = result.status == i32::from(EventStatus::Rejected);
            if rejected {
                self.spool.metrics.spool_rejected();
                tracing::warn!(
                    event = %hex::encode(&result.event_id),
                    reason = %result.reason,
                    "spool: the control plane rejected an event"
                );
            }
            let duplicate_rating = result.duplicate_rating;
            self.spool.acks.resolve(&result.event_id, || {
                if rejected {
                    Verdict::Rejected {
                        reason: result.reason,
                    }
                } else {
                    Verdict::Accepted { duplicate_rating }
                }
            });
        }
    }

    /// Files are read and deleted off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Spool) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let spool = Arc::clone(&self.spool);
        tokio::task::spawn_blocking(move || work(&spool))
            .await
            .map_err(io::Error::other)?
    }
}

//! Delivers the spool to the control plane, in order and at least once.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use floopy_proto::v1::{AppendRequest, AppendResponse, EventStatus, ingest_client::IngestClient};
use floopy_shared::process::{backoff::Backoff, rpc::PlaneToken};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use super::{Spool, acks::Verdict, read::Batch};

type Client = IngestClient<InterceptedService<Channel, PlaneToken>>;

/// How long events are gathered before they are sent.
const COALESCE: Duration = Duration::from_millis(5);

/// Looks at the spool even if nobody called.
const IDLE: Duration = Duration::from_secs(5);

/// The task that delivers.
pub(crate) struct Sender {
    spool: Arc<Spool>,
    client: Client,
    node: String,
    deadline: Duration,
    /// How long to go on delivering after the stop.
    flush: Duration,
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

impl Sender {
    pub(crate) fn new(
        spool: Arc<Spool>,
        channel: Channel,
        token: PlaneToken,
        node: String,
    ) -> Self {
        let client = IngestClient::with_interceptor(channel, token);
        Self {
            spool,
            client,
            node,
            deadline: Duration::from_secs(5),
            flush: Duration::ZERO,
        }
    }

    pub(crate) fn with_deadlines(self, deadline: Duration, flush: Duration) -> Self {
        Self {
            deadline,
            flush,
            ..self
        }
    }

    /// Delivers until stopped, then until nothing is left or the time is up.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut failing = false;
        while !stop.is_cancelled() {
            let pause = match self.deliver_next().await {
                Ok(true) => {
                    backoff.reset();
                    if std::mem::take(&mut failing) {
                        tracing::info!("spool: the control plane takes events again");
                    }
                    continue;
                }
                Ok(false) => None,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "spool: events cannot be delivered and are kept");
                    }
                    self.spool.metrics.spool_delivery_failed();
                    Some(backoff.next_delay())
                }
            };
            self.pause(pause, &stop).await;
        }
        self.flush().await;
        Ok(())
    }

    async fn pause(&self, delay: Option<Duration>, stop: &CancellationToken) {
        let wait = async {
            match delay {
                Some(delay) => sleep(delay).await,
                None => {
                    let _ = timeout(IDLE, self.spool.appended.notified()).await;
                    sleep(COALESCE).await;
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
                Ok(true) => backoff.reset(),
                Ok(false) => return,
                Err(_) => sleep(backoff.next_delay()).await,
            }
        }
        let (events, _) = self.spool.depth();
        tracing::warn!(events, "spool: events are left for the next start");
    }

    /// Delivers one batch; `false` where there is none.
    async fn deliver_next(&mut self) -> Result<bool, Undelivered> {
        let Some(batch) = self.blocking(|spool| spool.next_batch()).await? else {
            return Ok(false);
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
        let committed = self.blocking(move |spool| spool.acknowledge(&batch)).await;
        self.tell(response);
        // Not being able to remember that it was delivered only means that it is delivered again.
        if let Err(error) = committed {
            tracing::warn!(%error, "spool: the position of delivered events was not saved");
        }
        Ok(true)
    }

    async fn send(&mut self, batch: &Batch) -> Result<AppendResponse, Undelivered> {
        let request = AppendRequest {
            node: self.node.clone(),
            events: batch.events.clone(),
        };
        let response = timeout(self.deadline, self.client.append(request))
            .await
            .map_err(|_| Undelivered::TimedOut(self.deadline))?
            .map_err(|status| Undelivered::Refused(Box::new(status)))?;
        Ok(response.into_inner())
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

//! Delivering verdicts: again and again until acknowledged or the lease has ended.

use std::time::Duration;

use bytes::Bytes;
use floopy_proto::v1;
use floopy_shared::{
    domain::{event::Score, sensitive},
    process::backoff::Backoff,
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Client, queue::Worker};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long reports are still tried once the process was asked to stop.
const GRACE: Duration = Duration::from_secs(3);

/// The verdicts of one batch.
#[derive(Debug)]
pub(crate) struct Report(v1::ReportRequest);

impl Report {
    pub(crate) fn new(worker: &str) -> Self {
        Self(v1::ReportRequest {
            worker: worker.to_owned(),
            ..Default::default()
        })
    }

    pub(crate) fn add(&mut self, score: &Score) {
        self.0.scores.push(score.into());
    }

    /// A job that was not scored: it is handed out again, or set aside with the reason.
    pub(crate) fn add_failed(&mut self, request_id: Bytes, reason: &str) {
        // Models' providers quote what they were sent, keys too.
        let reason = sensitive::scrub(reason).into_owned();
        tracing::warn!(reason, "a reply was not scored");
        self.0.failed.push(v1::FailedJob { request_id, reason });
    }

    /// Reports are idempotent, so trying again is safe; after the lease another worker has the jobs.
    pub(crate) async fn deliver(self, worker: &mut Worker, lease_ends: Instant) {
        let Worker {
            client,
            metrics,
            stop,
            ..
        } = worker;
        if self.0.scores.is_empty() && self.0.failed.is_empty() {
            return;
        }
        let (scores, failed) = (self.0.scores.len() as u64, self.0.failed.len() as u64);
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let attempts = async {
            while let Err(reason) = attempt(client, self.0.clone()).await {
                metrics.report_errors.inc();
                tracing::debug!(%reason, "the report was not taken; trying again");
                tokio::time::sleep(backoff.next_delay()).await;
            }
        };
        let given_up = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let delivered = tokio::select! {
            delivered = timeout_at(lease_ends, attempts) => delivered.is_ok(),
            () = given_up => false,
        };
        if delivered {
            metrics.scored.inc_by(scores);
            metrics.failed.inc_by(failed);
        } else {
            metrics.lost.inc_by(scores + failed);
            tracing::warn!(
                jobs = scores + failed,
                "the lease ended before the report was taken"
            );
        }
    }
}

async fn attempt(client: &mut Client, request: v1::ReportRequest) -> Result<(), String> {
    match timeout(ATTEMPT, client.report(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(format!("{}: {}", status.code(), status.message())),
        Err(_) => Err(format!("no answer within {ATTEMPT:?}")),
    }
}

//! One batch of events, in one transaction.

use std::time::Instant;

use floopy_shared::domain::{
    decision::Decision,
    event::{Event, EventBody, Rating, ScoringJob},
};
use uuid::Uuid;

use super::{
    Arrival, IngestError, Intake, MAX_BATCH, Receipt, Verdict, fold::Fold, id_bytes, subject,
};
use crate::{
    metrics::EventKind,
    store::{StoreError, calls, queue, ratings, tenants},
};

/// Shapes one decision may name; the proxy makes at most three.
const MAX_SHAPES: usize = 16;
/// Bytes of prompt and reply that are kept for scoring.
const MAX_JOB_BYTES: usize = 1024 * 1024;
/// Latest moment that is taken for a time: the year 2200.
const LATEST_MS: u64 = 7_258_118_400_000;

const ACCEPTED: Verdict = Verdict::Accepted { duplicate: false };
const KNOWN: Verdict = Verdict::Known { duplicate: false };

impl Intake {
    /// Takes a batch. What is answered is durable; a malformed event is refused alone.
    pub(crate) async fn append(&self, arrivals: Vec<Arrival>) -> Result<Vec<Receipt>, IngestError> {
        if arrivals.len() > MAX_BATCH {
            return Err(IngestError::TooLarge(arrivals.len()));
        }
        let started = Instant::now();
        let mut fold = Fold::new(self.store.write().await?, self.clock.now_ms());
        let mut receipts = Vec::with_capacity(arrivals.len());
        let (mut rated, mut queued) = (false, false);
        for arrival in arrivals {
            let receipt = self.take(&mut fold, arrival).await?;
            let (kind, receipt) = receipt;
            let fresh = matches!(receipt.verdict, Verdict::Accepted { .. });
            rated |= fresh && kind == EventKind::Rating;
            queued |= fresh && kind == EventKind::ScoringJob;
            self.metrics.event(kind, &receipt.verdict);
            receipts.push(receipt);
        }
        if queued {
            let dropped = queue::trim(&mut fold.tx, self.limits.queue_capacity).await?;
            self.metrics.jobs_dropped(dropped);
        }
        let changed = fold.commit().await?;
        self.metrics.folded(started.elapsed());
        self.dirty.mark(changed, rated);
        if queued {
            self.queued.notify_waiters();
        }
        Ok(receipts)
    }

    async fn take(
        &self,
        fold: &mut Fold,
        arrival: Arrival,
    ) -> Result<(EventKind, Receipt), StoreError> {
        let event = match arrival {
            Arrival::Event(event) => event,
            Arrival::Unreadable { id, reason } => {
                return Ok((
                    EventKind::Unreadable,
                    Receipt {
                        id,
                        verdict: Verdict::Rejected(reason),
                    },
                ));
            }
        };
        let Event { id, body, .. } = event;
        let (kind, verdict) = match body {
            EventBody::Decision(decision) => (
                EventKind::Decision,
                self.decision(fold, &decision, id).await?,
            ),
            EventBody::Rating(rating) => (EventKind::Rating, self.rating(fold, &rating, id).await?),
            EventBody::ScoringJob(job) => {
                (EventKind::ScoringJob, self.scoring_job(fold, &job).await?)
            }
        };
        Ok((
            kind,
            Receipt {
                id: id_bytes(id),
                verdict,
            },
        ))
    }

    /// A decision's last word wins: finished over started, then the greater event id, so that the order of
    /// arrival does not matter.
    async fn decision(
        &self,
        fold: &mut Fold,
        decision: &Decision,
        id: Uuid,
    ) -> Result<Verdict, StoreError> {
        if let Some(reason) = self.refuse_decision(decision, fold.now_ms) {
            return Ok(Verdict::Rejected(reason));
        }
        if let Some(held) = calls::get(&mut fold.tx, decision.request_id).await? {
            if held.decision.tenant != decision.tenant {
                return Ok(Verdict::Rejected(
                    "request_id belongs to another tenant".to_owned(),
                ));
            }
            if (decision.stage, id) <= (held.decision.stage, held.event_id) {
                return Ok(KNOWN);
            }
            fold.touch_decision(&held.decision).await?;
        }
        calls::put(&mut fold.tx, decision, id).await?;
        fold.touch_decision(decision).await?;
        Ok(ACCEPTED)
    }

    fn refuse_decision(&self, decision: &Decision, now_ms: u64) -> Option<String> {
        let created = decision.created_at_ms;
        let oldest = now_ms.saturating_sub(self.limits.retention_ms);
        if created < oldest {
            return Some(format!(
                "created_at_ms is {created}, older than what is kept (from {oldest})"
            ));
        }
        if created > LATEST_MS {
            return Some(format!("created_at_ms is {created}, which is not a time"));
        }
        let shapes = decision.shapes.len();
        (shapes > MAX_SHAPES).then(|| format!("{shapes} shapes are more than {MAX_SHAPES}"))
    }

    async fn rating(
        &self,
        fold: &mut Fold,
        rating: &Rating,
        id: Uuid,
    ) -> Result<Verdict, StoreError> {
        if rating.rated_at_ms > LATEST_MS {
            let at = rating.rated_at_ms;
            return Ok(Verdict::Rejected(format!(
                "rated_at_ms is {at}, which is not a time"
            )));
        }
        let (kind, name) = ratings::subject(rating);
        let known = |held: &ratings::StoredRating| held.event_id == id;
        let held = ratings::of_subject(&mut fold.tx, &rating.tenant, kind, &name).await?;
        let seen = held.iter().any(known);
        let kept = !seen && ratings::put(&mut fold.tx, rating, id).await?;
        if kept {
            match subject::request_of(kind, &name) {
                Some(request) => fold.touch_call(request),
                None => fold.touch_subject(&rating.tenant, name.clone()),
            }
        }
        let stands = subject::standing_for(&mut fold.tx, &rating.tenant, (kind, &name)).await?;
        let duplicate = !rating.revise && stands.is_some_and(|held| held.event_id != id);
        Ok(if kept {
            Verdict::Accepted { duplicate }
        } else {
            Verdict::Known { duplicate }
        })
    }

    async fn scoring_job(&self, fold: &mut Fold, job: &ScoringJob) -> Result<Verdict, StoreError> {
        let bytes = job.prompt.len() + job.reply.len();
        if bytes > MAX_JOB_BYTES {
            return Ok(Verdict::Rejected(format!(
                "{bytes} bytes to score are more than {MAX_JOB_BYTES}"
            )));
        }
        if tenants::zero_retention(&mut fold.tx, &job.tenant).await? {
            let tenant = &job.tenant;
            return Ok(Verdict::Rejected(format!(
                "tenant {tenant} keeps no content"
            )));
        }
        let new = queue::put(&mut fold.tx, job, fold.now_ms).await?;
        Ok(if new { ACCEPTED } else { KNOWN })
    }
}

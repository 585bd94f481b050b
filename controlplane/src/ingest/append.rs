//! One batch of events, in one transaction.

use std::time::Instant;

use floopy_shared::domain::{
    decision::Decision,
    event::{Event, EventBody, Rating},
};
use uuid::Uuid;

use super::{
    Arrival, IngestError, Intake, MAX_BATCH, Receipt, Verdict, fold::Fold, id_bytes, jobs::Jobs,
    subject,
};
use crate::{
    metrics::EventKind,
    store::{StoreError, ratings},
};

/// Shapes one decision may name; the proxy makes at most three.
const MAX_SHAPES: usize = 16;
/// Latest moment that is taken for a time: the year 2200.
const LATEST_MS: u64 = 7_258_118_400_000;

const ACCEPTED: Verdict = Verdict::Accepted { duplicate: false };
const KNOWN: Verdict = Verdict::Known { duplicate: false };

/// A batch that is being taken.
struct Batch {
    fold: Fold,
    jobs: Jobs,
}

impl Intake {
    /// Takes a batch. What is answered is durable; a malformed event is refused alone.
    pub(crate) async fn append(&self, arrivals: Vec<Arrival>) -> Result<Vec<Receipt>, IngestError> {
        if arrivals.len() > MAX_BATCH {
            return Err(IngestError::TooLarge(arrivals.len()));
        }
        let started = Instant::now();
        let mut batch = self.open(&arrivals).await?;
        let mut receipts = Vec::with_capacity(arrivals.len());
        let mut rated = false;
        for arrival in arrivals {
            let (kind, receipt) = self.take(&mut batch, arrival).await?;
            let fresh = matches!(receipt.verdict, Verdict::Accepted { .. });
            rated |= fresh && kind == EventKind::Rating;
            self.metrics.event(kind, &receipt.verdict);
            receipts.push(receipt);
        }
        let Batch { mut fold, jobs } = batch;
        let now_ms = fold.now_ms;
        let queued = jobs
            .queue(&mut fold.tx, self.limits.queue_capacity, now_ms)
            .await?;
        let changed = fold.commit().await?;
        self.metrics.folded(started.elapsed());
        self.dirty.mark(changed, rated);
        if let Some(dropped) = queued {
            self.metrics.jobs_dropped(dropped);
            self.queued.notify_waiters();
        }
        Ok(receipts)
    }

    /// Starts the transaction and reads what the batch is about to be compared with.
    async fn open(&self, arrivals: &[Arrival]) -> Result<Batch, StoreError> {
        let mut fold = Fold::new(self.store.write().await?, self.clock.now_ms());
        let (mut decided, mut to_score) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            let Arrival::Event(event) = arrival else {
                continue;
            };
            match &event.body {
                EventBody::Decision(decision) => decided.push(decision.request_id),
                EventBody::ScoringJob(job) => to_score.push(job.request_id),
                EventBody::Rating(_) => {}
            }
        }
        fold.load(decided).await?;
        let jobs = Jobs::load(&mut fold.tx, &to_score).await?;
        Ok(Batch { fold, jobs })
    }

    async fn take(
        &self,
        batch: &mut Batch,
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
        let Batch { fold, jobs } = batch;
        let (kind, verdict) = match body {
            EventBody::Decision(decision) => {
                (EventKind::Decision, self.decision(fold, *decision, id))
            }
            EventBody::Rating(rating) => (EventKind::Rating, self.rating(fold, &rating, id).await?),
            EventBody::ScoringJob(job) => {
                (EventKind::ScoringJob, jobs.take(&mut fold.tx, &job).await?)
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
    fn decision(&self, fold: &mut Fold, decision: Decision, id: Uuid) -> Verdict {
        if let Some(reason) = self.refuse_decision(&decision, fold.now_ms) {
            return Verdict::Rejected(reason);
        }
        if let Some(held) = fold.held(decision.request_id) {
            if held.decision.tenant != decision.tenant {
                return Verdict::Rejected("request_id belongs to another tenant".to_owned());
            }
            if (decision.stage, id) <= (held.decision.stage, held.event_id) {
                return KNOWN;
            }
        }
        fold.put_decision(decision, id);
        ACCEPTED
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
        // What a rating is about is looked up in the store.
        fold.write_decisions().await?;
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
}

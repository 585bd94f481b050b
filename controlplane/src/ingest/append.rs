//! One batch of events, in one transaction.

use std::{collections::VecDeque, time::Instant};

use floopy_shared::domain::{
    decision::Decision,
    event::{Event, EventBody, Rating},
};
use uuid::Uuid;

use super::{
    Arrival, IngestError, Intake, MAX_BATCH, Receipt, Verdict, fold::Fold, id_bytes, jobs::Jobs,
};
use crate::{
    metrics::EventKind,
    store::{
        StoreError,
        contents::Turn,
        ratings::{self, Kind, StoredRating, Subject},
    },
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
    /// What was said in the batch's calls, in their order.
    said: VecDeque<Result<Turn, String>>,
    receipts: Vec<(EventKind, Receipt)>,
    /// Ratings whose verdict depends on what stands in the end: the receipt's place, the subject, the id.
    open: Vec<(usize, Subject, Uuid)>,
}

impl Intake {
    /// Takes a batch. What is answered is durable; a malformed event is refused alone.
    ///
    /// Goes on to its end even if the caller gives up: what is committed must also be told to the others.
    pub(crate) async fn append(&self, arrivals: Vec<Arrival>) -> Result<Vec<Receipt>, IngestError> {
        if arrivals.len() > MAX_BATCH {
            return Err(IngestError::TooLarge(arrivals.len()));
        }
        let intake = self.clone();
        let taking = tokio::spawn(async move { intake.append_to_end(arrivals).await });
        Ok(taking.await.map_err(|_| IngestError::Interrupted)??)
    }

    async fn append_to_end(&self, arrivals: Vec<Arrival>) -> Result<Vec<Receipt>, StoreError> {
        let started = Instant::now();
        let mut batch = self.open(&arrivals).await?;
        for arrival in arrivals {
            self.take(&mut batch, arrival).await?;
        }
        let Batch {
            mut fold,
            jobs,
            mut receipts,
            open,
            ..
        } = batch;
        let now_ms = fold.now_ms;
        let put = jobs.put(&mut fold.tx, &self.queue, now_ms).await?;
        let folded = fold.commit(self).await?;
        self.metrics.folded(started.elapsed());
        for (place, subject, id) in open {
            let stands = folded.standing(&subject);
            receipts[place]
                .1
                .verdict
                .settle(stands.is_some_and(|stands| stands != id));
        }
        if let Some(dropped) = put {
            self.queue.was_put(dropped);
        }
        let counted = |(kind, receipt): (EventKind, Receipt)| {
            self.metrics.event(kind, &receipt.verdict);
            receipt
        };
        Ok(receipts.into_iter().map(counted).collect())
    }

    /// Starts the transaction and reads what the batch is about to be compared with.
    async fn open(&self, arrivals: &[Arrival]) -> Result<Batch, StoreError> {
        // Before anybody else is kept from writing.
        let said = arrivals.iter().filter_map(said).collect();
        let mut fold = Fold::begin(self).await?;
        let (mut decided, mut to_score) = (Vec::new(), Vec::new());
        let (mut sessions, mut replies) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            let Arrival::Event(event) = arrival else {
                continue;
            };
            match &event.body {
                EventBody::Decision(decision) => decided.push(decision.request_id),
                EventBody::ScoringJob(job) => to_score.push(job),
                EventBody::Content(_) => {}
                EventBody::Rating(rating) => match ratings::subject(rating) {
                    (Kind::Session, name) => sessions.push(name),
                    (Kind::Request, name) => replies.push(name),
                },
            }
        }
        fold.load(decided).await?;
        fold.book
            .load(&mut fold.tx, Kind::Session, sessions)
            .await?;
        fold.book.load(&mut fold.tx, Kind::Request, replies).await?;
        let jobs = Jobs::load(&mut fold.tx, &to_score).await?;
        Ok(Batch {
            fold,
            jobs,
            said,
            receipts: Vec::with_capacity(arrivals.len()),
            open: Vec::new(),
        })
    }

    async fn take(&self, batch: &mut Batch, arrival: Arrival) -> Result<(), StoreError> {
        let event = match arrival {
            Arrival::Event(event) => event,
            Arrival::Unreadable { id, reason } => {
                let verdict = Verdict::Rejected(reason);
                let receipt = (EventKind::Unreadable, Receipt { id, verdict });
                batch.receipts.push(receipt);
                return Ok(());
            }
        };
        let Event { id, body, .. } = event;
        let (kind, verdict) = match body {
            EventBody::Decision(decision) => (
                EventKind::Decision,
                self.decision(&mut batch.fold, *decision, id),
            ),
            EventBody::Rating(rating) => (EventKind::Rating, rate(batch, &rating, id)),
            EventBody::Content(content) => {
                let said = batch.said.pop_front();
                let verdict = batch
                    .jobs
                    .keep(&mut batch.fold.tx, (&content, said))
                    .await?;
                (EventKind::Content, verdict)
            }
            EventBody::ScoringJob(job) => {
                let verdict = batch.jobs.take(&mut batch.fold.tx, &job).await?;
                (EventKind::ScoringJob, verdict)
            }
        };
        let id = id_bytes(id);
        batch.receipts.push((kind, Receipt { id, verdict }));
        Ok(())
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
        let oldest = now_ms.saturating_sub(self.kept.of(&decision.tenant));
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
}

/// What was said in a call, read and hashed.
fn said(arrival: &Arrival) -> Option<Result<Turn, String>> {
    match arrival {
        Arrival::Event(Event {
            body: EventBody::Content(content),
            ..
        }) => Some(Turn::of(content)),
        Arrival::Event(_) | Arrival::Unreadable { .. } => None,
    }
}

/// Takes a rating; whether another one stands is settled when the batch is folded.
fn rate(batch: &mut Batch, rating: &Rating, id: Uuid) -> Verdict {
    if rating.rated_at_ms > LATEST_MS {
        let at = rating.rated_at_ms;
        return Verdict::Rejected(format!("rated_at_ms is {at}, which is not a time"));
    }
    let subject = ratings::subject(rating);
    let stored = StoredRating::of(rating, id);
    let revises = stored.revise;
    let new = batch.fold.rate(&subject, stored);
    if !revises {
        batch.open.push((batch.receipts.len(), subject, id));
    }
    if new { ACCEPTED } else { KNOWN }
}

//! Finds agents that were left in the middle: their last reply called tools once more, and nobody came back to the session.
//!
//! What is found is an event like any other, of an id that follows from the call's and is greater than any that a proxy
//! gives, so it is told once and stands over the call's own record whatever comes in which order.

use std::{convert::Infallible, time::Duration};

use floopy_shared::domain::{
    decision::Decision,
    event::{Event, EventBody},
    implicit::{Implicit, ImplicitKind},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    ingest::{Arrival, IngestError, Intake},
    store::{StoreError, calls, loops},
};

/// How often it looks at the most.
const EVERY: Duration = Duration::from_secs(300);
/// Calls that are looked at together.
const MOST: i64 = 200;

/// What the job works with.
#[derive(Debug)]
pub(crate) struct Abandoned {
    pub(crate) intake: Intake,
    /// Who does not come back for so long does not come back.
    pub(crate) after_ms: u64,
}

impl Abandoned {
    /// Runs until stopped.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let after = Duration::from_millis(self.after_ms);
        // What proxies kept while nobody took it comes first: it may say that somebody came back.
        let mut every = interval_at(Instant::now() + after, EVERY.min(after));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = every.tick() => {}
            }
            if let Err(error) = self.look(&stop).await {
                tracing::error!(%error, "what was abandoned could not be looked for; trying again later");
            }
        }
    }

    /// Tells of all that are old enough.
    async fn look(&self, stop: &CancellationToken) -> Result<(), IngestError> {
        let before_ms = self.intake.clock.now_ms().saturating_sub(self.after_ms);
        while !stop.is_cancelled() {
            let (known, left) = self.left(before_ms).await?;
            let events = left
                .into_iter()
                .map(|decision| Arrival::Event(told(decision)));
            let events: Vec<Arrival> = events.collect();
            if !events.is_empty() {
                self.intake.append(events).await?;
            }
            if known.is_empty() {
                break;
            }
            let mut tx = self.intake.store.write().await?;
            loops::forget(&mut tx, &known).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(())
    }

    /// Calls of which it is known by now, and the decisions of those that nobody came back to.
    async fn left(&self, before_ms: u64) -> Result<(Vec<loops::Left>, Vec<Decision>), StoreError> {
        let mut conn = self.intake.store.read().acquire().await?;
        let known = loops::older(&mut conn, before_ms, MOST).await?;
        let mut left = Vec::new();
        for call in &known {
            let Some(tenant) = &call.tenant else {
                continue;
            };
            match calls::get(&mut conn, (tenant, call.request)).await {
                Ok(found) => left.extend(found.map(|found| found.decision)),
                // One that cannot be read must not keep the others from being looked at.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, request = %call.request, "a call is left out");
                }
                Err(error) => return Err(error),
            }
        }
        left.retain(Decision::is_open_loop);
        Ok((known, left))
    }
}

/// The decision with what became of it.
fn told(mut decision: Decision) -> Event {
    let mut id = *decision.request_id.0.as_bytes();
    id[..8].fill(0xff);
    decision.implicit.push(Implicit {
        kind: ImplicitKind::Abandoned,
        about: None,
    });
    Event {
        id: Uuid::from_bytes(id),
        recorded_at_ms: decision.created_at_ms,
        body: EventBody::Decision(Box::new(decision)),
    }
}

#[cfg(test)]
mod tests;

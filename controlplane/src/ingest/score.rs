//! The judges' side of the intake: handing out replies and taking verdicts back.

use std::{collections::HashMap, time::Duration};

use floopy_shared::domain::{
    event::{Score, ScoringJob},
    ids::RequestId,
};

use super::{Ask, IngestError, Intake, fold::Fold};
use crate::store::{StoreError, queue, scores};

impl Intake {
    /// Hands out work, waiting up to `wait` for some to come.
    pub(crate) async fn lease(
        &self,
        ask: &Ask,
        wait: Duration,
    ) -> Result<Vec<ScoringJob>, IngestError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Registered before looking, so that a job queued in between is not missed.
            let queued = self.queued.notified();
            let mut queued = std::pin::pin!(queued);
            queued.as_mut().enable();
            let jobs = self.try_lease(ask).await?;
            if !jobs.is_empty() || tokio::time::timeout_at(deadline, queued).await.is_err() {
                return Ok(jobs);
            }
        }
    }

    async fn try_lease(&self, ask: &Ask) -> Result<Vec<ScoringJob>, StoreError> {
        let mut tx = self.store.write().await?;
        let leased = queue::lease(&mut tx, ask, self.clock.now_ms()).await?;
        tx.commit().await?;
        self.metrics.jobs_dropped(leased.dropped);
        Ok(leased.jobs)
    }

    /// Takes verdicts and failures; how many scores were new. Durable when answered, and taken to the end even
    /// if the caller gives up.
    pub(crate) async fn report(
        &self,
        scored: Vec<Score>,
        failed: Vec<RequestId>,
    ) -> Result<u32, IngestError> {
        let intake = self.clone();
        let taking = tokio::spawn(async move { intake.report_to_end(&scored, &failed).await });
        Ok(taking.await.map_err(|_| IngestError::Interrupted)??)
    }

    async fn report_to_end(
        &self,
        scored: &[Score],
        failed: &[RequestId],
    ) -> Result<u32, StoreError> {
        let mut fold = Fold::begin(self).await?;
        let done = scored.iter().map(|score| &score.request_id);
        queue::remove_many(&mut fold.tx, done.chain(failed)).await?;
        let new = scores::put_many(&mut fold.tx, scored, fold.now_ms).await?;
        let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
        // Of several scores of one reply the first was kept.
        let composites = scored.iter().rev().map(|s| (s.request_id, s.composite));
        let composites: HashMap<RequestId, f64> = composites.collect();
        for request in new {
            if let Some(composite) = composites.get(&request) {
                fold.score(request, *composite);
            }
        }
        fold.commit(self).await?;
        self.metrics.scores(count, failed.len());
        Ok(count)
    }
}

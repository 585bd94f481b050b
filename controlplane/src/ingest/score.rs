//! The judges' side of the intake: taking verdicts back.

use std::collections::HashMap;

use floopy_shared::domain::{event::Score, ids::RequestId};

use super::{IngestError, Intake, fold::Fold};
use crate::{
    learn::credit::Judged,
    queue::Failure,
    store::{StoreError, scores},
};

impl Intake {
    /// Takes verdicts and failures; how many scores were new. Durable when answered, and taken to the end even
    /// if the caller gives up.
    pub(crate) async fn report(
        &self,
        scored: Vec<Score>,
        failed: Vec<Failure>,
    ) -> Result<u32, IngestError> {
        let intake = self.clone();
        let taking = tokio::spawn(async move { intake.report_to_end(&scored, &failed).await });
        Ok(taking.await.map_err(|_| IngestError::Interrupted)??)
    }

    async fn report_to_end(&self, scored: &[Score], failed: &[Failure]) -> Result<u32, StoreError> {
        let mut fold = Fold::begin(self).await?;
        let done: Vec<RequestId> = scored.iter().map(|score| score.request_id).collect();
        let died = self.queue.settle(&mut fold.tx, &done, failed).await?;
        let standing = scores::standing(scored);
        let new = scores::put_many(&mut fold.tx, &standing, fold.now_ms).await?;
        let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
        let judged = standing.iter().map(|s| (s.request_id, judged(s)));
        let judged: HashMap<RequestId, Judged> = judged.collect();
        for request in new {
            if let Some(judged) = judged.get(&request) {
                fold.score(request, *judged);
            }
        }
        fold.commit(self).await?;
        self.queue.was_settled(&done, failed, died).await;
        self.metrics.scores(count, failed.len());
        Ok(count)
    }
}

fn judged(score: &Score) -> Judged {
    Judged {
        composite: score.composite,
        weight: score.weight,
        cost_micro_usd: score.cost_micro_usd,
    }
}

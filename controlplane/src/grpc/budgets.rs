//! Tells proxies what was spent of budgets.

use floopy_proto::v1::{SpentRequest, SpentResponse, budgets_server::Budgets};
use tonic::{Request, Response, Status};

use super::{Services, status_of};
use crate::{ingest::Intake, store::spend};

/// Rows of one answer, more or less.
const PAGE: usize = 5_000;
/// How far back the next question goes beyond the last answer: a batch may take that long to be committed.
const OVERLAP_MS: u64 = 15_000;

/// Serves `Budgets`.
pub(super) struct BudgetsService {
    intake: Intake,
}

impl BudgetsService {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            intake: services.intake.clone(),
        }
    }
}

#[tonic::async_trait]
impl Budgets for BudgetsService {
    async fn spent(
        &self,
        request: Request<SpentRequest>,
    ) -> Result<Response<SpentResponse>, Status> {
        let SpentRequest { since_ms } = request.into_inner();
        let now_ms = self.intake.clock.now_ms();
        let changed = spend::since(&self.intake.store, (since_ms, now_ms), PAGE).await;
        let changed = changed.map_err(|e| status_of(&e.into()))?;
        Ok(Response::new(SpentResponse {
            rows: changed.rows.iter().map(Into::into).collect(),
            since_ms: match changed.until_ms {
                Some(until_ms) => until_ms + 1,
                None => now_ms.saturating_sub(OVERLAP_MS),
            },
            has_more: changed.until_ms.is_some(),
        }))
    }
}

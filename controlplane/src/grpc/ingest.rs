//! Takes batches of events from proxies.

use std::sync::Arc;

use floopy_proto::v1::{
    self, AppendRequest, AppendResponse, EventResult, EventStatus, ingest_server::Ingest,
};
use tonic::{Request, Response, Status};

use super::{Services, status_of};
use crate::{
    fleet::Fleet,
    ingest::{Arrival, Intake, Receipt, Verdict},
};

/// Serves `Ingest`.
pub(super) struct IngestService {
    intake: Intake,
    fleet: Arc<Fleet>,
}

impl IngestService {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            intake: services.intake.clone(),
            fleet: Arc::clone(&services.fleet),
        }
    }
}

#[tonic::async_trait]
impl Ingest for IngestService {
    async fn append(
        &self,
        request: Request<AppendRequest>,
    ) -> Result<Response<AppendResponse>, Status> {
        let AppendRequest { node, events } = request.into_inner();
        let now_ms = self.intake.clock.now_ms();
        let count = events.len();
        let arrivals = events.into_iter().map(arrival).collect();
        let receipts = self
            .intake
            .append(arrivals)
            .await
            .map_err(|e| status_of(&e))?;
        self.fleet.delivered(&node, count, now_ms);
        Ok(Response::new(AppendResponse {
            results: receipts.into_iter().map(to_wire).collect(),
        }))
    }
}

fn arrival(event: v1::Event) -> Arrival {
    let id = event.id.to_vec();
    match event.try_into() {
        Ok(event) => Arrival::Event(event),
        Err(error) => Arrival::Unreadable {
            id,
            reason: error.to_string(),
        },
    }
}

fn to_wire(receipt: Receipt) -> EventResult {
    let (status, reason, duplicate_rating) = match receipt.verdict {
        Verdict::Accepted { duplicate } => (EventStatus::Accepted, String::new(), duplicate),
        Verdict::Known { duplicate } => (EventStatus::AlreadyKnown, String::new(), duplicate),
        Verdict::Rejected(reason) => (EventStatus::Rejected, reason, false),
    };
    EventResult {
        event_id: receipt.id.into(),
        status: status.into(),
        reason,
        duplicate_rating,
    }
}

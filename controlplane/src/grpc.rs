//! The gRPC side of the contract: snapshots out, events in, replies to judges.

mod admin;
mod batches;
mod budgets;
mod ingest;
mod named;
mod scoring;
pub(crate) mod secured;
mod snapshots;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use floopy_proto::{
    admin::v1::admin_server::AdminServer,
    v1::{
        batches_server::BatchesServer, budgets_server::BudgetsServer, ingest_server::IngestServer,
        scoring_server::ScoringServer, snapshots_server::SnapshotsServer,
    },
};
use floopy_shared::process::rpc::PlaneToken;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, service::interceptor::InterceptedService, transport::server::Router};

use self::{
    admin::AdminService, batches::BatchesService, budgets::BudgetsService, ingest::IngestService,
    named::Named, scoring::ScoringService, snapshots::SnapshotsService,
};
use crate::{
    fleet::Fleet,
    index::{Announcement, Index},
    ingest::Intake,
    metrics::Metrics,
    rest::Api,
};

/// Largest message taken: a full batch of a proxy's spool.
const MAX_RECEIVED: usize = 16 * 1024 * 1024;
/// Largest message sent: all tables of a first connection.
const MAX_SENT: usize = 64 * 1024 * 1024;

/// What the services work with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) index: Arc<Index>,
    pub(crate) announcements: mpsc::Sender<Announcement>,
    pub(crate) intake: Intake,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) fleet: Arc<Fleet>,
    /// That one tenant may keep in files.
    pub(crate) tenant_batch_bytes: u64,
    pub(crate) stop: CancellationToken,
}

/// All services: those of the planes behind the token that they share, the operator's behind its own key.
pub(crate) fn router(services: &Services, token: &PlaneToken, api: Api) -> Router {
    let guard = Guard(token.clone());
    let snapshots = SnapshotsServer::new(SnapshotsService::new(services))
        .max_decoding_message_size(MAX_RECEIVED)
        .max_encoding_message_size(MAX_SENT);
    let ingest = IngestServer::new(IngestService::new(services))
        .max_decoding_message_size(MAX_RECEIVED)
        .max_encoding_message_size(MAX_SENT);
    let scoring = ScoringServer::new(ScoringService::new(services))
        .max_decoding_message_size(MAX_RECEIVED)
        .max_encoding_message_size(MAX_SENT);
    let batches = BatchesServer::new(BatchesService::new(services))
        .max_decoding_message_size(MAX_RECEIVED)
        .max_encoding_message_size(MAX_SENT);
    let budgets =
        BudgetsServer::new(BudgetsService::new(services)).max_encoding_message_size(MAX_SENT);
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(InterceptedService::new(snapshots, guard.clone()))
        .add_service(InterceptedService::new(ingest, guard.clone()))
        .add_service(InterceptedService::new(scoring, guard.clone()))
        .add_service(InterceptedService::new(batches, guard.clone()))
        .add_service(InterceptedService::new(budgets, guard))
        .add_service(Named(AdminServer::new(AdminService { api })))
}

/// How often a silent peer is asked whether it is there, and how long it may take to say so.
const KEEPALIVE: std::time::Duration = std::time::Duration::from_secs(10);

/// Lets only calls with the planes' token through.
#[derive(Clone)]
struct Guard(PlaneToken);

impl tonic::service::Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        if self.0.admits(request.metadata()) {
            Ok(request)
        } else {
            Err(Status::unauthenticated(
                "the plane token is missing or wrong",
            ))
        }
    }
}

/// The peer's failure or ours, told apart for its retries; details stay in our log.
fn status_of(error: &crate::ingest::IngestError) -> Status {
    match error {
        crate::ingest::IngestError::TooLarge(_) => Status::invalid_argument(error.to_string()),
        crate::ingest::IngestError::Interrupted => Status::unavailable(error.to_string()),
        crate::ingest::IngestError::Store(source) => store_failed(source),
    }
}

fn store_failed(error: &crate::store::StoreError) -> Status {
    tracing::error!(%error, "the store failed");
    Status::unavailable("the store failed; try again")
}

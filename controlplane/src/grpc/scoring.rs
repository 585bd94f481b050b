//! Hands replies to judges and takes their verdicts.

use std::{collections::BTreeSet, time::Duration};

use floopy_proto::v1::{
    self, FailedJob, LeaseRequest, LeaseResponse, ReportRequest, ReportResponse,
    scoring_server::Scoring,
};
use floopy_shared::{
    domain::{
        event::{Score, ScoringJob},
        ids::{RequestId, TenantId},
    },
    wire::scoring,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Services, status_of, store_failed};
use crate::{
    ingest::Intake,
    queue::{Ask, Failure, QueueError},
    settings::rubric,
    store::StoreError,
};

/// Longest wait for work; a judge asks again after it.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Most jobs per lease.
const MAX_JOBS: u32 = 256;
/// Most bytes of jobs per lease: below the 4 MiB that gRPC clients take by default.
const MAX_LEASE_BYTES: u64 = 3 * 1024 * 1024;
/// Shortest and longest lease.
const LEASE_MS: (u64, u64) = (1_000, 600_000);
/// Most verdicts per report.
const MAX_REPORT: usize = 10_000;
/// Characters of a worker's name that are kept.
const MAX_WORKER: usize = 64;

/// Serves `Scoring`.
pub(super) struct ScoringService {
    intake: Intake,
    stop: CancellationToken,
}

impl ScoringService {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            intake: services.intake.clone(),
            stop: services.stop.clone(),
        }
    }
}

impl ScoringService {
    /// Those of the jobs' tenants that have one, as they are now.
    async fn rubrics(&self, jobs: &[ScoringJob]) -> Result<Vec<v1::Rubric>, StoreError> {
        let tenants: BTreeSet<&TenantId> = jobs.iter().map(|job| &job.tenant).collect();
        if tenants.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.intake.store.read().acquire().await?;
        let mut told = Vec::new();
        for tenant in tenants {
            let rubric = rubric::of(&mut conn, tenant).await?;
            told.extend(rubric.map(|rubric| scoring::told(tenant, &rubric)));
        }
        Ok(told)
    }
}

#[tonic::async_trait]
impl Scoring for ScoringService {
    async fn lease(
        &self,
        request: Request<LeaseRequest>,
    ) -> Result<Response<LeaseResponse>, Status> {
        let asked = request.into_inner();
        if asked.max_jobs == 0 {
            return Err(Status::invalid_argument(
                "max_jobs is 0, it must be at least 1",
            ));
        }
        let ask = Ask {
            jobs: asked.max_jobs.min(MAX_JOBS),
            bytes: MAX_LEASE_BYTES,
            lease_ms: asked.lease_ms.clamp(LEASE_MS.0, LEASE_MS.1),
            worker: asked.worker.chars().take(MAX_WORKER).collect(),
        };
        let wait = Duration::from_millis(asked.wait_ms).min(MAX_WAIT);
        let leased = tokio::select! {
            () = self.stop.cancelled() => return Err(Status::unavailable("stopping")),
            leased = self.intake.queue.lease(&ask, wait) => {
                leased.map_err(|e| of_queue(&e))?
            }
        };
        let rubrics = self.rubrics(&leased).await;
        let rubrics = rubrics.map_err(|error| store_failed(&error))?;
        Ok(Response::new(LeaseResponse {
            jobs: leased.iter().map(Into::into).collect(),
            rubrics,
        }))
    }

    async fn report(
        &self,
        request: Request<ReportRequest>,
    ) -> Result<Response<ReportResponse>, Status> {
        let report = request.into_inner();
        if report.scores.len() + report.failed.len() > MAX_REPORT {
            return Err(Status::invalid_argument(format!(
                "more than {MAX_REPORT} verdicts in one report"
            )));
        }
        let mut scores = Vec::with_capacity(report.scores.len());
        let failure = |job: FailedJob| {
            let request = request_id(&job.request_id)?;
            let reason = format!("the judge {} said: {}", report.worker, job.reason);
            Some(Failure { request, reason })
        };
        let mut failed: Vec<Failure> = report.failed.into_iter().filter_map(failure).collect();
        for score in report.scores {
            let request = request_id(&score.request_id);
            match Score::try_from(score) {
                Ok(score) => scores.push(score),
                Err(error) => {
                    tracing::warn!(worker = report.worker, %error, "a judge's score is not valid");
                    let reason =
                        format!("the judge {} gave no valid score: {error}", report.worker);
                    failed.extend(request.map(|request| Failure { request, reason }));
                }
            }
        }
        let folded = self
            .intake
            .report(scores, failed)
            .await
            .map_err(|e| status_of(&e))?;
        Ok(Response::new(ReportResponse { folded }))
    }
}

fn of_queue(error: &QueueError) -> Status {
    match error {
        QueueError::Store(error) => store_failed(error),
        // It was said once, and is not said to every judge that asks.
        QueueError::Late { .. } | QueueError::LeftAlone { .. } | QueueError::Failed { .. } => {
            Status::unavailable("the scoring queue does not answer; try again")
        }
    }
}

/// An id that names no job changes nothing, so it is passed over.
fn request_id(bytes: &[u8]) -> Option<RequestId> {
    Uuid::from_slice(bytes).ok().map(RequestId)
}

//! A judge that does what a test wants: leases replies, and fails at them or never says anything.

use floopy_proto::v1::{self, scoring_client::ScoringClient};
use floopy_shared::process::{config::Secret, rpc::PlaneToken};
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use crate::{Floopy, settings::PLANE_TOKEN};

/// Connected to the control plane of planes that are apart.
#[derive(Debug)]
pub struct Judge {
    client: ScoringClient<InterceptedService<Channel, PlaneToken>>,
}

impl Judge {
    pub async fn of(floopy: &Floopy) -> Self {
        let address = format!("http://{}", floopy.grpc_addr());
        let channel = Channel::from_shared(address).expect("an address");
        let channel = channel.connect().await.expect("listens");
        let token = PlaneToken::new(Some(&Secret::new(PLANE_TOKEN))).expect("ASCII");
        Self {
            client: ScoringClient::with_interceptor(channel, token),
        }
    }

    /// Takes what there is.
    pub async fn lease(&mut self, jobs: u32, lease_ms: u64) -> Vec<v1::ScoringJob> {
        self.ask((jobs, 0), lease_ms).await
    }

    /// Waits for one.
    pub async fn wait(&mut self, lease_ms: u64) -> Vec<v1::ScoringJob> {
        self.ask((1, 30_000), lease_ms).await
    }

    async fn ask(&mut self, (jobs, wait_ms): (u32, u64), lease_ms: u64) -> Vec<v1::ScoringJob> {
        let ask = v1::LeaseRequest {
            worker: "of-the-test".into(),
            max_jobs: jobs,
            wait_ms,
            lease_ms,
        };
        let leased = self.client.lease(ask).await;
        leased.expect("leased").into_inner().jobs
    }

    /// Says of jobs why they cannot be scored.
    pub async fn fail(&mut self, jobs: &[v1::ScoringJob], reason: &str) {
        let failed = jobs.iter().map(|job| v1::FailedJob {
            request_id: job.request_id.clone(),
            reason: reason.to_owned(),
        });
        let report = v1::ReportRequest {
            worker: "of-the-test".into(),
            failed: failed.collect(),
            ..Default::default()
        };
        self.client.report(report).await.expect("reported");
    }
}

//! Scores replies: leases them from the control plane, judges them by a rubric, reports what it found.

pub mod config;
pub mod judge;
pub mod rubric;

mod llm;
mod metrics;
mod queue;
mod report;

use std::sync::{Arc, Mutex};

use floopy_proto::v1::scoring_client::ScoringClient;
use floopy_shared::process::{
    rpc::{Dialer, InvalidPlaneToken, PlaneToken},
    supervise::{TaskError, Tasks},
};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tonic::{service::interceptor::InterceptedService, transport::Channel};

pub use config::Config;

/// How long tasks may take to report what they hold once asked to stop.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Largest batch of jobs accepted, in bytes: a batch of long prompts and replies.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// What the process provides.
#[derive(Debug)]
pub struct Deps {
    pub dialer: Dialer,
    pub registry: Arc<Mutex<Registry>>,
    pub stop: CancellationToken,
}

/// Why the worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Token(#[from] InvalidPlaneToken),
    #[error(transparent)]
    Task(#[from] TaskError),
}

type Client = ScoringClient<InterceptedService<Channel, PlaneToken>>;

/// Works until stopped; whatever was leased is reported first.
pub async fn run(config: Config, deps: Deps) -> Result<(), Error> {
    let token = PlaneToken::new(config.control.token.as_ref())?;
    let client = ScoringClient::with_interceptor(deps.dialer.channel(), token)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let metrics = metrics::Metrics::register(&deps.registry);
    let judges = llm::Judges::new(&config.llm, &metrics);
    let config = Arc::new(config);
    let mut tasks = Tasks::new(deps.stop);
    for _ in 0..config.concurrency {
        let worker = queue::Worker {
            client: client.clone(),
            dialer: deps.dialer.clone(),
            config: Arc::clone(&config),
            metrics: metrics.clone(),
            judges: judges.clone(),
            stop: tasks.stop().clone(),
        };
        tasks.spawn("judge", worker.run());
    }
    Ok(tasks.run(DRAIN).await?)
}

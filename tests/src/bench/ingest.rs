//! A control plane in this process, fed over gRPC in memory with the batches that proxies and judges send.

pub mod world;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use floopy_controlplane::{Config, Deps, Storage, TenantConfig, detached};
use floopy_proto::v1::{
    self, AppendRequest, EventStatus, ReportRequest, ingest_client::IngestClient,
    scoring_client::ScoringClient,
};
use floopy_shared::process::{clock::Clock, rpc::Dialer};
use futures::StreamExt;
use prost::Message;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::report::percentile;

/// Events of one message of a proxy's spool.
const SPOOL_EVENTS: usize = 512;
/// Bytes of one such message.
const SPOOL_BYTES: usize = 1 << 20;

/// The running control plane.
#[derive(Debug)]
pub struct Control {
    dialer: Dialer,
    stop: CancellationToken,
    task: JoinHandle<Result<(), floopy_controlplane::Error>>,
}

impl Control {
    /// Starts with a store in `dir` and these tenants.
    pub async fn start(dir: &Path, tenants: Vec<String>) -> Self {
        let tenant = |id| TenantConfig {
            id,
            key: None,
            zero_retention: false,
            default_model: None,
            constraints: floopy_controlplane::Constraints::default(),
            shadow_budget_usd_per_day: None,
        };
        let config = Config {
            data_dir: dir.to_owned(),
            tenants: tenants.into_iter().map(tenant).collect(),
            ..Config::default()
        };
        let (dialer, incoming) = Dialer::memory();
        let stop = CancellationToken::new();
        let deps = Deps {
            incoming: None,
            clock: Clock::system(),
            registry: std::sync::Arc::default(),
            stop: stop.clone(),
        };
        let control = detached(config, deps, Storage::Directory)
            .await
            .expect("starts");
        let incoming = ReceiverStream::new(incoming)
            .map(Ok)
            .chain(futures::stream::pending());
        let task = tokio::spawn(control.serve(incoming));
        Self { dialer, stop, task }
    }

    /// Ends it and waits until its store is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("ends well");
    }

    /// Sends events as a spool does, one batch after the other; every one of them must be new.
    pub async fn append(&self, events: Vec<v1::Event>) -> Run {
        let mut client = IngestClient::new(self.dialer.channel());
        let mut run = Run::default();
        for events in batches(events) {
            let (started, count) = (Instant::now(), events.len());
            let request = AppendRequest {
                node: "bench".into(),
                events,
            };
            let reply = client.append(request).await.expect("taken").into_inner();
            run.note(started.elapsed(), count);
            let accepted = i32::from(EventStatus::Accepted);
            let refused = reply.results.iter().find(|r| r.status != accepted);
            assert!(refused.is_none(), "{refused:?}");
        }
        run
    }

    /// Reports scores as a judge does, `batch` at a time; every one of them must be new.
    pub async fn report(&self, scores: Vec<v1::Score>, batch: usize) -> Run {
        let mut client = ScoringClient::new(self.dialer.channel());
        let mut run = Run::default();
        for scores in scores.chunks(batch) {
            let started = Instant::now();
            let request = ReportRequest {
                worker: "bench".into(),
                scores: scores.to_vec(),
                failed: vec![],
            };
            let reply = client.report(request).await.expect("taken").into_inner();
            run.note(started.elapsed(), scores.len());
            assert_eq!(usize::try_from(reply.folded).ok(), Some(scores.len()));
        }
        run
    }
}

/// Cuts events into the messages that a spool would send.
fn batches(events: Vec<v1::Event>) -> Vec<Vec<v1::Event>> {
    let mut batches: Vec<Vec<v1::Event>> = Vec::new();
    let mut bytes = usize::MAX;
    for event in events {
        let len = event.encoded_len();
        let full = batches.last().is_none_or(|b| b.len() >= SPOOL_EVENTS);
        if full || bytes.saturating_add(len) > SPOOL_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += len;
        batches.last_mut().expect("just made").push(event);
    }
    batches
}

/// How long the batches of one kind took.
#[derive(Debug, Default)]
pub struct Run {
    events: usize,
    batches: Vec<Duration>,
}

impl Run {
    fn note(&mut self, took: Duration, events: usize) {
        self.events += events;
        self.batches.push(took);
    }

    /// Events per second of answered batches.
    pub fn per_second(&self) -> f64 {
        let total: Duration = self.batches.iter().sum();
        f64::from(u32::try_from(self.events).unwrap_or(u32::MAX)) / total.as_secs_f64()
    }

    /// A line for people.
    pub fn line(mut self, what: &str) -> String {
        let per_second = self.per_second();
        self.batches.sort_unstable();
        let ms = |percent| percentile(&self.batches, percent).as_secs_f64() * 1e3;
        format!(
            "{what:<34} {:>7} events {per_second:>9.0} /s   {:>5} batches  p50 {:>6.2} ms  p99 {:>6.2} ms",
            self.events,
            self.batches.len(),
            ms(50),
            ms(99),
        )
    }
}

//! A control plane in this process, fed over gRPC in memory with the batches that proxies and judges send.

pub mod world;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use floopy_controlplane::{Config, DecisionLogConfig, Deps, Storage, TenantConfig, detached};
use floopy_proto::v1::{
    self, AppendRequest, EventStatus, ReportRequest, ingest_client::IngestClient,
    scoring_client::ScoringClient,
};
use floopy_shared::process::{clock::Clock, config::Secret, rpc::Dialer};
use futures::StreamExt;
use prometheus_client::{encoding::text::encode, registry::Registry};
use prost::Message;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::report::percentile;

/// Events of one message of a spool that has much to deliver.
const SPOOL_EVENTS: usize = 4_096;
/// Bytes of one such message.
const SPOOL_BYTES: usize = 1 << 20;

/// The running control plane.
#[derive(Debug)]
pub struct Control {
    dialer: Dialer,
    registry: Arc<Mutex<Registry>>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), floopy_controlplane::Error>>,
}

impl Control {
    /// Starts with a store in `dir` and these tenants.
    pub async fn start(dir: &Path, tenants: Vec<String>) -> Self {
        Self::with_log(dir, tenants, None).await
    }

    /// The same; decisions are looked up in the ClickHouse database of this URL.
    pub async fn with_log(dir: &Path, tenants: Vec<String>, log: Option<Secret>) -> Self {
        let tenant = |id| TenantConfig {
            id,
            key: None,
            zero_retention: false,
            default_model: None,
            constraints: Default::default(),
            shadow_budget_usd_per_day: None,
            rules: Vec::new(),
            models: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
            mcp: Default::default(),
            plan: None,
        };
        let config = Config {
            data_dir: dir.to_owned(),
            tenants: tenants.into_iter().map(tenant).collect(),
            decision_log: DecisionLogConfig {
                url: log,
                ..DecisionLogConfig::default()
            },
            ..Config::default()
        };
        let (dialer, incoming) = Dialer::memory();
        let stop = CancellationToken::new();
        let registry = Arc::<Mutex<Registry>>::default();
        let deps = Deps {
            incoming: None,
            clock: Clock::system(),
            registry: Arc::clone(&registry),
            stop: stop.clone(),
        };
        let control = detached(config, deps, Storage::Directory)
            .await
            .expect("starts");
        let incoming = ReceiverStream::new(incoming)
            .map(Ok)
            .chain(futures::stream::pending());
        let task = tokio::spawn(control.serve(incoming));
        Self {
            dialer,
            registry,
            stop,
            task,
        }
    }

    /// Ends it and waits until its store is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("ends well");
    }

    /// A number that it tells at `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        let registry = self.registry.lock().expect("not poisoned");
        encode(&mut text, &registry).expect("written");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.trim().parse().ok());
        number.unwrap_or_else(|| panic!("{name} is not told"))
    }

    /// Sends events as a spool does, one batch after the other; every one of them must be new.
    pub async fn append(&self, events: Vec<v1::Event>) -> Run {
        let mut client = IngestClient::new(self.dialer.channel());
        let mut run = Run::start();
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
        run.end()
    }

    /// Reports scores as a judge does, `batch` at a time; every one of them must be new.
    pub async fn report(&self, scores: Vec<v1::Score>, batch: usize) -> Run {
        let mut client = ScoringClient::new(self.dialer.channel());
        let mut run = Run::start();
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
        run.end()
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
#[derive(Debug)]
pub struct Run {
    events: usize,
    batches: Vec<Duration>,
    cpu_at_start: Duration,
    cpu: Duration,
}

impl Run {
    fn start() -> Self {
        Self {
            events: 0,
            batches: Vec::new(),
            cpu_at_start: cpu_time(),
            cpu: Duration::ZERO,
        }
    }

    fn end(mut self) -> Self {
        self.cpu = cpu_time() - self.cpu_at_start;
        self
    }

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
        let events = f64::from(u32::try_from(self.events).unwrap_or(u32::MAX));
        format!(
            "{what:<24} {:>6} events {per_second:>7.0} /s  {:>4.0} µs of CPU each  {:>4} batches  p50 {:>6.2} ms  \
             p99 {:>6.2} ms",
            self.events,
            self.cpu.as_secs_f64() * 1e6 / events,
            self.batches.len(),
            ms(50),
            ms(99),
        )
    }
}

/// CPU time of this process so far, over all its threads.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the process, which may hold anything, ends with the last parenthesis; 11 fields follow first.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux tells them in hundredths of a second.
    Duration::from_millis(ticks * 10)
}

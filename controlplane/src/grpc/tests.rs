//! The services over a real connection in memory, with real clients.

use std::time::Duration;

use floopy_proto::v1::{
    self, WatchRequest, WatchResponse, ingest_client::IngestClient, scoring_client::ScoringClient,
    snapshots_client::SnapshotsClient, watch_request::Kind,
};
use floopy_shared::{
    domain::snapshot::{Snapshot, Update},
    process::{
        config::Secret,
        rpc::{Dialer, PlaneToken},
    },
    wire::snapshot::update_from_wire,
};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use crate::{
    app::{Deps, Detached, Storage, detached},
    config::{Config, TenantConfig},
    fixture::*,
};

struct Running {
    dialer: Dialer,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), crate::app::Error>>,
}

impl Running {
    async fn start(config: Config, storage: Storage) -> Self {
        let (dialer, incoming) = Dialer::memory();
        let stop = CancellationToken::new();
        let deps = Deps {
            incoming: None,
            clock: floopy_shared::process::clock::Clock::from_source(|| NOW),
            registry: std::sync::Arc::default(),
            stop: stop.clone(),
        };
        let detached: Detached = detached(config, deps, storage).await.expect("starts");
        let incoming = ReceiverStream::new(incoming)
            .map(Ok)
            .chain(futures::stream::pending());
        let task = tokio::spawn(detached.serve(incoming));
        Self { dialer, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("ends well");
    }

    async fn watch(&self, known: &[(String, u64)]) -> Proxy {
        let (sender, requests) = mpsc::channel(8);
        let known = known.iter().map(|(name, version)| v1::TableVersion {
            name: name.clone(),
            version: *version,
        });
        let hello = v1::Hello {
            node: "n1".into(),
            known: known.collect(),
            providers: vec!["p".into()],
            ..v1::Hello::default()
        };
        sender
            .send(WatchRequest {
                kind: Some(Kind::Hello(hello)),
            })
            .await
            .expect("open");
        let mut client = SnapshotsClient::new(self.dialer.channel());
        let updates = client
            .watch(ReceiverStream::new(requests))
            .await
            .expect("watches")
            .into_inner();
        Proxy { sender, updates }
    }
}

struct Proxy {
    sender: mpsc::Sender<WatchRequest>,
    updates: Streaming<WatchResponse>,
}

impl Proxy {
    async fn update(&mut self) -> Update {
        let update = tokio::time::timeout(Duration::from_secs(10), self.updates.message()).await;
        update_from_wire(
            update
                .expect("in time")
                .expect("no error")
                .expect("not ended"),
        )
    }

    async fn nothing_comes(&mut self) {
        let quiet = tokio::time::timeout(Duration::from_millis(400), self.updates.message()).await;
        assert!(quiet.is_err(), "{quiet:?}");
    }

    async fn ack(&self, version: u64, rejected: Vec<v1::Rejection>) {
        let ack = v1::Ack {
            snapshot_version: version,
            rejected,
        };
        self.sender
            .send(WatchRequest {
                kind: Some(Kind::Ack(ack)),
            })
            .await
            .expect("open");
    }
}

fn config() -> Config {
    let tenant = TenantConfig {
        id: "acme".into(),
        key: Some(Secret::new("fl_test")),
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
    let model = |name: &str, benchmark: &str| {
        let text = format!("provider = \"p\"\nmodel = \"{name}\"\nbenchmark = {benchmark}\n");
        floopy_shared::process::config::parse(&text, "test").expect("valid")
    };
    let models = vec![model("a", "0.9"), model("b", "0.8")];
    Config {
        tenants: vec![tenant],
        models,
        builtin_models: false,
        ..Config::default()
    }
}

fn names(update: &Update) -> Vec<&str> {
    update
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect()
}

#[tokio::test]
async fn a_proxy_gets_every_table_then_only_what_changed() {
    let running = Running::start(config(), Storage::Memory).await;
    let mut proxy = running.watch(&[]).await;
    let first = proxy.update().await;
    assert_eq!(names(&first), ["catalog", "tenant/acme", "ranking/acme"]);
    let (snapshot, rejected) = Snapshot::default().apply(first.clone());
    assert!(rejected.is_empty(), "{rejected:?}");
    proxy.ack(first.version, vec![]).await;
    let mut client = IngestClient::new(running.dialer.channel());
    let batch: Vec<v1::Event> = [decided(1, turn(1, "s", "b")), rated(2, "s", 10)]
        .iter()
        .map(Into::into)
        .collect();
    let started = std::time::Instant::now();
    let reply = client
        .append(v1::AppendRequest {
            node: "n1".into(),
            events: batch,
        })
        .await
        .expect("taken")
        .into_inner();
    assert!(
        reply
            .results
            .iter()
            .all(|r| r.status == i32::from(v1::EventStatus::Accepted))
    );
    let second = proxy.update().await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(names(&second), ["ranking/acme"]);
    assert!(second.version > first.version);
    let (next, rejected) = snapshot.apply(second);
    assert!(rejected.is_empty());
    let root = &next.rankings(&tenant()).expect("ranked").shapes[0];
    assert_eq!(root.evidence.rated_sessions, 1.0);
    running.stop().await;
}

#[tokio::test]
async fn a_refused_table_is_held_back_and_known_tables_are_not_sent_again() {
    let running = Running::start(config(), Storage::Memory).await;
    let mut proxy = running.watch(&[]).await;
    let first = proxy.update().await;
    let rejection = v1::Rejection {
        table: "tenant/acme".into(),
        version: first.version,
        reason: "no".into(),
    };
    proxy.ack(first.version, vec![rejection]).await;
    proxy.nothing_comes().await;
    let known: Vec<(String, u64)> = first
        .tables
        .iter()
        .map(|t| (t.name.clone(), t.version))
        .collect();
    let mut again = running.watch(&known[..2]).await;
    assert_eq!(names(&again.update().await), ["ranking/acme"]);
    running.stop().await;
}

#[tokio::test]
async fn a_proxy_with_newer_tables_is_overtaken() {
    let running = Running::start(config(), Storage::Memory).await;
    let far = NOW * 2;
    let mut proxy = running
        .watch(&[("tenant/acme".into(), far), ("tenant/gone".into(), far)])
        .await;
    let mut versions = std::collections::BTreeMap::new();
    while versions
        .get("tenant/acme")
        .is_none_or(|version| *version <= far)
    {
        let update = proxy.update().await;
        versions.extend(update.tables.iter().map(|t| (t.name.clone(), t.version)));
        proxy.ack(update.version, vec![]).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn versions_grow_across_restarts() {
    let root = tempfile::tempdir().expect("temporary directory");
    let config = Config {
        data_dir: root.path().to_owned(),
        ..config()
    };
    let mut last = 0;
    for _ in 0..3 {
        let running = Running::start(config.clone(), Storage::Directory).await;
        let mut proxy = running.watch(&[]).await;
        let update = proxy.update().await;
        assert!(update.version > last, "{} after {last}", update.version);
        last = update.version;
        running.stop().await;
    }
}

#[tokio::test]
async fn calls_without_the_planes_token_are_refused() {
    let secret = Secret::new("s3cret");
    let running = Running::start(
        Config {
            token: Some(secret.clone()),
            ..config()
        },
        Storage::Memory,
    )
    .await;
    let channel = running.dialer.channel();
    let refused = IngestClient::new(channel.clone())
        .append(v1::AppendRequest::default())
        .await
        .expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = ScoringClient::new(channel.clone())
        .lease(v1::LeaseRequest::default())
        .await
        .expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let token = PlaneToken::new(Some(&secret)).expect("ascii");
    let mut client = IngestClient::with_interceptor(channel, token);
    client
        .append(v1::AppendRequest::default())
        .await
        .expect("admitted");
    running.stop().await;
}

#[tokio::test]
async fn judges_lease_and_report_and_a_broken_verdict_spoils_only_itself() {
    let running = Running::start(config(), Storage::Memory).await;
    let mut ingest = IngestClient::new(running.dialer.channel());
    let events = [job(1, 1), job(2, 2), decided(3, decision(1))]
        .iter()
        .map(Into::into)
        .collect();
    ingest
        .append(v1::AppendRequest {
            node: "n1".into(),
            events,
        })
        .await
        .expect("taken");
    let mut scoring = ScoringClient::new(running.dialer.channel());
    let ask = v1::LeaseRequest {
        worker: "w".into(),
        max_jobs: 8,
        wait_ms: 1_000,
        lease_ms: 5_000,
    };
    let jobs = scoring
        .lease(ask.clone())
        .await
        .expect("leased")
        .into_inner()
        .jobs;
    assert_eq!(jobs.len(), 2);
    let mut broken = v1::Score::from(&score(2, 0.5));
    broken.safety = f64::NAN;
    let report = v1::ReportRequest {
        worker: "w".into(),
        scores: vec![(&score(1, 0.5)).into(), broken],
        failed: vec![],
    };
    let folded = scoring
        .report(report.clone())
        .await
        .expect("reported")
        .into_inner()
        .folded;
    assert_eq!(folded, 1);
    let folded = scoring
        .report(report)
        .await
        .expect("reported")
        .into_inner()
        .folded;
    assert_eq!(folded, 0, "idempotent");
    let jobs = scoring
        .lease(v1::LeaseRequest { wait_ms: 0, ..ask })
        .await
        .expect("leased")
        .into_inner()
        .jobs;
    assert!(jobs.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn an_unreadable_event_is_answered_in_its_place() {
    let running = Running::start(config(), Storage::Memory).await;
    let mut client = IngestClient::new(running.dialer.channel());
    let bad = v1::Event {
        id: vec![1; 16].into(),
        recorded_at_ms: 1,
        body: None,
    };
    let events = vec![bad, (&decided(1, decision(1))).into()];
    let reply = client
        .append(v1::AppendRequest {
            node: "n1".into(),
            events,
        })
        .await
        .expect("taken")
        .into_inner();
    let statuses: Vec<i32> = reply.results.iter().map(|r| r.status).collect();
    assert_eq!(
        statuses,
        [
            i32::from(v1::EventStatus::Rejected),
            v1::EventStatus::Accepted.into()
        ]
    );
    assert!(
        reply.results[0].reason.contains("body"),
        "{:?}",
        reply.results[0]
    );
    running.stop().await;
}

//! A simulated network with a control plane, a proxy that decides all the time, and a feeder of events.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use floopy_controlplane::{Storage, TenantConfig};
use floopy_dataplane::{
    Breakers, Conversations, Latencies, Providers,
    call::{Call, Endpoint},
    config::Breaker,
    route::{Caller, View, decide},
};
use floopy_proto::v1;
use floopy_shared::{
    domain::{
        ids::{KeyHash, RequestId},
        snapshot::Snapshot,
    },
    process::{clock::Clock, config::Secret, rpc::Dialer},
};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use uuid::Uuid;

const KEY: &str = "fl_simulated";
const PORT: u16 = 9_000;
const ROUNDS: u64 = 100;
/// When no more faults come.
const QUIET: Duration = Duration::from_secs(75);
/// Real time given to one step of simulated time: the store works on real threads.
const PACE: Duration = Duration::from_micros(150);

/// A simulated connection that tonic can serve.
struct Simulated(turmoil::net::TcpStream);

impl Connected for Simulated {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Simulated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Simulated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What a simulated host ends with.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What the proxy observed, kept outside the simulation.
#[derive(Default)]
pub struct Seen {
    pub decided: AtomicU64,
    pub version: AtomicU64,
    /// What the control plane had concluded when all was over.
    pub concluded: AtomicU64,
    /// The version of each start, to show that a restart did not go back.
    pub starts: Mutex<Vec<u64>>,
}

fn registry() -> Arc<Mutex<Registry>> {
    Arc::new(Mutex::new(Registry::default()))
}

fn dialer() -> Dialer {
    Dialer::custom(|| turmoil::net::TcpStream::connect(("control", PORT)))
}

/// The control plane, reachable at `control`.
pub async fn control(dir: PathBuf, storage: Storage) -> Outcome {
    let config = floopy_controlplane::Config {
        data_dir: dir,
        tenants: vec![TenantConfig {
            id: "default".into(),
            key: Some(Secret::new(KEY)),
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
        }],
        ..floopy_controlplane::Config::default()
    };
    let deps = floopy_controlplane::Deps {
        incoming: None,
        clock: Clock::system(),
        registry: registry(),
        stop: CancellationToken::new(),
    };
    let control = floopy_controlplane::detached(config, deps, storage).await?;
    let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
    let incoming = futures::stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(stream, _)| Simulated(stream));
        Some((accepted, listener))
    });
    Ok(control.serve(incoming).await?)
}

/// A proxy that decides all the time, whatever happens to its control plane.
pub async fn proxy(dir: PathBuf, seen: Arc<Seen>) -> Outcome {
    let provider = |name: &str| floopy_dataplane::config::Provider {
        api_key: Some(Secret::new("sk")),
        ..floopy_dataplane::config::Provider::named(name)
    };
    let config = floopy_dataplane::Config {
        data_dir: dir,
        providers: vec![provider("openai"), provider("anthropic")],
        tenants: vec![floopy_dataplane::config::BootstrapTenant {
            id: "default".into(),
            key: Secret::new(KEY),
            zero_retention: false,
            constraints: Default::default(),
            rules: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
        }],
        ..floopy_dataplane::Config::default()
    };
    let providers = Providers::new(&config.providers)?;
    let deps = floopy_dataplane::Deps {
        dialer: dialer(),
        clock: Clock::system(),
        resolver: floopy_dataplane::Resolver::system(),
        registry: registry(),
        stop: CancellationToken::new(),
    };
    let proxy = floopy_dataplane::detached(config, deps)?;
    let snapshot = proxy.snapshots();
    seen.starts
        .lock()
        .expect("not poisoned")
        .push(snapshot().version());
    let running = tokio::spawn(proxy.run());
    let breakers = Breakers::new(&Breaker::default());
    while !running.is_finished() {
        let now = snapshot();
        decide_one(&now, &providers, &breakers);
        let before = seen.version.fetch_max(now.version(), Ordering::SeqCst);
        assert!(
            now.version() >= before,
            "version went from {before} to {}",
            now.version()
        );
        seen.decided.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(running.await??)
}

fn decide_one(snapshot: &Snapshot, providers: &Providers, breakers: &Breakers) {
    let (tenant, key) = snapshot
        .tenant_of_key(&KeyHash::of(KEY))
        .expect("the key is always known");
    let body =
        Bytes::from_static(br#"{"model":"auto","messages":[{"role":"user","content":"hi"}]}"#);
    let call = Call::parse(body, Endpoint::Chat, None).expect("valid");
    let caller = Caller {
        tenant,
        key_id: &key.id,
        is_evaluation: false,
        session: None,
        request_id: RequestId(Uuid::new_v4()),
        fallback: None,
        provider: None,
        rule: None,
        passthrough: None,
        smart_select: None,
    };
    let view = View {
        snapshot,
        providers,
        breakers,
        conversations: &Conversations::default(),
        latencies: &Latencies::default(),
        now_ms: 0,
        attempts: 4,
    };
    let plan = decide(&view, &call, &caller).expect("every request is decided");
    assert!(!plan.choice.order.is_empty());
}

/// Reports failures of the model that leads, so that the control plane has something to conclude.
pub async fn feed(seen: Arc<Seen>) -> Outcome {
    let mut client = v1::ingest_client::IngestClient::new(dialer().channel());
    for round in 0..ROUNDS {
        let model = if round % 2 == 0 {
            "openai/gpt-4o"
        } else {
            "anthropic/claude-opus-4-5"
        };
        let request = v1::AppendRequest {
            node: "feeder".into(),
            events: vec![failed_call(model, round)],
        };
        let sent = client.append(request);
        // Lost calls are the network's business: this only keeps the rankings moving.
        let _ = tokio::time::timeout(Duration::from_secs(2), sent).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Every fault is over by then.
    tokio::time::sleep(QUIET - turmoil::sim_elapsed().unwrap_or_default()).await;
    let mut watcher = v1::snapshots_client::SnapshotsClient::new(dialer().channel());
    let hello = v1::Hello {
        node: "feeder".into(),
        ..v1::Hello::default()
    };
    let greeting = v1::WatchRequest {
        kind: Some(v1::watch_request::Kind::Hello(hello)),
    };
    let requests = futures::StreamExt::chain(
        futures::stream::iter([greeting]),
        futures::stream::pending(),
    );
    let update = watcher
        .watch(requests)
        .await?
        .into_inner()
        .message()
        .await?;
    let version = update.map_or(0, |update| update.snapshot_version);
    seen.concluded.store(version, Ordering::SeqCst);
    Ok(())
}

fn failed_call(model: &str, round: u64) -> v1::Event {
    let id = Uuid::new_v4();
    let attempt = v1::Attempt {
        candidate: model.into(),
        result: v1::AttemptResult::TimedOut.into(),
        status: 0,
        latency_ms: 5,
        wasted_micro_usd: None,
        upstream_request_id: String::new(),
    };
    let outcome = v1::Outcome {
        status: 504,
        ending: v1::Ending::Error.into(),
        latency_ms: 5,
        ..v1::Outcome::default()
    };
    let decision = v1::Decision {
        request_id: Bytes::copy_from_slice(id.as_bytes()),
        tenant: "default".into(),
        created_at_ms: 1_700_000_000_000 + round,
        shapes: vec!["class:chat".into(), "all".into()],
        requested_model: "auto".into(),
        strategy: v1::Strategy::FeedbackDriven.into(),
        phase: v1::Phase::Day0.into(),
        chosen: model.into(),
        reason: v1::Reason::Error.into(),
        confidence_reason: "ok".into(),
        attempts: vec![attempt],
        outcome: Some(outcome),
        stage: v1::Stage::Finished.into(),
        ..v1::Decision::default()
    };
    v1::Event {
        id: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
        recorded_at_ms: 1_700_000_000_000 + round,
        body: Some(v1::event::Body::Decision(decision)),
    }
}

/// Lets real time pass with simulated time.
#[expect(
    clippy::disallowed_methods,
    reason = "simulated time must not outrun the store's threads"
)]
pub fn pace() {
    std::thread::sleep(PACE);
}

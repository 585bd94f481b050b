//! Everything an operator can set of a proxy, with its defaults and bounds.

mod addresses;
mod batches;
mod cache;
mod check;
mod firewall;
mod kept;
mod mcp;
mod provider;
mod qdrant;
mod redis;
mod tenant;
mod traces;
mod upstream;

use std::{net::SocketAddr, path::PathBuf};

use floopy_shared::process::{
    config::{Addresses as PlaneAddresses, PlaneTls, Secret},
    credentials::Credentials,
    telemetry::{LogFilter, LogFormat},
};
use serde::{Deserialize, Serialize};

pub use self::{
    addresses::Addresses,
    batches::Batches,
    cache::Cache,
    check::InvalidConfig,
    firewall::Firewall,
    kept::{Scoring, Sessions, Spool},
    mcp::Mcp,
    provider::Provider,
    qdrant::Qdrant,
    redis::Redis,
    tenant::BootstrapTenant,
    traces::{TraceProtocol, Traces},
    upstream::Upstream,
};

/// The whole configuration of a proxy.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where applications reach the proxy.
    pub listen: SocketAddr,
    /// Where liveness, readiness, metrics and what the proxy goes by are served; nowhere if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<SocketAddr>,
    /// The spool and the last good snapshot live here.
    pub data_dir: PathBuf,
    /// This proxy's name in the control plane's records.
    pub node: String,
    /// How long requests in flight may take to finish after a stop was asked for.
    pub drain_ms: u64,
    pub log: LogFormat,
    /// What is logged, as in `info,floopy_dataplane=debug`; `RUST_LOG` counts in its place when the process starts.
    pub log_filter: LogFilter,
    pub control: Control,
    pub limits: Limits,
    pub addresses: Addresses,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub hedge: Hedge,
    pub upstream: Upstream,
    pub breaker: Breaker,
    pub disconnect: Disconnect,
    pub spool: Spool,
    pub scoring: Scoring,
    pub sessions: Sessions,
    pub batches: Batches,
    /// The keys that credentials of the store are sealed with.
    pub credentials: Credentials,
    pub cache: Cache,
    pub firewall: Firewall,
    pub mcp: Mcp,
    pub redis: Redis,
    pub qdrant: Qdrant,
    pub traces: Traces,
    pub providers: Vec<Provider>,
    pub tenants: Vec<BootstrapTenant>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: None,
            data_dir: PathBuf::from("floopy-data"),
            node: "proxy".to_owned(),
            drain_ms: 30_000,
            log: LogFormat::default(),
            log_filter: LogFilter::default(),
            control: Control::default(),
            limits: Limits::default(),
            addresses: Addresses::default(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            hedge: Hedge::default(),
            upstream: Upstream::default(),
            breaker: Breaker::default(),
            disconnect: Disconnect::default(),
            spool: Spool::default(),
            scoring: Scoring::default(),
            sessions: Sessions::default(),
            batches: Batches::default(),
            credentials: Credentials::default(),
            cache: Cache::default(),
            firewall: Firewall::default(),
            mcp: Mcp::default(),
            redis: Redis::default(),
            qdrant: Qdrant::default(),
            traces: Traces::default(),
            providers: Vec::new(),
            tenants: Vec::new(),
        }
    }
}

/// Where the control plane is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Of its gRPC services; a list where several stand in for each other.
    pub grpc: PlaneAddresses,
    /// Of its REST API, which answers `GET /v1/decisions`; a list where several stand in for each other.
    pub rest: PlaneAddresses,
    /// The secret that planes share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PlaneTls>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            grpc: "http://127.0.0.1:8082".into(),
            rest: "http://127.0.0.1:8081".into(),
            token: None,
            tls: None,
        }
    }
}

/// What one proxy takes on at a time.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Of one request.
    pub body_bytes: usize,
    /// Of all headers of one request.
    pub header_bytes: usize,
    /// Of one reply that is not streamed.
    pub reply_bytes: usize,
    /// Open at a time; further ones are closed.
    pub connections: usize,
    /// Calls at a time; further ones are refused with 503.
    pub in_flight: usize,
    /// Of request bodies held at the same time.
    pub body_bytes_in_flight: usize,
    /// Of `in_flight` and `body_bytes_in_flight`, what one tenant gets while all others are quiet. Where more
    /// want it they share: whoever is above its fair share is refused first. 1: no tenant is protected.
    pub tenant_share: f64,
    /// Candidates tried for one `auto` request.
    pub attempts: usize,
    /// Calls that are copied to another candidate at a time; further ones are not tried.
    pub shadow_in_flight: usize,
    /// Decisions that one tenant may have explained in a minute.
    pub tenant_explains_per_minute: u32,
    /// And one key of it.
    pub key_explains_per_minute: u32,
    /// Threads that serve; what delivers and learns has its own.
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            header_bytes: 64 << 10,
            reply_bytes: 64 << 20,
            connections: 16_384,
            in_flight: 4_096,
            body_bytes_in_flight: 512 << 20,
            tenant_share: 0.8,
            attempts: 4,
            shadow_in_flight: 64,
            tenant_explains_per_minute: 30,
            key_explains_per_minute: 10,
            workers: std::thread::available_parallelism().map_or(1, Into::into),
        }
    }
}

/// Deadlines in milliseconds.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a client to send its headers.
    pub header_ms: u64,
    /// For a client to send its body.
    pub body_ms: u64,
    /// For a client to take some of what it is sent, and to use an HTTP/2 connection again.
    pub client_idle_ms: u64,
    /// For one attempt to open a connection.
    pub connect_ms: u64,
    /// For one attempt to bring headers, and the first event of a stream.
    pub first_byte_ms: u64,
    /// For one attempt as a whole, and for a call to begin another one.
    pub total_ms: u64,
    /// Between two pieces of a stream.
    pub stream_idle_ms: u64,
    /// For calls to the control plane.
    pub control_ms: u64,
    /// For the control plane to say whether a rating was the first of its session.
    pub feedback_ack_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header_ms: 30_000,
            body_ms: 60_000,
            client_idle_ms: 60_000,
            connect_ms: 3_000,
            first_byte_ms: 120_000,
            total_ms: 600_000,
            stream_idle_ms: 120_000,
            control_ms: 5_000,
            feedback_ack_ms: 300,
        }
    }
}

/// When a failing candidate is left alone.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// How long it stays open before one probe is let through; twice as long after each probe that fails.
    pub open_ms: u64,
    /// Longest time between two probes.
    pub max_open_ms: u64,
    /// Longest time that a candidate rests because its provider asked for it, as with `Retry-After`.
    pub max_rest_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open_ms: 30_000,
            max_open_ms: 300_000,
            max_rest_ms: 60_000,
        }
    }
}

/// Asking a candidate again that could not be reached, broke off before it answered, or said 429, 502 or 503.
/// Other candidates are asked first; nothing is asked again once the caller has its first byte.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Retries of one call; 0: none.
    pub times: u32,
    /// Bound of the first wait, which is drawn below it; doubles with every retry.
    pub first_ms: u64,
    /// Longest wait. Where a provider asks for a longer one, the caller is told instead.
    pub max_wait_ms: u64,
    /// Retries for each call that a provider gets.
    pub share: f64,
    /// Retries that a provider gets each second whatever its calls.
    pub per_second: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 2,
            first_ms: 100,
            max_wait_ms: 2_000,
            share: 0.2,
            per_second: 10,
        }
    }
}

/// Asking the second candidate too where the first one is slow. The one that answers first serves, the other
/// is cancelled, and paid for all the same.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hedge {
    /// Without a first byte by then, the second candidate is asked; 0: never.
    pub after_ms: u64,
    /// Wait for the first candidate's own 95 % quantile instead, where enough of its replies were timed.
    pub at_p95: bool,
}

/// What happens to a reply whose caller has left.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disconnect {
    /// How long it is read on for what it cost. After that its provider is left, and the cost is an estimate.
    pub linger_ms: u64,
    /// Replies read on at the same time; further ones are left at once.
    pub lingering: usize,
}

impl Default for Disconnect {
    fn default() -> Self {
        Self {
            linger_ms: 5_000,
            lingering: 256,
        }
    }
}

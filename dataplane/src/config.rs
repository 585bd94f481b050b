//! Everything an operator can set of a proxy, with its defaults and bounds.

mod check;

use std::{net::SocketAddr, path::PathBuf};

use floopy_shared::{
    domain::rule::Routing,
    process::{
        config::{Constraints, Rule, Secret},
        telemetry::LogFormat,
    },
};
use serde::{Deserialize, Serialize};

pub use self::check::InvalidConfig;

/// The whole configuration of a proxy.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where applications reach the proxy.
    pub listen: SocketAddr,
    /// Where liveness, readiness and metrics are served; nowhere if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<SocketAddr>,
    /// The spool and the last good snapshot live here.
    pub data_dir: PathBuf,
    /// This proxy's name in the control plane's records.
    pub node: String,
    /// How long requests in flight may take to finish after a stop was asked for.
    pub drain_ms: u64,
    pub log: LogFormat,
    pub control: Control,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub breaker: Breaker,
    pub spool: Spool,
    pub scoring: Scoring,
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
            control: Control::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            breaker: Breaker::default(),
            spool: Spool::default(),
            scoring: Scoring::default(),
            providers: Vec::new(),
            tenants: Vec::new(),
        }
    }
}

/// Where the control plane is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Of its gRPC services.
    pub grpc: String,
    /// Of its REST API, which answers `GET /v1/decisions`.
    pub rest: String,
    /// The secret that planes share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            grpc: "http://127.0.0.1:8082".to_owned(),
            rest: "http://127.0.0.1:8081".to_owned(),
            token: None,
        }
    }
}

/// One upstream provider of an OpenAI-compatible API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// As in `provider/model`.
    pub name: String,
    /// Including the version path, as in `https://api.openai.com/v1`; known providers need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
}

/// A tenant that is known before the control plane was ever reached.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapTenant {
    pub id: String,
    pub key: Secret,
    #[serde(default)]
    pub zero_retention: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default)]
    pub passthrough: bool,
    #[serde(default)]
    pub constraints: Constraints,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

impl BootstrapTenant {
    /// As routing knows it.
    pub(crate) fn routing(&self) -> Routing {
        Routing {
            rules: self.rules.iter().map(|rule| rule.0.clone()).collect(),
            rule: self.rule.clone(),
            passthrough: self.passthrough,
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
    pub connections: usize,
    pub in_flight: usize,
    /// Candidates tried for one `auto` request.
    pub attempts: usize,
    pub shadow_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            header_bytes: 64 << 10,
            reply_bytes: 64 << 20,
            connections: 16_384,
            in_flight: 4_096,
            attempts: 4,
            shadow_in_flight: 64,
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
    /// For a client to take some of what it is sent.
    pub client_idle_ms: u64,
    /// For one attempt to open a connection.
    pub connect_ms: u64,
    /// For one attempt to bring headers, and the first event of a stream.
    pub first_byte_ms: u64,
    /// For one attempt as a whole.
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
    /// How long it stays open before one probe is let through.
    pub open_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open_ms: 30_000,
        }
    }
}

/// The log of events on their way to the control plane.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    pub max_bytes: u64,
    pub segment_bytes: u64,
    /// How long a stopping proxy may take to deliver what is spooled.
    pub flush_ms: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            segment_bytes: 8 << 20,
            flush_ms: 5_000,
        }
    }
}

/// Which replies are sent to the judge.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scoring {
    /// Share of served replies.
    pub sample_rate: f64,
    /// Of a prompt, and of a reply; what is longer is cut.
    pub max_bytes: usize,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            sample_rate: 1.0,
            max_bytes: 16 << 10,
        }
    }
}

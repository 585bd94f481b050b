//! Where traces go.

use std::collections::BTreeMap;

use floopy_shared::process::config::Secret;
use serde::{Deserialize, Serialize};

/// The receiver of traces: an OpenTelemetry collector, or whatever else speaks OTLP. Whether it is there or not, calls are
/// served.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// As in `http://localhost:4317`, which is usual for gRPC, or `http://localhost:4318` for HTTP; without it, no traces
    /// are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// `grpc`, or `http` with protobuf, which goes to `/v1/traces`.
    pub protocol: TraceProtocol,
    /// Shown with each batch, such as the key of a service.
    pub headers: BTreeMap<String, Secret>,
    /// What spans say they are of, as `service.name`.
    pub service: String,
    /// Share of the calls that are told of, by the trace's id: all calls of a trace are, or none. Those that failed, fell
    /// back or were slow are told of in any case.
    pub sample: f64,
    /// A call that took as long is slow.
    pub slow_ms: u64,
    /// Whether providers are told the trace that a call belongs to.
    pub propagate: bool,
}

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceProtocol {
    #[default]
    Grpc,
    Http,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: TraceProtocol::default(),
            headers: BTreeMap::new(),
            service: "floopy".to_owned(),
            sample: 1.0,
            slow_ms: 10_000,
            propagate: true,
        }
    }
}

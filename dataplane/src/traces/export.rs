//! How spans get to their receiver: OTLP by gRPC, or by HTTP with the proxy's own client.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use floopy_shared::process::certificates;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter as Otlp, WithExportConfig, WithHttpConfig,
    WithTonicConfig, tonic_types::metadata::MetadataMap,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SpanData, SpanExporter},
};
use tokio::{runtime::Handle, time::timeout};
use tonic::transport::{Channel, Endpoint};

use crate::{
    config::{self, TraceProtocol},
    metrics::Metrics,
    upstream::Client,
    whole::whole,
};

/// Until a receiver has taken a batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of what a receiver answers.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Where OTLP by HTTP goes.
const PATH: &str = "/v1/traces";

/// The receiver cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("traces.endpoint cannot be used: {0}")]
    Exporter(#[from] ExporterBuildError),
    #[error("traces.endpoint cannot be used: {0}")]
    Address(#[from] tonic::transport::Error),
}

/// Speaks to the receiver at `endpoint`.
pub(super) fn exporter(
    (config, endpoint): (&config::Traces, &str),
    client: Client,
    resource: &Resource,
) -> Result<Otlp, Unusable> {
    let endpoint = endpoint.trim_end_matches('/');
    let mut exporter = match config.protocol {
        TraceProtocol::Grpc => {
            let exporter = Otlp::builder()
                .with_tonic()
                .with_channel(channel(endpoint)?)
                .with_timeout(PATIENCE)
                .with_metadata(MetadataMap::from_headers(shown(config)));
            exporter.build()?
        }
        TraceProtocol::Http => {
            let path = if endpoint.ends_with(PATH) { "" } else { PATH };
            Otlp::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}{path}"))
                .with_timeout(PATIENCE)
                .with_headers(texts(config))
                .with_http_client(Http(client))
                .build()?
        }
    };
    exporter.set_resource(resource);
    Ok(exporter)
}

/// Connects once it is needed, with TLS where the address says so.
fn channel(endpoint: &str) -> Result<Channel, Unusable> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(certificates::of_system())
        .https_or_http()
        .enable_http2()
        .wrap_connector(http);
    let endpoint = Endpoint::from_shared(endpoint.to_owned())?.connect_timeout(PATIENCE);
    Ok(endpoint.connect_with_connector_lazy(https))
}

/// Both were checked with the configuration.
fn shown(config: &config::Traces) -> HeaderMap {
    let headers = config.headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    });
    headers.collect()
}

fn texts(config: &config::Traces) -> HashMap<String, String> {
    let headers = config.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.expose().to_owned()));
    headers.collect()
}

/// The proxy's own client, for a library that asks for one.
struct Http(Client);

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answered = async {
            let (parts, body) = self.0.request(request).await?.into_parts();
            let body = whole(body, MAX_ANSWER_BYTES).await;
            let body = body.map_err(|_| "its answer broke off, or is too long")?;
            Ok(Response::from_parts(parts, body))
        };
        timeout(PATIENCE, answered).await?
    }
}

/// Counts what becomes of spans, and says once when it changes.
pub(super) struct Counted {
    exporter: Arc<Otlp>,
    runtime: Handle,
    metrics: Arc<Metrics>,
    is_failing: AtomicBool,
}

impl Counted {
    pub(super) fn new(exporter: Otlp, runtime: Handle, metrics: Arc<Metrics>) -> Self {
        Self {
            exporter: Arc::new(exporter),
            runtime,
            metrics,
            is_failing: AtomicBool::new(false),
        }
    }

    fn count(&self, spans: u64, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                self.metrics.traces.told(spans);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the receiver of traces is there again");
                }
            }
            Err(error) => {
                self.metrics.traces.lost(spans);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the receiver of traces does not take them; calls are served all the same");
                }
            }
        }
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl SpanExporter for Counted {
    /// On the proxy's runtime: the thread that asks has none.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let exporter = Arc::clone(&self.exporter);
        let exported = self
            .runtime
            .spawn(async move { exporter.export(batch).await });
        let result = exported
            .await
            .unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())));
        self.count(spans, &result);
        result
    }
}

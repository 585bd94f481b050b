//! A receiver of traces: OTLP's own gRPC service, as its makers generate it, that keeps what it is told.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, transport::Server};

use crate::eventually;

/// The header that a receiver wants to be shown, and what.
pub const KEY: (&str, &str) = ("x-collector-key", "collector-secret");

/// One span with what is said of all of its process.
#[derive(Debug, Clone)]
pub struct Told {
    pub span: Span,
    pub resource: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, String>,
}

/// The spans in a batch.
pub fn spans_of(batch: ExportTraceServiceRequest) -> Vec<Told> {
    let mut told = Vec::new();
    for of_process in batch.resource_spans {
        let resource = of_process.resource.unwrap_or_default();
        let resource = texts(&resource.attributes);
        for span in of_process.scope_spans.into_iter().flat_map(|s| s.spans) {
            let attributes = texts(&span.attributes);
            told.push(Told {
                span,
                resource: resource.clone(),
                attributes,
            });
        }
    }
    told
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let attributes = attributes.iter();
    let text = |attribute: &KeyValue| {
        let value = attribute.value.clone().unwrap_or_default().value;
        (attribute.key.clone(), value.map_or_else(String::new, text))
    };
    attributes.map(text).collect()
}

fn text(value: Value) -> String {
    match value {
        Value::StringValue(text) => text,
        Value::BoolValue(is_so) => is_so.to_string(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::ArrayValue(values) => {
            let values = values.values.into_iter().filter_map(|value| value.value);
            values.map(text).collect::<Vec<_>>().join(", ")
        }
        Value::KvlistValue(_) | Value::BytesValue(_) | Value::StringValueStrindex(_) => {
            "of another kind".to_owned()
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<Told>>>);

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let shown = request.metadata().get(KEY.0);
        if shown.is_none_or(|shown| shown.as_bytes() != KEY.1.as_bytes()) {
            return Err(Status::unauthenticated("the key is another one"));
        }
        let spans = spans_of(request.into_inner());
        self.0.lock().expect("not poisoned").extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A running receiver; stops when dropped.
#[derive(Debug)]
pub struct Collector {
    addr: SocketAddr,
    kept: Kept,
    _server: AbortOnDropHandle<()>,
}

impl Collector {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let kept = Kept::default();
        let service = TraceServiceServer::new(kept.clone());
        let server = tokio::spawn(async move {
            let connections = TcpListenerStream::new(listener);
            let served = Server::builder()
                .add_service(service)
                .serve_with_incoming(connections);
            served.await.expect("it serves until it is dropped");
        });
        Self {
            addr,
            kept,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// What a proxy's `endpoint` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every span so far.
    pub fn told(&self) -> Vec<Told> {
        self.kept.0.lock().expect("not poisoned").clone()
    }

    /// The span of a call, once it is told of.
    pub async fn span_of(&self, request_id: &str) -> Told {
        eventually(|| async {
            let mut told = self.told().into_iter();
            let found = told.find(|told| {
                let id = told.attributes.get("floopy.request_id");
                id.is_some_and(|id| id == request_id)
            });
            found.ok_or_else(|| format!("no span of {request_id}"))
        })
        .await
    }
}

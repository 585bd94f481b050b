//! A control plane that takes every event and concludes nothing: the proxy does all of its work,
//! while learning does not compete with it for the two cores.

use std::{net::SocketAddr, pin::Pin};

use floopy_proto::v1::{
    AppendRequest, AppendResponse, EventResult, EventStatus, WatchRequest, WatchResponse,
    ingest_server::{Ingest, IngestServer},
    snapshots_server::{Snapshots, SnapshotsServer},
};
use futures::{Stream, stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming, transport::Server};

struct Silent;

#[tonic::async_trait]
impl Ingest for Silent {
    async fn append(
        &self,
        request: Request<AppendRequest>,
    ) -> Result<Response<AppendResponse>, Status> {
        let accepted = |id| EventResult {
            event_id: id,
            status: EventStatus::Accepted.into(),
            reason: String::new(),
            duplicate_rating: false,
        };
        let results = request
            .into_inner()
            .events
            .into_iter()
            .map(|event| accepted(event.id))
            .collect();
        Ok(Response::new(AppendResponse { results }))
    }
}

#[tonic::async_trait]
impl Snapshots for Silent {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(Box::pin(stream::pending())))
    }
}

/// Listens and answers until the process ends.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let addr = listener.local_addr().expect("its address");
    let server = Server::builder()
        .add_service(IngestServer::new(Silent).max_decoding_message_size(64 << 20))
        .add_service(SnapshotsServer::new(Silent));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    addr
}

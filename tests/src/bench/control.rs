//! A control plane that takes every event, concludes nothing, and pushes one snapshot: the proxy does all of
//! its work, while learning does not compete with it for the two cores.

use std::{net::SocketAddr, pin::Pin};

use floopy_proto::v1::{
    AppendRequest, AppendResponse, EventResult, EventStatus, WatchRequest, WatchResponse,
    ingest_server::{Ingest, IngestServer},
    snapshots_server::{Snapshots, SnapshotsServer},
};
use futures::{Stream, StreamExt, stream};
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// Of one message, as the control plane's.
const MESSAGE_BYTES: usize = 512 << 10;

/// Clonable, because it is two services.
#[derive(Clone)]
struct Silent(WatchResponse);

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
        let snapshot = stream::iter(messages(&self.0).into_iter().map(Ok));
        Ok(Response::new(Box::pin(snapshot.chain(stream::pending()))))
    }
}

/// The snapshot in messages of the size that the real control plane sends.
fn messages(snapshot: &WatchResponse) -> Vec<WatchResponse> {
    let mut messages: Vec<WatchResponse> = Vec::new();
    let mut bytes = usize::MAX;
    for table in &snapshot.tables {
        let len = table.encoded_len();
        if bytes.saturating_add(len) > MESSAGE_BYTES {
            let snapshot_version = snapshot.snapshot_version;
            messages.push(WatchResponse {
                snapshot_version,
                ..WatchResponse::default()
            });
            bytes = 0;
        }
        bytes += len;
        let last = messages.last_mut().expect("just made");
        last.tables.push(table.clone());
    }
    messages
}

/// Listens and answers on a thread of its own until the process ends.
pub fn start(snapshot: WatchResponse) -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(serve(listener, snapshot));
    });
    addr
}

async fn serve(listener: std::net::TcpListener, snapshot: WatchResponse) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let silent = Silent(snapshot);
    Server::builder()
        .add_service(IngestServer::new(silent.clone()).max_decoding_message_size(64 << 20))
        .add_service(SnapshotsServer::new(silent))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await
        .expect("it serves");
}

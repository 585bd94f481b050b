//! A control plane that remembers what it is told and pushes what a test wants.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use floopy_proto::v1::{
    self,
    ingest_server::{Ingest, IngestServer},
    snapshots_server::{Snapshots, SnapshotsServer},
};
use floopy_shared::process::rpc::Dialer;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

#[derive(Default)]
struct Heard {
    events: Vec<v1::Event>,
    watch: Vec<v1::WatchRequest>,
    rated: HashSet<String>,
    refuse: bool,
    push: Option<mpsc::Sender<Result<v1::WatchResponse, Status>>>,
}

#[derive(Clone, Default)]
pub struct Control(Arc<Mutex<Heard>>);

impl Control {
    /// Answers on an in-memory connection for as long as the test runs.
    pub fn start() -> (Self, Dialer) {
        let control = Self::default();
        let (dialer, incoming) = Dialer::memory();
        let incoming = ReceiverStream::new(incoming).map(Ok::<_, std::io::Error>);
        let server = tonic::transport::Server::builder()
            .add_service(IngestServer::new(control.clone()))
            .add_service(SnapshotsServer::new(control.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        (control, dialer)
    }

    /// Whether events are refused, as if the store were down.
    pub fn refuse(&self, refuse: bool) {
        self.0.lock().unwrap().refuse = refuse;
    }

    /// Ends the stream of the proxy that watches.
    pub fn hang_up(&self) {
        self.0.lock().unwrap().push = None;
    }

    pub fn events(&self) -> Vec<v1::Event> {
        self.0.lock().unwrap().events.clone()
    }

    pub fn decisions(&self) -> Vec<v1::Decision> {
        let of = |event: v1::Event| match event.body {
            Some(v1::event::Body::Decision(decision)) => Some(decision),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    /// The last one whose call has ended.
    pub fn finished(&self) -> Option<v1::Decision> {
        let mut decisions = self.decisions().into_iter().rev();
        decisions.find(|decision| decision.stage == i32::from(v1::Stage::Finished))
    }

    pub fn contents(&self) -> Vec<v1::Content> {
        let of = |event: v1::Event| match event.body {
            Some(v1::event::Body::Content(content)) => Some(content),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    pub fn jobs(&self) -> Vec<v1::ScoringJob> {
        let of = |event: v1::Event| match event.body {
            Some(v1::event::Body::ScoringJob(job)) => Some(job),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    pub fn ratings(&self) -> Vec<v1::Rating> {
        let of = |event: v1::Event| match event.body {
            Some(v1::event::Body::Rating(rating)) => Some(rating),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    pub fn hellos(&self) -> Vec<v1::Hello> {
        let of = |request: v1::WatchRequest| match request.kind {
            Some(v1::watch_request::Kind::Hello(hello)) => Some(hello),
            _ => None,
        };
        self.0
            .lock()
            .unwrap()
            .watch
            .clone()
            .into_iter()
            .filter_map(of)
            .collect()
    }

    pub fn acks(&self) -> Vec<v1::Ack> {
        let of = |request: v1::WatchRequest| match request.kind {
            Some(v1::watch_request::Kind::Ack(ack)) => Some(ack),
            _ => None,
        };
        self.0
            .lock()
            .unwrap()
            .watch
            .clone()
            .into_iter()
            .filter_map(of)
            .collect()
    }

    /// Pushes an update to the proxy that watches, once one does.
    pub async fn push(&self, version: u64, tables: Vec<v1::Table>) {
        let push = eventually("a proxy watches", || self.0.lock().unwrap().push.clone()).await;
        let response = v1::WatchResponse {
            snapshot_version: version,
            tables,
            removed: vec![],
        };
        push.send(Ok(response)).await.unwrap();
        eventually("the update is answered", || {
            self.acks()
                .into_iter()
                .find(|ack| ack.snapshot_version == version)
        })
        .await;
    }
}

#[tonic::async_trait]
impl Ingest for Control {
    async fn append(
        &self,
        request: Request<v1::AppendRequest>,
    ) -> Result<Response<v1::AppendResponse>, Status> {
        let mut heard = self.0.lock().unwrap();
        if heard.refuse {
            return Err(Status::unavailable("the store is down"));
        }
        let mut results = Vec::new();
        for event in request.into_inner().events {
            let known = heard.events.iter().any(|held| held.id == event.id);
            let mut duplicate_rating = false;
            if let Some(v1::event::Body::Rating(rating)) = &event.body {
                duplicate_rating = !heard.rated.insert(rating.session_id.clone()) && !rating.revise;
            }
            let status = if known {
                v1::EventStatus::AlreadyKnown
            } else {
                v1::EventStatus::Accepted
            };
            results.push(v1::EventResult {
                event_id: event.id.clone(),
                status: status.into(),
                reason: String::new(),
                duplicate_rating,
            });
            if !known {
                heard.events.push(event);
            }
        }
        Ok(Response::new(v1::AppendResponse { results }))
    }
}

#[tonic::async_trait]
impl Snapshots for Control {
    type WatchStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<v1::WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (push, updates) = mpsc::channel(4);
        self.0.lock().unwrap().push = Some(push);
        let mut requests = request.into_inner();
        let control = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                control.0.lock().unwrap().watch.push(request);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(updates))))
    }
}

/// Waits for something to become true, for ten seconds at most.
pub async fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(found) = check() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// The same for what must be asked for.
pub async fn eventually_holds(what: &str, mut check: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

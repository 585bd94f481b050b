//! Accepts connections and routes requests.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use floopy_shared::process::clock::Clock;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Options, Shared, chat, embeddings,
    ledger::Ledger,
    respond::{Body, Refusal, json_response},
    world::{MODELS, World},
};

/// Connections served at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 2_048;

/// Largest request: pictures travel inside it.
const BODY_BYTES: usize = 32 * 1024 * 1024;

/// How long a client may take to send its headers, and then its body.
const READ: Duration = Duration::from_secs(30);

/// How long calls in flight may take once a stop was asked for.
const DRAIN: Duration = Duration::from_secs(2);

/// Why there is no simulator.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    #[error("the simulator cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
}

/// A simulator with its listener bound.
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Binds the listener.
    pub async fn bind(options: Options) -> Result<Self, SimulatorError> {
        let failed = |source| SimulatorError::Listen {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let world = World::new(options.seed);
        let ledger = Arc::new(Ledger::default());
        let shared = Arc::new(Shared {
            options,
            world,
            ledger,
            clock: Clock::system(),
        });
        Ok(Self {
            listener,
            addr,
            shared,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The book that its users look into.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.shared.ledger)
    }

    /// Serves until stopped.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let connections = TaskTracker::new();
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: others have to finish first.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let connection = serve(stream, Arc::clone(&self.shared), stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
        connections.close();
        let _stragglers = tokio::time::timeout(DRAIN, connections.wait()).await;
        Ok(())
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    let _slower = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&shared, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection to the simulator ended badly");
    }
}

async fn respond(shared: &Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    let result = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => match read(request).await {
            Ok(body) => chat::complete(shared, &body).await,
            Err(refusal) => Err(refusal),
        },
        (&Method::POST, "/v1/embeddings") => match read(request).await {
            Ok(body) => embeddings::embed(&shared.ledger, &body),
            Err(refusal) => Err(refusal),
        },
        (&Method::GET, "/v1/models") => Ok(models()),
        (_, path) => Err(Refusal::UnknownPath(path.to_owned())),
    };
    result.unwrap_or_else(|refusal| refusal.to_response())
}

async fn read(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    match tokio::time::timeout(READ, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(error)) => Err(Refusal::Invalid(error.to_string())),
        Err(_) => Err(Refusal::Invalid("the body did not arrive in time".into())),
    }
}

fn models() -> Response<Body> {
    let names = MODELS
        .iter()
        .map(|model| model.name)
        .chain([embeddings::MODEL]);
    let entry =
        |name| json!({ "id": name, "object": "model", "created": 0, "owned_by": "simulator" });
    json_response(&json!({ "object": "list", "data": names.map(entry).collect::<Vec<_>>() }))
}

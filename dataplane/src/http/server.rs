//! Accepting connections, serving them, and letting them finish when it is time to stop.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use floopy_shared::process::patient::Patient;
use http::{Request, Response, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{body::Body, caller::Peer, header_timer::HeaderTimer, rarely::Rarely, stall::Watch};
use crate::{
    config::{Limits, Timeouts},
    workers::Workers,
};

/// Wait after the system could not give a connection, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How connections are served.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    builder: Builder<TokioExecutor>,
    header_timeout: Duration,
    client_idle: Duration,
    connections: Arc<Semaphore>,
    tracker: TaskTracker,
    /// No new connections; open ones finish what they have.
    stop: CancellationToken,
    /// Open ones are cut off.
    force: CancellationToken,
    /// Requests say where they come from, which takes memory for each.
    tells_peers: bool,
    /// `None`: connections are served where they are accepted.
    workers: Option<Arc<Workers>>,
}

impl Server {
    pub(crate) fn new(limits: &Limits, timeouts: &Timeouts, stop: CancellationToken) -> Self {
        let header_timeout = Duration::from_millis(timeouts.header_ms);
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .header_read_timeout(header_timeout)
            .max_buf_size(limits.header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(1_024);
        Self {
            builder,
            header_timeout,
            client_idle: Duration::from_millis(timeouts.client_idle_ms),
            connections: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            tracker: TaskTracker::new(),
            stop,
            force: CancellationToken::new(),
            tells_peers: false,
            workers: None,
        }
    }

    /// Where requests come from is told with each, if anybody asks.
    pub(crate) fn telling_peers(self, is_asked: bool) -> Self {
        Self {
            tells_peers: is_asked,
            ..self
        }
    }

    /// Each connection goes to the worker with the least to do.
    pub(crate) fn on(self, workers: Arc<Workers>) -> Self {
        Self {
            workers: Some(workers),
            ..self
        }
    }

    /// Serves until stopped; connections go on after that.
    pub(crate) async fn accept<F, R>(&self, listener: TcpListener, answer: F)
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        loop {
            let accepted = tokio::select! {
                accepted = self.next(&listener) => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, permit)) => self.start(stream, permit, answer.clone()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn start<F, R>(&self, stream: TcpStream, permit: OwnedSemaphorePermit, answer: F)
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let server = self.clone();
        let Some(worker) = self.workers.as_ref().and_then(|w| w.least_busy()) else {
            self.tracker.spawn(server.serve(stream, permit, answer));
            return;
        };
        // Readiness is told to the runtime that a socket was registered with.
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let connection = async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                server.serve(stream, permit, answer).await;
            }
        };
        self.tracker.spawn_on(connection, worker);
    }

    async fn next(&self, listener: &TcpListener) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.connections)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, permit))
    }

    async fn serve<F, R>(self, stream: TcpStream, _permit: OwnedSemaphorePermit, answer: F)
    where
        F: Fn(Request<Incoming>) -> R + Send + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let heard = Arc::new(Notify::new());
        let peer = stream.peer_addr().ok().filter(|_| self.tells_peers);
        let peer = peer.map(|peer| Peer(peer.ip()));
        let watch = Watch::new(self.client_idle);
        let service = service_fn(|mut request: Request<Incoming>| {
            heard.notify_one();
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            let watched = (request.version() == Version::HTTP_2)
                .then(|| (Arc::clone(&watch), watch.request()));
            // What holds it moves it several times.
            let response = Box::pin(answer(request));
            async move {
                let response = response.await;
                Ok::<_, Infallible>(match watched {
                    Some((watch, _busy)) => response.map(|body| watch.watch(body)),
                    None => response,
                })
            }
        });
        let io = TokioIo::new(Patient::new(stream, self.client_idle));
        let mut builder = self.builder.clone();
        // Of this connection alone.
        builder.http1().timer(HeaderTimer::default());
        let mut connection = pin!(builder.serve_connection(io, service));
        let cut_off = pin!(self.cut_off(&heard));
        let finish = pin!(self.finish(&watch));
        let (mut cut_off, mut finish) = (Rarely::new(cut_off), Rarely::new(finish));
        let mut finishing = false;
        loop {
            tokio::select! {
                biased;
                // How a connection ended is the client's affair; calls are recorded one by one.
                _ = connection.as_mut() => return,
                () = &mut cut_off => return,
                () = &mut finish, if !finishing => {
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Waits until a connection must end at once: its client said nothing from the start, or all are cut off.
    async fn cut_off(&self, heard: &Notify) {
        // Telling HTTP/1 from HTTP/2 waits for bytes without a deadline of its own.
        let silent = async {
            if tokio::time::timeout(self.header_timeout, heard.notified())
                .await
                .is_ok()
            {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = silent => {}
            () = self.force.cancelled() => {}
        }
    }

    /// Waits until a connection should take no more requests: the proxy stops, or it was not used for long.
    async fn finish(&self, watch: &Watch) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = watch.until_idle() => {}
        }
    }

    /// Waits for open connections, then cuts off those left; says how many that were.
    pub(crate) async fn drain(&self, deadline: Duration, cut_off: impl FnOnce()) -> usize {
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
        {
            return 0;
        }
        let left = self.tracker.len();
        cut_off();
        self.force.cancel();
        self.tracker.wait().await;
        left
    }
}

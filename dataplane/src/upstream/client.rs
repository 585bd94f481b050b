//! The pooled HTTP client for providers and for the control plane's REST API.
//!
//! Where a server speaks HTTP/1.1, the task that sends a request also drives its connection: no other task is
//! woken on the way, and nothing is handed through a channel. HTTP/2, which TLS negotiates, is hyper's.

mod chunked;
mod connect;
mod h1;
mod pool;
mod resolve;
mod streaming;
mod warm;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2};

use self::{
    connect::{Connector, Transport, connector},
    pool::{Lent, Pools, Shared},
};
use crate::{
    config::Timeouts,
    network::{Forbidden, Guard},
};

pub use self::resolve::Resolver;
pub(crate) use self::streaming::{Streaming, Upload, whole};
pub(crate) use self::warm::Warmer;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("{0:?} has no host")]
    NoHost(Uri),
    #[error("no connection: {0}")]
    Connect(#[source] Failure),
    #[error(transparent)]
    Forbidden(Forbidden),
    #[error("the connection broke: {0}")]
    Broken(#[source] Failure),
}

impl ClientError {
    /// Tells what may not be connected to from what could not be.
    fn of_opening(failure: Failure) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*failure);
        while let Some(error) = cause {
            if let Some(forbidden) = error.downcast_ref::<Forbidden>() {
                return Self::Forbidden(forbidden.clone());
            }
            cause = error.source();
        }
        Self::Connect(failure)
    }
}

/// Sends requests on connections that are kept open.
#[derive(Clone)]
pub(crate) struct Client {
    connector: Connector,
    pools: Arc<Pools>,
}

/// The body of a response.
pub(crate) enum ReplyBody {
    H1(h1::Body),
    H2(Incoming),
}

impl Client {
    /// Without system certificates it can still reach plain HTTP servers.
    pub(crate) fn new(
        timeouts: &Timeouts,
        workers: usize,
        (guard, resolver): (Guard, Resolver),
    ) -> Self {
        let timeout = Duration::from_millis(timeouts.connect_ms);
        Self {
            connector: connector(timeout, guard, resolver),
            pools: Arc::new(Pools::new(workers)),
        }
    }

    /// Sends a request to the host that its address names.
    pub(crate) async fn request(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<ReplyBody>, ClientError> {
        let shared = self.shared(request.uri())?;
        // What was idle may have been closed by the other side; a request that it never saw is sent again.
        while let Some(lent) = shared.lend() {
            match send(&shared, lent, request).await {
                Ok(response) => return Ok(response),
                Err((error, None)) => return Err(error),
                Err((_, Some(unsent))) => request = *unsent,
            }
        }
        // Boxed like all that is seldom awaited: a future is as large as its largest part, and is moved.
        let lent = Box::pin(self.open(&shared)).await?;
        send(&shared, lent, request)
            .await
            .map_err(|(error, _)| error)
    }

    /// From now on each new connection is judged by this guard.
    pub(crate) fn go_by(&self, guard: Guard) {
        self.connector.guard.store(Arc::new(guard));
    }

    /// For bodies that are sent as they come.
    pub(crate) fn streaming(&self) -> Streaming {
        Streaming::new(&self.connector)
    }

    fn shared(&self, uri: &Uri) -> Result<Arc<Shared>, ClientError> {
        let shared = self.pools.of(uri);
        shared.ok_or_else(|| ClientError::NoHost(uri.clone()))
    }

    /// A new connection; one that can be shared is, at once.
    async fn open(&self, shared: &Arc<Shared>) -> Result<Lent, ClientError> {
        let transport = connect::open(&self.connector, shared.uri().clone())
            .await
            .map_err(ClientError::of_opening)?;
        Ok(match transport {
            Transport::H1(io) => Lent::H1(h1::Connection::new(io)),
            Transport::H2(sender) => {
                shared.share(sender.clone());
                Lent::H2(sender)
            }
        })
    }
}

type Unsent = (ClientError, Option<Box<Request<Bytes>>>);

/// Gives the request back where the server cannot have seen it.
async fn send(
    shared: &Arc<Shared>,
    lent: Lent,
    request: Request<Bytes>,
) -> Result<Response<ReplyBody>, Unsent> {
    match lent {
        Lent::H1(connection) => {
            let response = connection.send(Arc::clone(shared), request).await;
            response.map(|response| response.map(ReplyBody::H1))
        }
        Lent::H2(sender) => Box::pin(send_h2(sender, request)).await,
    }
}

async fn send_h2(
    mut sender: http2::SendRequest<Full<Bytes>>,
    request: Request<Bytes>,
) -> Result<Response<ReplyBody>, Unsent> {
    if let Err(error) = sender.ready().await {
        return Err((ClientError::Broken(error.into()), Some(Box::new(request))));
    }
    let body = request.body().clone();
    match sender.try_send_request(request.map(Full::new)).await {
        Ok(response) => Ok(response.map(ReplyBody::H2)),
        Err(mut failed) => {
            let unsent = failed.take_message();
            let unsent = unsent.map(|request| Box::new(request.map(|_| body)));
            Err((ClientError::Broken(failed.into_error().into()), unsent))
        }
    }
}

/// The `Host` header of an origin.
fn host(uri: &Uri) -> HeaderValue {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static(""))
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::H1(body) => body
                .poll_bytes(cx)
                .map(|bytes| bytes.map(|bytes| bytes.map(Frame::data).map_err(Into::into))),
            Self::H2(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::H1(body) => body.is_ended(),
            Self::H2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::H1(body) => body.size_hint(),
            Self::H2(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests;

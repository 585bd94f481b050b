//! A client for what is too large to be held: bodies go out as they come. Files take this way, calls do not.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{ClientError, connect::Connector, resolve::Guarded};
use crate::network::Guard;

/// A body on its way out.
pub(crate) type Upload = UnsyncBoxBody<Bytes, io::Error>;

/// Sends bodies as they come, to what may be connected to.
#[derive(Clone)]
pub(crate) struct Streaming {
    client: legacy::Client<HttpsConnector<HttpConnector<Guarded>>, Upload>,
    guard: Arc<ArcSwap<Guard>>,
}

impl Streaming {
    pub(super) fn new(connector: &Connector) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Seldom used, and from threads that each have a runtime of their own: nothing is kept open.
            .pool_max_idle_per_host(0)
            .build(connector.https.clone());
        Self {
            client,
            guard: Arc::clone(&connector.guard),
        }
    }

    pub(crate) async fn request(
        &self,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, ClientError> {
        let host = request.uri().host().unwrap_or_default();
        // What is an address already is not looked up.
        self.guard
            .load()
            .check_host(host)
            .map_err(ClientError::Forbidden)?;
        let response = self.client.request(request).await;
        response.map_err(|error| {
            if error.is_connect() {
                return ClientError::of_opening(error.into());
            }
            ClientError::Broken(error.into())
        })
    }
}

/// A body that is there already.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Upload {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

//! From a name to addresses that may be connected to.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

use super::Failure;
use crate::network::Guard;

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks names up. The ports of what it finds do not matter.
#[derive(Clone)]
pub struct Resolver(Arc<dyn Fn(Name) -> Looking + Send + Sync>);

impl Resolver {
    /// As the system does it, on threads for what blocks.
    pub fn system() -> Self {
        Self(Arc::new(|name| {
            Box::pin(async move {
                let found = GaiResolver::new().call(name).await?;
                Ok(found.collect())
            })
        }))
    }

    /// By whatever `look_up` does.
    pub fn custom<F>(look_up: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |name| {
            Box::pin(look_up(name.as_str().to_owned()))
        }))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Finds only what may be connected to. Names are looked up anew for every connection, and it is what was found for
/// this one that is judged and connected to: a name that leads elsewhere the second time is no way around.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) resolver: Resolver,
    pub(super) guard: Arc<ArcSwap<Guard>>,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        let host = name.as_str().to_owned();
        let looking = (self.resolver.0)(name);
        Box::pin(async move {
            let found = looking.await?;
            let addresses: Vec<_> = found.iter().map(SocketAddr::ip).collect();
            guard.load().check(&host, &addresses)?;
            Ok(found.into_iter())
        })
    }
}

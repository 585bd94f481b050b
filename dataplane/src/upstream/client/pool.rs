//! Connections that are kept open: for each worker, by where they lead to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::Full;
use hyper::client::conn::http2;

use super::{h1, host};
use crate::workers;

/// Shorter than what common servers and load balancers keep idle connections for.
pub(super) const MAX_IDLE: Duration = Duration::from_secs(45);

/// Older connections take no new requests, so that a host that moved is followed: the next connection asks
/// DNS again. Common time-to-live values of API hosts are between one and five minutes.
pub(super) const MAX_AGE: Duration = Duration::from_secs(300);

/// Idle connections kept for each worker and host.
const MAX_KEPT: usize = 256;

/// Hosts: the providers and the control plane.
const MAX_ORIGINS: usize = 1_024;

/// Where requests go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// `None` where the address has none.
    fn of(uri: &Uri) -> Option<Self> {
        Some(Self {
            scheme: uri.scheme()?.clone(),
            authority: uri.authority()?.clone(),
        })
    }

    fn is_of(&self, uri: &Uri) -> bool {
        uri.authority() == Some(&self.authority) && uri.scheme() == Some(&self.scheme)
    }

    fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// A connection that a request may use.
pub(super) enum Lent {
    H1(h1::Connection),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// The connections of one worker to one origin.
pub(super) struct Shared {
    origin: Origin,
    uri: Uri,
    host: HeaderValue,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The last one returned is at the back, and lent first: it is the least likely to have been closed.
    idle: VecDeque<(h1::Connection, Instant)>,
    h2: Option<(http2::SendRequest<Full<Bytes>>, Instant)>,
}

impl Shared {
    fn new(origin: Origin) -> Self {
        let uri = origin.uri();
        Self {
            host: host(&uri),
            uri,
            origin,
            held: Mutex::default(),
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// One that is open, as far as is known.
    pub(super) fn lend(&self) -> Option<Lent> {
        let now = Instant::now();
        let mut held = self.lock();
        if let Some((sender, since)) = &held.h2 {
            if sender.is_closed() || now - *since > MAX_AGE {
                held.h2 = None;
            } else {
                return Some(Lent::H2(sender.clone()));
            }
        }
        while let Some((mut connection, since)) = held.idle.pop_back() {
            if now - since < MAX_IDLE && connection.is_usable(now) {
                return Some(Lent::H1(connection));
            }
        }
        None
    }

    /// It can be lent again.
    pub(super) fn give_back(&self, connection: h1::Connection) {
        let now = Instant::now();
        let mut held = self.lock();
        if held.idle.len() < MAX_KEPT && connection.is_young(now) {
            held.idle.push_back((connection, now));
        }
    }

    /// From now on, requests share it.
    pub(super) fn share(&self, sender: http2::SendRequest<Full<Bytes>>) {
        self.lock().h2 = Some((sender, Instant::now()));
    }

    /// Drops what is too old or was closed; says whether something usable is left.
    pub(super) fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut held = self.lock();
        held.idle
            .retain_mut(|(connection, since)| now - *since < MAX_IDLE && connection.is_usable(now));
        held.h2
            .take_if(|(sender, since)| sender.is_closed() || now - *since > MAX_AGE);
        held.h2.is_some() || !held.idle.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connections of all workers. A worker uses its own alone, so that nothing crosses threads.
pub(super) struct Pools(Box<[Mutex<Vec<Arc<Shared>>>]>);

impl Pools {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| Mutex::default()).collect())
    }

    /// Those of the worker that asks, to where an address leads; `None` where it leads nowhere.
    pub(super) fn of(&self, uri: &Uri) -> Option<Arc<Shared>> {
        let mut own = self.own();
        if let Some(known) = own.iter().find(|shared| shared.origin.is_of(uri)) {
            return Some(Arc::clone(known));
        }
        let origin = Origin::of(uri)?;
        if own.len() >= MAX_ORIGINS {
            own.clear();
        }
        let shared = Arc::new(Shared::new(origin));
        own.push(Arc::clone(&shared));
        Some(shared)
    }

    /// All origins of the worker that asks.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.own().clone()
    }

    fn own(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        let own = &self.0[workers::current() % self.0.len()];
        own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

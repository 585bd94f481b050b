//! The proxies as the control plane sees them: who is connected, what each took and refused, what each delivered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use floopy_shared::domain::snapshot::Rejection;

use crate::index::subscription::Subscription;

/// Proxies remembered at most; of those that are not connected, the one not seen for longest is forgotten.
const MAX_PROXIES: usize = 256;

/// Every proxy seen since the start.
#[derive(Debug, Default)]
pub(crate) struct Fleet(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Streams so far, which tells one of a node from the next.
    streams: u64,
    proxies: BTreeMap<String, Proxy>,
}

/// What is known of one proxy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxy {
    /// Its stream, while it has one.
    pub(crate) stream: Option<Stream>,
    /// Of the program; empty where it does not say.
    pub(crate) version: String,
    pub(crate) seen_ms: u64,
    /// The snapshot it last answered for, and when.
    pub(crate) acked: Option<(u64, u64)>,
    /// The last refusal of each table.
    pub(crate) refused: BTreeMap<String, Refusal>,
    pub(crate) events: u64,
    pub(crate) events_ms: Option<u64>,
}

/// A stream that is open.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    number: u64,
    pub(crate) since_ms: u64,
    pub(crate) subscription: Arc<Mutex<Subscription>>,
}

/// A table that a proxy did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) version: u64,
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
}

/// A proxy's stream as the fleet knows it; dropped, it is closed.
#[derive(Debug)]
pub(crate) struct Connection {
    fleet: Arc<Fleet>,
    node: String,
    number: u64,
}

impl Fleet {
    /// A proxy opened its stream.
    pub(crate) fn connect(
        self: &Arc<Self>,
        (node, version): (&str, &str),
        subscription: &Arc<Mutex<Subscription>>,
        now_ms: u64,
    ) -> Connection {
        let mut seen = self.lock();
        seen.streams += 1;
        let number = seen.streams;
        let proxy = seen.proxy(node, now_ms);
        version.clone_into(&mut proxy.version);
        proxy.stream = Some(Stream {
            number,
            since_ms: now_ms,
            subscription: Arc::clone(subscription),
        });
        Connection {
            fleet: Arc::clone(self),
            node: node.to_owned(),
            number,
        }
    }

    /// A proxy delivered events.
    pub(crate) fn delivered(&self, node: &str, events: usize, now_ms: u64) {
        if node.is_empty() {
            return;
        }
        let mut seen = self.lock();
        let proxy = seen.proxy(node, now_ms);
        proxy.events += events as u64;
        proxy.events_ms = Some(now_ms);
    }

    /// All of them, by their names.
    pub(crate) fn proxies(&self) -> BTreeMap<String, Proxy> {
        self.lock().proxies.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What is in here is told, and decides nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn proxy(&mut self, node: &str, now_ms: u64) -> &mut Proxy {
        if !self.proxies.contains_key(node) && self.proxies.len() >= MAX_PROXIES {
            let idle = self.proxies.iter().filter(|(_, p)| p.stream.is_none());
            let oldest = idle.min_by_key(|(_, p)| p.seen_ms).map(|(n, _)| n.clone());
            oldest.map(|node| self.proxies.remove(&node));
        }
        let proxy = self.proxies.entry(node.to_owned()).or_default();
        proxy.seen_ms = proxy.seen_ms.max(now_ms);
        proxy
    }
}

impl Connection {
    /// The proxy answered an update.
    pub(crate) fn acked(&self, version: u64, rejected: &[Rejection], now_ms: u64) {
        let mut seen = self.fleet.lock();
        let proxy = seen.proxy(&self.node, now_ms);
        proxy.acked = Some((version, now_ms));
        for rejection in rejected {
            let refusal = Refusal {
                version: rejection.version,
                reason: rejection.reason.clone(),
                at_ms: now_ms,
            };
            proxy.refused.insert(rejection.table.clone(), refusal);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut seen = self.fleet.lock();
        let Some(proxy) = seen.proxies.get_mut(&self.node) else {
            return;
        };
        // One that came back meanwhile has another.
        proxy.stream = proxy.stream.take().filter(|s| s.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription() -> Arc<Mutex<Subscription>> {
        Arc::new(Mutex::new(Subscription::new([])))
    }

    #[test]
    fn a_stream_that_ends_late_does_not_close_the_one_after_it() {
        let fleet = Arc::new(Fleet::default());
        let first = fleet.connect(("a", "1"), &subscription(), 5);
        let second = fleet.connect(("a", "2"), &subscription(), 7);
        drop(first);
        let proxy = fleet.proxies()["a"].clone();
        assert_eq!(proxy.stream.expect("open").since_ms, 7);
        assert_eq!(proxy.version, "2");
        drop(second);
        assert!(fleet.proxies()["a"].stream.is_none());
    }

    #[test]
    fn the_one_not_seen_for_longest_is_forgotten_and_none_that_is_connected() {
        let fleet = Arc::new(Fleet::default());
        let _held = fleet.connect(("held", ""), &subscription(), 0);
        for n in 0..MAX_PROXIES as u64 {
            fleet.delivered(&format!("n{n}"), 1, n + 1);
        }
        let seen = fleet.proxies();
        assert_eq!(seen.len(), MAX_PROXIES);
        assert!(seen.contains_key("held") && !seen.contains_key("n0"));
    }
}

//! Who may be inside: as many calls, and as many bytes of their bodies, as the proxy can hold, shared fairly.
//!
//! Fairness is that of dynamic thresholds (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
//! Shared-Memory Packet Switches", 1998): a tenant is let in while it holds less than a constant times what is
//! still free. One tenant alone gets `tenant_share` of everything; k busy ones get equal parts of a little
//! more; and something is always free for the next one, which meets a lower threshold only once it is as big
//! as the others. Nothing has to know how many tenants are busy.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use floopy_shared::domain::{ids::TenantId, known::KnownMap};
use prometheus_client::metrics::gauge::Gauge;

use crate::config;

/// Calls for each thread that serves, of which two are seldom ready at once.
const CROWD: usize = 4;

/// How many may be inside, and whether it is closing time.
#[derive(Debug)]
pub(crate) struct Doors {
    calls: Room,
    bytes: Room,
    tenants: ArcSwap<KnownMap<TenantId, Arc<Held>>>,
    /// Of callers without a known key.
    strangers: Arc<Held>,
    in_flight: Gauge,
    /// With more calls than this inside, some are likely to be ready at the same time.
    crowd: usize,
    draining: AtomicBool,
    forced: AtomicBool,
}

/// Something that there is only so much of.
#[derive(Debug)]
struct Room {
    limit: usize,
    taken: AtomicUsize,
    /// A tenant may hold this many times what is free.
    appetite: f64,
}

/// What one tenant holds.
#[derive(Debug, Default)]
struct Held {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Shed {
    #[error("this proxy has {0} requests in flight, as many as it takes")]
    Full(usize),
    #[error("this tenant has {0} requests in flight, its share of this proxy at the moment")]
    OverShare(usize),
    #[error("this proxy holds request bodies of {0} bytes, as many as it takes")]
    BytesFull(usize),
    #[error(
        "this tenant's requests in flight have {0} bytes, its share of this proxy at the moment"
    )]
    BytesOverShare(usize),
}

impl Room {
    fn new(limit: usize, tenant_share: f64) -> Self {
        Self {
            limit,
            taken: AtomicUsize::new(0),
            // With share s of all, and 1 − s left free: s = appetite · (1 − s).
            appetite: tenant_share / (1.0 - tenant_share),
        }
    }

    /// Gives what is taken then; `Err`: what was taken already.
    fn take(&self, amount: usize) -> Result<usize, usize> {
        let before = self.taken.fetch_add(amount, Ordering::Relaxed);
        let after = before.saturating_add(amount);
        if after > self.limit {
            self.give(amount);
            return Err(before);
        }
        Ok(after)
    }

    fn give(&self, amount: usize) {
        self.taken.fetch_sub(amount, Ordering::Relaxed);
    }

    /// Whether a tenant may hold `mine` when `taken` is taken by all. Whoever holds nothing yet always may.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn is_fair(&self, (mine, amount): (usize, usize), taken: usize) -> bool {
        let free = self.limit.saturating_sub(taken) as f64;
        let is_protected = self.appetite.is_finite();
        mine == amount || !is_protected || mine as f64 <= self.appetite * free
    }
}

impl Doors {
    pub(crate) fn new(limits: &config::Limits, in_flight: Gauge) -> Self {
        Self {
            calls: Room::new(limits.in_flight, limits.tenant_share),
            bytes: Room::new(limits.body_bytes_in_flight, limits.tenant_share),
            tenants: ArcSwap::default(),
            strangers: Arc::default(),
            in_flight,
            crowd: limits.workers.saturating_mul(CROWD),
            draining: AtomicBool::new(false),
            forced: AtomicBool::new(false),
        }
    }

    /// Before it is known who calls.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Passage, Shed> {
        self.calls.take(1).map_err(Shed::Full)?;
        self.in_flight.inc();
        Ok(Passage {
            doors: Arc::clone(self),
            held: None,
            bytes: 0,
        })
    }

    /// Whether it is worth letting other calls have their turn, so that what they do can be done together. Else nobody
    /// else is there, and a thread that has nothing to do asks the system whether there is something.
    pub(crate) fn is_crowded(&self) -> bool {
        self.calls.taken.load(Ordering::Relaxed) > self.crowd
    }

    fn held(&self, tenant: &TenantId) -> Arc<Held> {
        if let Some(held) = self.tenants.load().get(tenant) {
            return Arc::clone(held);
        }
        // Once for every tenant. Two at once add the same one.
        self.tenants.rcu(|tenants| {
            let mut tenants = KnownMap::clone(tenants);
            tenants.entry(tenant.clone()).or_default();
            tenants
        });
        let tenants = self.tenants.load();
        tenants.get(tenant).map(Arc::clone).unwrap_or_default()
    }

    /// Nobody new is let in by the listener.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whoever is still inside is cut off.
    pub(crate) fn force(&self) {
        self.forced.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.forced.load(Ordering::Relaxed)
    }
}

/// The right to be served; held by the response body until its last byte.
#[derive(Debug)]
pub(crate) struct Passage {
    doors: Arc<Doors>,
    held: Option<Arc<Held>>,
    bytes: usize,
}

impl Passage {
    /// It is known who calls; `None`: nobody whom we know.
    pub(crate) fn seat(&mut self, tenant: Option<&TenantId>) -> Result<(), Shed> {
        if self.held.is_some() {
            return Ok(());
        }
        let held = match tenant {
            Some(tenant) => self.doors.held(tenant),
            None => Arc::clone(&self.doors.strangers),
        };
        let mine = held.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let room = &self.doors.calls;
        if !room.is_fair((mine, 1), room.taken.load(Ordering::Relaxed)) {
            held.calls.fetch_sub(1, Ordering::Relaxed);
            return Err(Shed::OverShare(mine - 1));
        }
        self.held = Some(held);
        Ok(())
    }

    /// Room for this much of a body in all, before it is read.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Shed> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let room = &self.doors.bytes;
        let taken = room.take(more).map_err(Shed::BytesFull)?;
        let held = self.held.as_ref().unwrap_or(&self.doors.strangers);
        let mine = held.bytes.fetch_add(more, Ordering::Relaxed) + more;
        if !room.is_fair((mine, bytes), taken) {
            held.bytes.fetch_sub(more, Ordering::Relaxed);
            room.give(more);
            return Err(Shed::BytesOverShare(mine - more));
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let held = self.held.as_ref().unwrap_or(&self.doors.strangers);
        held.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if let Some(held) = &self.held {
            held.calls.fetch_sub(1, Ordering::Relaxed);
        }
        self.doors.bytes.give(self.bytes);
        self.doors.calls.give(1);
        self.doors.in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(in_flight: usize, body_bytes_in_flight: usize, tenant_share: f64) -> Arc<Doors> {
        let limits = config::Limits {
            in_flight,
            body_bytes_in_flight,
            tenant_share,
            ..config::Limits::default()
        };
        Arc::new(Doors::new(&limits, Gauge::default()))
    }

    fn enter(doors: &Arc<Doors>, tenant: &str, bytes: usize) -> Result<Passage, Shed> {
        let mut passage = doors.enter()?;
        passage.seat(Some(&TenantId::new(tenant).expect("valid")))?;
        passage.hold(bytes)?;
        Ok(passage)
    }

    /// As many as are let in of these.
    fn flood(doors: &Arc<Doors>, tenant: &str, calls: usize) -> Vec<Passage> {
        (0..calls)
            .filter_map(|_| enter(doors, tenant, 0).ok())
            .collect()
    }

    #[test]
    fn one_tenant_alone_gets_its_share_and_leaves_the_rest_free() {
        let doors = doors(100, 1_000, 0.8);
        let inside = flood(&doors, "a", 500);
        assert_eq!(inside.len(), 80);
        assert_eq!(
            enter(&doors, "a", 0).expect_err("full"),
            Shed::OverShare(80)
        );
        assert_eq!(
            flood(&doors, "b", 500).len(),
            16,
            "at once, from what is free"
        );
        drop(inside);
        assert_eq!(doors.calls.taken.load(Ordering::Relaxed), 0);
        assert_eq!(flood(&doors, "b", 500).len(), 80, "alone in its turn");
    }

    #[test]
    fn as_calls_end_busy_tenants_come_to_equal_shares() {
        let doors = doors(90, 1_000, 0.8);
        let mut inside = [flood(&doors, "a", 90), Vec::new()];
        for _ in 0..200 {
            for (held, tenant) in inside.iter_mut().zip(["a", "b"]) {
                held.pop();
                held.extend(flood(&doors, tenant, 9));
            }
        }
        let sizes = inside.map(|held| held.len());
        assert!(sizes.iter().all(|n| (37..=42).contains(n)), "{sizes:?}");
    }

    #[test]
    fn bytes_are_bounded_for_all_and_shared_too() {
        let doors = doors(100, 1_000, 0.8);
        let big = enter(&doors, "a", 900).expect("whoever holds nothing may");
        let refused = enter(&doors, "a", 50).expect_err("over its share");
        assert_eq!(refused, Shed::BytesOverShare(900));
        assert_eq!(
            enter(&doors, "b", 200).expect_err("too big for what is left"),
            Shed::BytesFull(900)
        );
        assert!(enter(&doors, "b", 60).is_ok());
        drop(big);
        assert_eq!(doors.bytes.taken.load(Ordering::Relaxed), 0);
        let mut growing = enter(&doors, "b", 10).expect("room");
        assert_eq!((growing.hold(5), growing.hold(400)), (Ok(()), Ok(())));
        assert_eq!(doors.bytes.taken.load(Ordering::Relaxed), 400);
    }

    #[test]
    fn without_protection_a_tenant_may_have_everything() {
        let doors = doors(10, 1_000, 1.0);
        let inside = flood(&doors, "a", 50);
        assert_eq!(inside.len(), 10);
        assert_eq!(enter(&doors, "b", 0).expect_err("full"), Shed::Full(10));
    }
}

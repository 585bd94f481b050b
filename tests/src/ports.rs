//! Ports for the processes under test, outside the range that the kernel hands to outgoing connections.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Mutex, PoisonError},
};

use rand::Rng;

/// What this process gave out: a port is free until somebody listens, which may be after the next is asked for.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A loopback address nobody listens on, another one each time.
pub fn free_addr() -> SocketAddr {
    let mut rng = rand::rng();
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    (0..200)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, rng.random_range(12_000..32_000))))
        .filter(|addr| given.insert(addr.port()))
        .find(|addr| TcpListener::bind(addr).is_ok())
        .expect("a free port")
}

//! Ports for the processes under test, outside the range that the kernel hands to outgoing connections.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng;

/// A loopback address nobody listens on.
pub fn free_addr() -> SocketAddr {
    let mut rng = rand::rng();
    (0..200)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, rng.random_range(12_000..32_000))))
        .find(|addr| TcpListener::bind(addr).is_ok())
        .expect("a free port")
}

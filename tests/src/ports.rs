//! Ports for the processes under test, outside the range that the kernel hands to outgoing connections.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{Mutex, PoisonError},
};

use rand::Rng;

/// Locks of what this process gave out, held until it ends. A port is free until somebody listens, which may be
/// after it is asked for again, by this test or by one beside it: with random ports alone, one run of all tests in
/// two or three meets itself.
static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A loopback address nobody listens on, another one each time.
pub fn free_addr() -> SocketAddr {
    let locks = env::temp_dir().join("floopy-test-ports");
    fs::create_dir_all(&locks).expect("a directory of locks");
    let mut rng = rand::rng();
    (0..200)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, rng.random_range(12_000..32_000))))
        .find(|addr| is_ours(&locks, addr.port()) && TcpListener::bind(addr).is_ok())
        .expect("a free port")
}

/// Whether no test has this port; then this one has it.
fn is_ours(locks: &Path, port: u16) -> bool {
    let lock = File::create(locks.join(port.to_string())).expect("a lock");
    let is_ours = lock.try_lock().is_ok();
    if is_ours {
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        given.push(lock);
    }
    is_ours
}

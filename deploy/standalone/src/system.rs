//! The three planes in one process, over the same gRPC contract as three processes, through memory.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use floopy_controlplane as control;
use floopy_dataplane as proxy;
use floopy_judge_worker as judge;
use floopy_shared::process::{
    clock::Clock,
    config::Secret,
    credentials::{Credentials, Unloaded},
    rpc::Dialer,
    supervise::{TaskError, Tasks},
};
use prometheus_client::registry::Registry;
use rand::Rng;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, PlaneConfigs},
    data_dir::{DataDir, DataDirError},
    reload::Reloadable,
};

/// What the planes may take to end after the proxy has drained and flushed.
const BACK_DRAIN: Duration = Duration::from_secs(10);

/// How often it is looked whether the first snapshot came, and for how long.
const READY_POLL: Duration = Duration::from_millis(5);
const READY_WAIT: Duration = Duration::from_secs(5);

/// A system that listens and has not begun to serve.
pub struct System {
    proxy: SocketAddr,
    ready: Box<dyn Fn() -> bool + Send + Sync>,
    rest: SocketAddr,
    minted_key: Option<String>,
    operator_key_file: Option<PathBuf>,
    tasks: Tasks,
    /// Stops what the proxy still needs while it drains.
    back_stop: CancellationToken,
    deadline: Duration,
    reloadable: Option<Reloadable>,
    _data_dir: DataDir,
}

/// Why the system cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(
        "{address} is in use by another program; stop it, or set {key} in floopy.toml to another address"
    )]
    AddressInUse {
        address: SocketAddr,
        key: &'static str,
    },
    #[error(transparent)]
    Credentials(#[from] Unloaded),
    #[error("the control plane does not start: {0}")]
    Control(control::Error),
    #[error("the proxy does not start: {0}")]
    Proxy(proxy::Error),
    #[error(
        "{source}\n\nAn API key was made before that, shown this once; only its hash is kept: {key}"
    )]
    AfterKey {
        source: Box<StartError>,
        key: String,
    },
}

impl System {
    /// Takes the data directory and binds every listener.
    pub async fn start(config: &Config, stop: CancellationToken) -> Result<Self, StartError> {
        let data_dir = DataDir::take(&config.data_dir)?;
        // Held until the control plane is there: it may make a key, which a start that fails must not lose.
        let held = hold(config)?;
        let mut planes = planes(config)?;
        let (dialer, incoming) = Dialer::memory();
        let registry = Arc::new(Mutex::new(Registry::default()));
        let clock = Clock::system();
        let back_stop = CancellationToken::new();

        let deps = control::Deps {
            incoming: Some(incoming),
            clock: clock.clone(),
            registry: Arc::clone(&registry),
            // Its own, so that a plane that fails is not mistaken for others that were asked to end.
            stop: back_stop.child_token(),
        };
        let prepared = control::prepare(planes.control, deps).await;
        let prepared = prepared.map_err(|e| control_error(e, config))?;
        let rest = prepared.rest_addr();
        let minted_key = prepared.minted_key().map(str::to_owned);
        let operator_key_file = prepared.operator_key_file().map(Path::to_owned);

        planes.proxy.control.rest = format!("http://{rest}").into();
        let deadline =
            Duration::from_millis(planes.proxy.drain_ms + planes.proxy.spool.flush_ms) + BACK_DRAIN;
        let deps = proxy::Deps {
            dialer: dialer.clone(),
            clock: clock.clone(),
            resolver: proxy::Resolver::system(),
            registry: Arc::clone(&registry),
            stop: stop.child_token(),
        };
        drop(held);
        let bound = proxy::bind(planes.proxy, deps).await;
        let bound = bound.map_err(|e| with_key(proxy_error(e, config), minted_key.as_deref()))?;
        let (addr, ready) = (bound.addr(), Box::new(bound.readiness()));
        prepared.set_proxy(&format!("http://{}", reached(addr)));
        let reloadable = Some(Reloadable::of((&prepared, &bound), (clock, &registry)));

        let mut tasks = Tasks::new(stop);
        tasks.spawn("proxy", then_cancel(back_stop.clone(), bound.run()));
        tasks.spawn("control plane", prepared.run());
        let deps = judge::Deps {
            dialer,
            registry,
            stop: back_stop.child_token(),
        };
        if config.judge.enabled {
            tasks.spawn("judge", judge::run(planes.judge, deps));
        }
        Ok(Self {
            proxy: addr,
            ready,
            rest,
            minted_key,
            operator_key_file,
            tasks,
            back_stop,
            deadline,
            reloadable,
            _data_dir: data_dir,
        })
    }

    /// Where applications reach the proxy.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// Waits until the first snapshot came, so that the first call is served; gives up after a while, because
    /// the proxy says itself what it lacks.
    pub async fn ready(&self) {
        let polled = async {
            while !(self.ready)() {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        let _ = tokio::time::timeout(READY_WAIT, polled).await;
    }

    /// Where the control plane answers.
    pub fn rest(&self) -> SocketAddr {
        self.rest
    }

    /// The API key that was made because there was none.
    pub fn minted_key(&self) -> Option<&str> {
        self.minted_key.as_deref()
    }

    /// Cancelled once the proxy has drained; for what the proxy calls.
    pub fn back_stop(&self) -> CancellationToken {
        self.back_stop.clone()
    }

    /// Where the operator's key is, if it was made here and is still there.
    pub fn operator_key_file(&self) -> Option<&Path> {
        self.operator_key_file.as_deref()
    }

    /// What goes by another configuration, for whoever reads one; given once.
    pub(crate) fn take_reloadable(&mut self) -> Option<Reloadable> {
        self.reloadable.take()
    }

    /// Adds a task that lives as long as the system.
    pub fn spawn<E>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.tasks.spawn(name, task);
    }

    /// Serves until stopped. The proxy drains and delivers its spool first, while the others still run.
    pub async fn run(self) -> Result<(), TaskError> {
        let Self {
            tasks,
            back_stop,
            deadline,
            _data_dir,
            ..
        } = self;
        // A plane that dies early takes the proxy with it, and the proxy's end frees the rest.
        let ended = tasks.run(deadline).await;
        back_stop.cancel();
        ended
    }
}

/// Takes the proxy's port. Whatever else is wrong with the address is said when it is bound for good.
fn hold(config: &Config) -> Result<Option<TcpListener>, StartError> {
    match TcpListener::bind(config.proxy.listen) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(StartError::AddressInUse {
            address: config.proxy.listen,
            key: "proxy.listen",
        }),
        bound => Ok(bound.ok()),
    }
}

/// Tells the key with the error, since nobody else will.
fn with_key(error: StartError, key: Option<&str>) -> StartError {
    match key {
        None => error,
        Some(key) => StartError::AfterKey {
            source: Box::new(error),
            key: key.to_owned(),
        },
    }
}

/// Cancels when the task is over, even by a panic: others wait for it.
async fn then_cancel<T>(token: CancellationToken, task: impl Future<Output = T>) -> T {
    let _over = token.drop_guard();
    task.await
}

/// Where this machine reaches what listens there: everywhere is also here.
fn reached(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// Where the keys for credentials are made and kept if nothing is said of any.
const CREDENTIALS_KEY: &str = "credentials.key";

fn planes(config: &Config) -> Result<PlaneConfigs, StartError> {
    let mut planes = PlaneConfigs::new(config, &plane_token());
    if !config.credentials.is_set() {
        let path = planes.control.data_dir.join(CREDENTIALS_KEY);
        let found = Credentials::made_at(&path)?;
        planes.control.credentials.clone_from(&found);
        planes.proxy.credentials = found;
    }
    Ok(planes)
}

/// Nobody needs to know it: it is made anew at every start.
fn plane_token() -> Secret {
    let bytes: [u8; 32] = rand::rng().random();
    Secret::new(hex::encode(bytes))
}

fn control_error(error: control::Error, config: &Config) -> StartError {
    if address_in_use(&error) {
        return StartError::AddressInUse {
            address: config.control.listen,
            key: "control.listen",
        };
    }
    StartError::Control(error)
}

fn proxy_error(error: proxy::Error, config: &Config) -> StartError {
    if address_in_use(&error) {
        return StartError::AddressInUse {
            address: config.proxy.listen,
            key: "proxy.listen",
        };
    }
    StartError::Proxy(error)
}

fn address_in_use(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::AddrInUse)
        {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn config(dir: &std::path::Path, proxy: SocketAddr) -> Config {
        let mut config = Config {
            data_dir: dir.to_owned(),
            ..Config::default()
        };
        config.proxy.listen = proxy;
        config.control.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config
    }

    async fn list(rest: SocketAddr, key: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(rest).await.expect("listens");
        let request = format!(
            "GET /v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("read");
        reply
    }

    #[tokio::test]
    async fn the_first_key_is_told_by_the_first_start_that_finds_its_port_free() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
        let addr = taken.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let refused = System::start(&config(dir.path(), addr), stop.clone())
            .await
            .err()
            .expect("taken");
        assert!(
            matches!(refused, StartError::AddressInUse { address, .. } if address == addr),
            "{refused}"
        );
        drop(taken);
        let system = System::start(&config(dir.path(), addr), stop.clone())
            .await
            .expect("starts");
        let key = system.minted_key().expect("told").to_owned();
        let rest = system.rest();
        let running = tokio::spawn(system.run());
        let reply = list(rest, &key).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        stop.cancel();
        running.await.expect("no panic").expect("ends well");
        let again = System::start(&config(dir.path(), addr), CancellationToken::new()).await;
        assert_eq!(again.expect("starts").minted_key(), None);
    }

    #[tokio::test]
    async fn a_proxy_that_fails_after_the_key_was_made_tells_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        // Where the proxy wants a directory.
        std::fs::write(dir.path().join("proxy"), "x").expect("written");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let error = System::start(&config(dir.path(), any), CancellationToken::new())
            .await
            .err()
            .expect("no directory");
        assert!(
            error.to_string().contains("shown this once") && error.to_string().contains("fl_"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_panic_of_the_proxy_frees_those_who_wait_for_it() {
        let token = CancellationToken::new();
        let task = tokio::spawn(then_cancel(token.clone(), async { panic!("as tested") }));
        let ended: Result<(), _> = task.await;
        assert!(ended.is_err() && token.is_cancelled());
    }
}

//! The three planes in one process, over the same gRPC contract as three processes, through memory.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use floopy_controlplane as control;
use floopy_dataplane as proxy;
use floopy_judge_worker as judge;
use floopy_shared::process::{
    clock::Clock,
    config::Secret,
    rpc::Dialer,
    supervise::{TaskError, Tasks},
};
use prometheus_client::registry::Registry;
use rand::Rng;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, PlaneConfigs},
    data_dir::{DataDir, DataDirError},
};

/// What the planes may take to end after the proxy has drained and flushed.
const BACK_DRAIN: Duration = Duration::from_secs(10);

/// A system that listens and has not begun to serve.
pub struct System {
    proxy: SocketAddr,
    rest: SocketAddr,
    minted_key: Option<String>,
    tasks: Tasks,
    /// Stops what the proxy still needs while it drains.
    back_stop: CancellationToken,
    deadline: Duration,
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
    #[error("the control plane does not start: {0}")]
    Control(control::Error),
    #[error("the proxy does not start: {0}")]
    Proxy(proxy::Error),
}

impl System {
    /// Takes the data directory and binds every listener.
    pub async fn start(config: &Config, stop: CancellationToken) -> Result<Self, StartError> {
        let data_dir = DataDir::take(&config.data_dir)?;
        let token = plane_token();
        let mut planes = PlaneConfigs::new(config, &token);
        let (dialer, incoming) = Dialer::memory();
        let registry = Arc::new(Mutex::new(Registry::default()));
        let clock = Clock::system();
        let back_stop = CancellationToken::new();

        let deps = control::Deps {
            incoming: Some(incoming),
            clock: clock.clone(),
            registry: Arc::clone(&registry),
            stop: back_stop.clone(),
        };
        let prepared = control::prepare(planes.control, deps)
            .await
            .map_err(|e| control_error(e, config))?;
        let (rest, minted_key) = (
            prepared.rest_addr(),
            prepared.minted_key().map(str::to_owned),
        );

        planes.proxy.control.rest = format!("http://{rest}");
        let deadline =
            Duration::from_millis(planes.proxy.drain_ms + planes.proxy.spool.flush_ms) + BACK_DRAIN;
        let deps = proxy::Deps {
            dialer: dialer.clone(),
            clock,
            registry: Arc::clone(&registry),
            stop: stop.clone(),
        };
        let bound = proxy::bind(planes.proxy, deps)
            .await
            .map_err(|e| proxy_error(e, config))?;
        let addr = bound.addr();

        let mut tasks = Tasks::new(stop);
        let after_proxy = back_stop.clone();
        tasks.spawn("proxy", async move {
            let ended = bound.run().await;
            after_proxy.cancel();
            ended
        });
        tasks.spawn("control plane", prepared.run());
        if config.judge.enabled {
            let deps = judge::Deps {
                dialer,
                registry,
                stop: back_stop.clone(),
            };
            tasks.spawn("judge", judge::run(planes.judge, deps));
        }
        Ok(Self {
            proxy: addr,
            rest,
            minted_key,
            tasks,
            back_stop,
            deadline,
            _data_dir: data_dir,
        })
    }

    /// Where applications reach the proxy.
    pub fn proxy(&self) -> SocketAddr {
        self.proxy
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

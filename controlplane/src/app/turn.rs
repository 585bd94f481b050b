//! A control plane beside others on one database: it stands by until it is its turn to lead. Until then its gRPC port is
//! closed, so that proxies go on to the one that leads, and its REST port says that it stands by.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use floopy_shared::process::tls::Reloading;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::{Deps, Error, Grpc, Prepared, core, core::Core, listen, plane_tls, setup};
use crate::{
    config::Config,
    rest,
    store::{Location, Purpose, Store},
};

/// Connections that may wait to be accepted, as everywhere.
const BACKLOG: u32 = 1_024;

/// The planes' port before it is opened.
type Reserved = (SocketAddr, TcpSocket, Option<Reloading<ServerConfig>>);

/// Prepares like [`super::prepare`], once no other control plane leads; `None` where it was stopped before.
pub async fn prepare_in_turn(config: Config, deps: Deps) -> Result<Option<Prepared>, Error> {
    // What is wrong is said now and not when the others are gone.
    setup::check(&config)?;
    let (rest, rest_addr) = listen("rest_listen", config.rest_listen).await?;
    let rest = Arc::new(rest);
    let grpc = match config.grpc_listen {
        Some(addr) => {
            let tls = plane_tls(&config, addr)?;
            Some((addr, reserve(addr)?, tls))
        }
        None => None,
    };
    let Deps {
        incoming,
        clock,
        registry,
        stop,
    } = deps;
    let leads = leads(&registry);
    let process = core::Process {
        clock,
        registry: Arc::clone(&registry),
        stop: stop.clone(),
    };
    let location = Location::of(&config, Purpose::InTurn);
    let is_led = Store::is_led(&location).await?;
    let opening = Core::open(config, process, &location);
    let core = if is_led {
        standing_by((&rest, registry), opening, stop).await?
    } else {
        tokio::select! {
            opened = opening => Some(opened?),
            () = stop.cancelled() => None,
        }
    };
    let Some(core) = core else {
        return Ok(None);
    };
    leads.set(1);
    tracing::info!("this control plane leads");
    Ok(Some(Prepared {
        core,
        rest,
        rest_addr,
        grpc: grpc.map(open).transpose()?,
        incoming,
    }))
}

/// Answers that it stands by until it need not any more, or is stopped.
async fn standing_by(
    (rest, registry): (&Arc<TcpListener>, Arc<Mutex<Registry>>),
    opening: impl Future<Output = Result<Core, Error>>,
    stop: CancellationToken,
) -> Result<Option<Core>, Error> {
    let over = CancellationToken::new();
    let router = rest::standby(registry);
    let answering = rest::serve(Arc::clone(rest), router, over.clone());
    let waiting = async {
        let opened = tokio::select! {
            opened = opening => opened.map(Some),
            () = stop.cancelled() => Ok(None),
        };
        over.cancel();
        opened
    };
    let (opened, answered) = tokio::join!(waiting, answering);
    match answered {
        Ok(()) => opened,
        Err(never) => match never {},
    }
}

fn leads(registry: &Mutex<Registry>) -> Gauge {
    let leads = Gauge::default();
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    registry.register(
        "floopy_control_leads",
        "1: this control plane leads; 0: it stands by",
        leads.clone(),
    );
    leads
}

/// Takes an address; whoever connects is refused until it is opened.
fn reserve(addr: SocketAddr) -> Result<TcpSocket, Error> {
    let failed = |source| Error::Listen {
        key: "grpc_listen",
        addr,
        source,
    };
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(failed)?;
    // As every listener: connections that were closed a moment ago do not hold it.
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(addr).map_err(failed)?;
    Ok(socket)
}

fn open((addr, socket, tls): Reserved) -> Result<Grpc, Error> {
    let failed = |source| Error::Listen {
        key: "grpc_listen",
        addr,
        source,
    };
    let listener = socket.listen(BACKLOG).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok(Grpc {
        listener,
        addr,
        tls,
    })
}

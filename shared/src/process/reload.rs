//! Reading the configuration anew while a process runs: on SIGHUP and when an operator asks, one after the other; and
//! showing the one that is in force.

use std::{
    convert::Infallible,
    future::Future,
    io,
    sync::{Mutex, PoisonError, atomic::AtomicI64},
};

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
};

use super::clock::Clock;

/// Operators that may wait for their turn.
const WAITING: usize = 4;

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Keys that changed and are in force now.
    pub applied: Vec<String>,
    /// Keys that changed and are not in force before the next start.
    pub needs_restart: Vec<String>,
}

/// A configuration, as it was read last.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Shown {
    /// Where it was read; `None`: nowhere, all is as by default.
    pub file: Option<String>,
    /// Keys that the file sets; all others have their defaults, or are from the environment.
    pub set: Vec<String>,
    /// Keys that are not in force before the next start.
    pub needs_restart: Vec<String>,
    /// Everything that can be set, without secrets.
    pub configuration: serde_json::Value,
}

/// Why there was none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReloaded {
    /// The configuration cannot be used: nothing changed.
    #[error("{0}")]
    Refused(String),
    /// Nobody here reads the configuration anew.
    #[error("this process does not read its configuration again")]
    Nobody,
}

/// What somebody waits for.
#[derive(Debug)]
enum Ask {
    Reload(oneshot::Sender<Result<Reloaded, NotReloaded>>),
    Show(oneshot::Sender<Shown>),
}

/// Asks for reloads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloads(mpsc::Sender<Ask>);

impl Reloads {
    /// Reads the configuration anew, and says what came of it.
    pub async fn ask(&self) -> Result<Reloaded, NotReloaded> {
        let (answer, told) = oneshot::channel();
        let asked = self.0.send(Ask::Reload(answer)).await;
        asked.map_err(|_| NotReloaded::Nobody)?;
        told.await.map_err(|_| NotReloaded::Nobody)?
    }

    /// The configuration as it was read last.
    pub async fn show(&self) -> Result<Shown, NotReloaded> {
        let (answer, told) = oneshot::channel();
        let asked = self.0.send(Ask::Show(answer)).await;
        asked.map_err(|_| NotReloaded::Nobody)?;
        told.await.map_err(|_| NotReloaded::Nobody)
    }
}

/// What reads a configuration and puts it in force: all of it, or nothing and the reason.
pub trait Reload: Send {
    fn reload(&mut self) -> impl Future<Output = Result<Reloaded, String>> + Send;

    /// What was read last.
    fn show(&self) -> Shown;
}

/// Hears who wants a reload.
#[derive(Debug)]
pub struct Reloading {
    hangups: Signal,
    waiting: mpsc::Receiver<Ask>,
    reloads: Reloads,
}

/// Of the last reload; a start counts as one.
#[derive(Debug, Clone, Default)]
struct Metrics {
    successful: Gauge<i64, AtomicI64>,
    success_s: Gauge<i64, AtomicI64>,
}

impl Reloading {
    /// From now on SIGHUP does not end the process.
    pub fn new() -> io::Result<Self> {
        let (asks, waiting) = mpsc::channel(WAITING);
        Ok(Self {
            hangups: signal(SignalKind::hangup())?,
            waiting,
            reloads: Reloads(asks),
        })
    }

    /// For whoever may ask.
    pub fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }

    /// Reloads whenever that is asked for; never ends by itself.
    pub async fn run(
        mut self,
        mut reload: impl Reload,
        (clock, registry): (Clock, &Mutex<Registry>),
    ) -> Infallible {
        let metrics = Metrics::register(registry);
        metrics.told(true, &clock);
        loop {
            // It holds one end itself, so there is always somebody who may ask.
            let ask = tokio::select! {
                _ = self.hangups.recv() => None,
                ask = self.waiting.recv() => ask,
            };
            let ask = match ask {
                Some(Ask::Reload(ask)) => Some(ask),
                Some(Ask::Show(ask)) => {
                    // Whoever asked may have left.
                    let _ = ask.send(reload.show());
                    continue;
                }
                None => None,
            };
            let done = reload.reload().await;
            metrics.told(done.is_ok(), &clock);
            match &done {
                Ok(Reloaded {
                    applied,
                    needs_restart,
                }) => {
                    tracing::info!(?applied, ?needs_restart, "the configuration was read again");
                }
                Err(error) => {
                    tracing::error!(
                        error,
                        "the configuration was not taken; what was in force stays"
                    );
                }
            }
            // Whoever asked may have left.
            let _ = ask.map(|ask| ask.send(done.map_err(NotReloaded::Refused)));
        }
    }
}

impl Metrics {
    fn register(registry: &Mutex<Registry>) -> Self {
        let metrics = Self::default();
        let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(
            "floopy_config_last_reload_successful",
            "1: the configuration was taken when it was read last; 0: it was refused, and the one before is in force",
            metrics.successful.clone(),
        );
        registry.register(
            "floopy_config_last_reload_success_timestamp_seconds",
            "When a configuration was taken last",
            metrics.success_s.clone(),
        );
        metrics
    }

    fn told(&self, is_taken: bool, clock: &Clock) {
        self.successful.set(i64::from(is_taken));
        if is_taken {
            let now_s = i64::try_from(clock.now_ms() / 1_000).unwrap_or(i64::MAX);
            self.success_s.set(now_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_where_nobody_reloads_is_told() {
        let reloading = Reloading::new().expect("signals");
        let reloads = reloading.reloads();
        drop(reloading);
        assert_eq!(reloads.ask().await, Err(NotReloaded::Nobody));
    }

    struct Refusing;

    impl Reload for Refusing {
        async fn reload(&mut self) -> Result<Reloaded, String> {
            Err("x.toml:1: a: is 0".to_owned())
        }

        fn show(&self) -> Shown {
            Shown {
                set: vec!["a".to_owned()],
                ..Shown::default()
            }
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_told_to_who_asked() {
        let registry = Mutex::new(Registry::default());
        let reloading = Reloading::new().expect("signals");
        let reloads = reloading.reloads();
        let clock = Clock::from_source(|| 5_000);
        let asked = async { (reloads.ask().await, reloads.show().await) };
        let (told, shown) = tokio::select! {
            never = reloading.run(Refusing, (clock, &registry)) => match never {},
            told = asked => told,
        };
        let expected = NotReloaded::Refused("x.toml:1: a: is 0".to_owned());
        assert_eq!(told, Err(expected));
        assert_eq!(shown.map(|shown| shown.set), Ok(vec!["a".to_owned()]));
    }
}

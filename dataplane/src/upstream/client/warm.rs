//! Keeps connections to the providers open before anybody needs them.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use http::Uri;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Client, Lent};

/// How often what is idle is looked at: connections that the other side closed are noticed within this time.
const EVERY: Duration = Duration::from_secs(5);

/// For one connection, TLS included.
const DEADLINE: Duration = Duration::from_secs(10);

/// Keeps at least one connection open from one worker to each provider.
pub(crate) struct Warmer {
    client: Client,
    providers: Arc<ArcSwap<Vec<Uri>>>,
}

impl Warmer {
    pub(crate) fn new(client: Client, providers: Arc<ArcSwap<Vec<Uri>>>) -> Self {
        Self { client, providers }
    }

    /// Works on the worker it runs on, until stopped. That a provider cannot be reached is found out, and
    /// told, by those who call it.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut due = interval(EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = stop.cancelled() => return,
            }
            for shared in self.client.pools.all() {
                shared.sweep();
            }
            for uri in self.providers.load().iter() {
                self.warm(uri).await;
            }
        }
    }

    async fn warm(&self, uri: &Uri) {
        let Ok(shared) = self.client.shared(uri) else {
            return;
        };
        if shared.sweep() {
            return;
        }
        match timeout(DEADLINE, self.client.open(&shared)).await {
            Ok(Ok(Lent::H1(connection))) => shared.give_back(connection),
            // It is shared already.
            Ok(Ok(Lent::H2(_))) => {}
            Ok(Err(error)) => tracing::debug!(%uri, %error, "a provider is not reachable"),
            Err(_) => tracing::debug!(%uri, "a provider does not answer"),
        }
    }
}

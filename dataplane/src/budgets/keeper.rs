//! Keeps the books on the disk, and hears from the control plane what all proxies spent.

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{control::Told, gateway::Gateway};

/// Between two looks at what is new.
const EVERY: Duration = Duration::from_secs(1);
/// The control plane is asked each time that so many of them are over.
const ASK_EVERY: u32 = 2;
/// Pages of one answer: what is not heard now is heard the next time.
const MAX_PAGES: usize = 200;
/// Of the time, writing takes a twentieth at most.
const REST: u32 = 20;

/// Runs beside the calls.
pub(crate) struct Keeper {
    gateway: Arc<Gateway>,
    path: PathBuf,
    told: Told,
    /// Whether the last question was answered.
    is_heard: bool,
    asked: u32,
}

impl Keeper {
    pub(crate) fn new(gateway: Arc<Gateway>, path: PathBuf, told: Told) -> Self {
        Self {
            gateway,
            path,
            told,
            is_heard: true,
            asked: 0,
        }
    }

    /// Until it is stopped; then the books are written once more.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.hear() => {}
            }
            let began = Instant::now();
            self.keep().await;
            let pause = EVERY.max(began.elapsed().saturating_mul(REST));
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
            }
        }
        self.keep().await;
        Ok(())
    }

    /// Asks what was spent since the last answer, where some tenant has budgets.
    async fn hear(&mut self) {
        let is_due = self.asked.is_multiple_of(ASK_EVERY);
        self.asked = self.asked.wrapping_add(1);
        let snapshot = self.gateway.current.snapshot();
        if !is_due || snapshot.tenants().all(|tenant| tenant.budgets.is_empty()) {
            return;
        }
        let budgets = &self.gateway.budgets;
        for _ in 0..MAX_PAGES {
            let since_ms = budgets.since_ms.load(Ordering::Relaxed);
            let Some(page) = self.told.since(since_ms).await else {
                if std::mem::replace(&mut self.is_heard, false) {
                    tracing::warn!(
                        "the control plane does not say what was spent of budgets; this proxy counts by itself"
                    );
                }
                return;
            };
            budgets.hear(page.rows, self.gateway.clock.now_ms());
            budgets.since_ms.store(page.since_ms, Ordering::Relaxed);
            if !std::mem::replace(&mut self.is_heard, true) {
                tracing::info!("the control plane says again what was spent of budgets");
            }
            if !page.has_more {
                return;
            }
        }
    }

    async fn keep(&self) {
        let Some(book) = self.gateway.budgets.changed() else {
            return;
        };
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &book.encode())).await;
        if let Err(error) = written.map_err(io::Error::other).flatten() {
            self.gateway.budgets.lock().not_kept();
            tracing::warn!(%error, path = %self.path.display(), "the books of budgets were not written");
        }
    }
}

/// In place of the ones before, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, bytes)?;
    std::fs::rename(&next, path)
}

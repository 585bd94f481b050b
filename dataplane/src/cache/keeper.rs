//! What a tenant may no longer keep, or one that is gone left behind, leaves the cache with the snapshot that says so.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use floopy_shared::domain::{ids::TenantId, snapshot::Snapshot};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// Looks at every snapshot that is taken in.
pub(crate) struct Keeper {
    pub gateway: Arc<Gateway>,
    /// Told of every update.
    pub updates: watch::Receiver<()>,
}

impl Keeper {
    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.updates.changed() => if changed.is_err() {
                    stop.cancelled().await;
                    return Ok(());
                },
            }
            let keeping = keeping(&self.gateway.current.snapshot());
            self.gateway.cache.keep_only(|of| keeping.contains(of));
        }
    }
}

/// Tenants whose replies may be kept.
fn keeping(snapshot: &Snapshot) -> BTreeSet<TenantId> {
    let tenants = snapshot.tenants().filter(|tenant| !tenant.zero_retention);
    tenants.map(|tenant| tenant.id.clone()).collect()
}

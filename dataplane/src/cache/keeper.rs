//! What a tenant may no longer keep, or one that is gone left behind, leaves the cache with the snapshot that says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
};

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
        let mut flushed: BTreeMap<TenantId, u64> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.updates.changed() => if changed.is_err() {
                    stop.cancelled().await;
                    return Ok(());
                },
            }
            let snapshot = self.gateway.current.snapshot();
            let keeping = keeping(&snapshot);
            self.gateway.cache.keep_only(|of| keeping.contains(of));
            let now_ms = self.gateway.clock.now_ms();
            for tenant in snapshot
                .tenants()
                .filter(|tenant| tenant.caching.generation > 0)
            {
                let generation = tenant.caching.generation;
                if flushed.insert(tenant.id.clone(), generation) != Some(generation) {
                    let cache = &self.gateway.cache;
                    cache.forget_flushed(&tenant.id, &tenant.caching, now_ms);
                }
            }
        }
    }
}

/// Tenants whose replies may be kept.
fn keeping(snapshot: &Snapshot) -> BTreeSet<TenantId> {
    let tenants = snapshot.tenants().filter(|tenant| !tenant.zero_retention);
    tenants.map(|tenant| tenant.id.clone()).collect()
}

//! Has the model ready as long as some tenant wants its calls looked at.

use std::{convert::Infallible, sync::Arc};

use floopy_shared::domain::{firewall::Mode, snapshot::Snapshot};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// Looks at every snapshot that is taken in, and at the one that there is at the start.
pub(crate) struct Keeper {
    pub gateway: Arc<Gateway>,
    /// Told of every update.
    pub updates: watch::Receiver<()>,
}

impl Keeper {
    /// Until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            let wanted = is_wanted(&self.gateway.current.snapshot());
            self.gateway.firewall.want(wanted);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.updates.changed() => if changed.is_err() {
                    stop.cancelled().await;
                    return Ok(());
                },
            }
        }
    }
}

fn is_wanted(snapshot: &Snapshot) -> bool {
    let mut tenants = snapshot.tenants();
    tenants.any(|tenant| tenant.firewall.mode != Mode::Off)
}
